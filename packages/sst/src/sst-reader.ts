import type { BytesVector, SstMeta, TableSchema, Vector } from '@meru/core'
import type { FileSystem } from '@meru/fs'
import { readRanges, readRangesSync } from './byte-ranges.ts'
import { selectColumns, type ColumnSelection } from './column-selection.ts'
import { lowerBound as lowerKey, newSearchKey, type SearchKey, type SortedKeys } from './key-prefix.ts'
import { locateKeys } from './locate.ts'
import type { PageCache } from './page-cache.ts'
import { PageLoader } from './page-loader.ts'
import type { TypedPages } from './page-selection.ts'
import { pageOfRow } from './page-places.ts'
import { RowLoader } from './row-load.ts'
import { findRow, rowParts, type RowParts } from './row-page.ts'
import { planScan, type ReadOptions, type SstRows } from './row-scan.ts'
import { RowWalk, type WalkRange } from './row-walk.ts'
import { openSstFile, type SstFile } from './sst-file.ts'

/** The key is not in the file. */
export const ABSENT = -1
/** A page is not in memory: load it with `loadMissing` or `loadMissingSync` and ask again. */
export const PAGE_MISS = -2

const NO_BYTES: Uint8Array = new Uint8Array()

/** So many loads a search waits for that bring it no further. */
const WAITS_MAX = 4

/** After so many keys that were all found the next one is expected to be there too. */
const LIKELY_AFTER = 8

export interface SstReaderOptions {
  readonly fs: FileSystem
  readonly path: string
  readonly meta: SstMeta
  /** The schema that the file was written under. */
  readonly schema: TableSchema
  /** Shared by all files of a process. */
  readonly cache: PageCache
}

/**
 * One row in memory, in one of two forms. Where `bytes` is not empty they hold the encoded row, and the parts say where:
 * always on level 0, mostly on deeper ones. Else `vectors` is parallel to the column ids asked for, and the row is value
 * `index` of each. The reader reuses the object and the cache the memory: read it before the reader is asked again, and
 * before any page is loaded.
 */
export interface RowRef extends RowParts {
  readonly vectors: Vector[]
  index: number
}

/**
 * Reads one SST. What is asked by key answers at once from pages in memory, or says that one is missing; so waiting
 * callers and those that cannot wait share all but the reads.
 */
export class SstReader {
  readonly meta: SstMeta
  readonly pages: TypedPages
  private readonly file: SstFile
  private readonly loader: PageLoader
  private readonly rows: RowLoader
  private readonly ref: RowRef = {
    bytes: NO_BYTES,
    keyStart: 0,
    keyEnd: 0,
    valueStart: 0,
    valueEnd: 0,
    vectors: [],
    index: 0,
  }
  private readonly wanted: Wanted = {
    key: newSearchKey(),
    page: -1,
    isFound: false,
    foundInTurn: 0,
    missing: [],
    isRow: false,
    selection: { ids: [], columns: undefined },
    position: -1,
    rowPosition: -1,
    row: { bytes: NO_BYTES, keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 },
  }

  private constructor(file: SstFile, cache: PageCache) {
    this.meta = file.meta
    this.pages = file.typedPages
    this.file = file
    this.loader = new PageLoader(file, cache)
    this.rows = new RowLoader(file, this.loader)
  }

  /** Opens a file; damage to anything but its pages is found here. */
  static async open({ fs, path, meta, schema, cache }: SstReaderOptions): Promise<SstReader> {
    return new SstReader(await openSstFile(fs, path, meta, schema), cache)
  }

  async close(): Promise<void> {
    this.loader.close()
    await this.file.handle.close()
  }

  /** False if the key is certainly not in the file. Needs no page. */
  mayContain(key: Uint8Array, start: number, end: number): boolean {
    return this.file.keyIndex.covers(key, start, end) && this.file.filter.mayContain(key, start, end)
  }

  /** The position of a key, `ABSENT`, or `PAGE_MISS`. */
  find(key: Uint8Array, start: number, end: number): number {
    const { wanted, loader } = this
    const { keyIndex, filter } = this.file
    if (!this.aim(key, start, end)) return ABSENT
    // Where keys are found again and again, the filter would only say what a page in memory says as well.
    const isLikely = wanted.foundInTurn === LIKELY_AFTER
    if (!isLikely && !filter.mayContain(key, start, end)) return this.absent()
    const page = keyIndex.pageOf(wanted.key)
    if (isLikely && loader.frames[page] === 0 && !filter.mayContain(key, start, end)) return this.absent()
    const position = this.search(page)
    if (position === PAGE_MISS) return position
    if (!wanted.isFound) return this.absent()
    if (!isLikely) wanted.foundInTurn++
    wanted.position = position
    return position
  }

  /** The position of the first key not below the given one, `meta.rows` if there is none, or `PAGE_MISS`. */
  lowerBound(key: Uint8Array, start: number, end: number): number {
    const { keyIndex, meta } = this.file
    if (!this.aim(key, start, end)) return keyIndex.isBefore(key, start, end) ? 0 : meta.rows
    const position = this.search(keyIndex.pageOf(this.wanted.key))
    // The key may be no whole one, of which there can be a row.
    this.wanted.isRow = false
    return position
  }

  /**
   * The row at a position, or `PAGE_MISS`. Give the same array of column ids for the same columns: it is looked at only
   * when it is another one.
   */
  row(position: number, columnIds: readonly number[]): RowRef | typeof PAGE_MISS {
    const { ref, loader, wanted } = this
    const { cache } = loader
    const { keyGrid } = this.file
    if (this.wanted.selection.ids !== columnIds) this.wanted.selection = selectColumns(this.file, columnIds)
    const isNear =
      wanted.page >= 0 &&
      position >= keyGrid.firstRows[wanted.page] &&
      position < keyGrid.firstRows[wanted.page + 1]
    const page = isNear ? wanted.page : pageOfRow(keyGrid, position)
    const first = keyGrid.firstRows[page]
    const slot = loader.frames[page]
    if (slot !== 0) {
      const { frames } = cache
      if (frames.used[slot - 1] === 0) frames.used[slot - 1] = 1
      cache.hits++
      clear(ref.vectors)
      rowParts(
        frames.memory,
        frames.offsetOf(slot),
        keyGrid.firstRows[page + 1] - first,
        position - first,
        ref,
      )
      return ref
    }
    const unit = loader.units.rows(page)
    const cached = loader.table[unit]
    if (cached?.rows !== undefined) {
      cached.used = true
      cache.hits++
      clear(ref.vectors)
      rowParts(cached.rows, 0, keyGrid.firstRows[page + 1] - first, position - first, ref)
      return ref
    }
    if (this.wanted.selection.columns !== undefined)
      return this.columnRow(position - first, page, this.wanted.selection.columns)
    if (wanted.position === position) {
      const { bytes, start, end } = wanted.key
      if (wanted.rowPosition < 0) wanted.rowPosition = this.rows.find(bytes, start, end, wanted.row)
      if (wanted.rowPosition === position) {
        clear(ref.vectors)
        return Object.assign(ref, wanted.row)
      }
    }
    wanted.missing = [unit]
    wanted.isRow = wanted.position === position && this.rows.isFor(page)
    cache.misses++
    return PAGE_MISS
  }

  /**
   * Loads what the last answer lacked. To be called right after `PAGE_MISS`, before any other question. After so many
   * loads that brought a search no further, the next one does not wait, and returns nothing to be awaited: what it brings
   * cannot be put out of the cache by other searches before the question is asked again. Otherwise some that go on at
   * the same time could take each other's pages away for ever.
   */
  loadMissing(loads = 0): Promise<void> | undefined {
    if (loads >= WAITS_MAX) {
      this.loadMissingSync()
      return undefined
    }
    const { loader, rows } = this
    const { missing, page, isRow } = this.wanted
    if (!isRow) return loader.load(missing)
    return rows.load(page, this.wantedKey()).then((isThere) => (isThere ? undefined : loader.load(missing)))
  }

  /** As `loadMissing`, without waiting for anything but the disk. */
  loadMissingSync(): void {
    const { missing, page } = this.wanted
    if (this.wanted.isRow && this.rows.loadSync(page, this.wantedKey())) return
    this.loader.loadSync(missing)
  }

  /** Goes over the encoded rows of a key range from the cache. */
  walk(range: WalkRange): RowWalk {
    return new RowWalk(this.file, this.loader, range)
  }

  /** Reads rows [from, to), past the cache unless asked otherwise. */
  async readRows(
    from: number,
    to: number,
    columnIds: readonly number[],
    options: ReadOptions = {},
  ): Promise<SstRows> {
    const plan = planScan(this.file, this.loader, from, to, columnIds, options)
    return readRanges(this.file.handle, plan.ranges, plan.decode)
  }

  readRowsSync(from: number, to: number, columnIds: readonly number[], options: ReadOptions = {}): SstRows {
    const plan = planScan(this.file, this.loader, from, to, columnIds, options)
    return readRangesSync(this.file.handle, plan.ranges, plan.decode)
  }

  /**
   * Finds many keys, ascending and without repetition. Calls back with the index of each key that is in the file and
   * its position, both ascending. Reads keys only, each page at most once, past the cache. Keys with a 1 in `isDone`,
   * which is parallel to them, are not looked for.
   */
  locate(
    keys: BytesVector,
    hit: (keyIndex: number, position: number) => void,
    isDone?: Uint8Array,
  ): Promise<void> {
    return locateKeys(this.file, this.loader, keys, hit, isDone)
  }

  /** Makes a key the one that is wanted. False if the file does not cover it. */
  private aim(bytes: Uint8Array, start: number, end: number): boolean {
    const { wanted } = this
    const { key } = wanted
    wanted.position = -1
    wanted.rowPosition = -1
    key.bytes = bytes
    key.start = start
    key.end = end
    return this.file.keyIndex.aim(key)
  }

  private absent(): typeof ABSENT {
    this.wanted.foundInTurn = 0
    return ABSENT
  }

  /**
   * The position of the first key not below the one that is wanted, which lies on a page if anywhere; `wanted` tells
   * whether it is that key. Frames are asked first: after a row of a page was read, its keys are there too.
   */
  private search(page: number): number {
    const { loader, wanted } = this
    const { cache } = loader
    const { keyIndex, keyGrid, rowColumn } = this.file
    const { key } = wanted
    wanted.page = page
    const first = keyGrid.firstRows[page]
    const rows = keyGrid.firstRows[page + 1] - first
    const slot = loader.frames[page]
    if (slot !== 0) {
      const { frames } = cache
      if (frames.used[slot - 1] === 0) frames.used[slot - 1] = 1
      cache.hits++
      const guess = Math.floor(keyIndex.shareOf(page, key.prefix) * rows)
      const index = findRow(frames.memory, frames.offsetOf(slot), rows, key, guess)
      wanted.isFound = index >= 0
      return first + (index >= 0 ? index : ~index)
    }
    const cached = loader.table[loader.units.rows(page)] ?? loader.table[loader.units.keys(page)]
    if (cached === undefined) {
      // Where rows are read after they are found, one load brings both.
      const isRowNext =
        rowColumn !== undefined ||
        (this.wanted.selection.ids.length > 0 && this.wanted.selection.columns === undefined)
      if (isRowNext) {
        wanted.rowPosition = this.rows.find(key.bytes, key.start, key.end, wanted.row)
        wanted.isFound = wanted.rowPosition >= 0
        if (wanted.isFound) {
          cache.hits++
          return wanted.rowPosition
        }
      }
      wanted.missing = [isRowNext ? loader.units.rows(page) : loader.units.keys(page)]
      wanted.isRow = isRowNext && this.rows.isFor(page)
      cache.misses++
      return PAGE_MISS
    }
    cached.used = true
    cache.hits++
    if (cached.rows !== undefined) {
      const index = findRow(cached.rows, 0, rows, key, -1)
      wanted.isFound = index >= 0
      return first + (index >= 0 ? index : ~index)
    }
    const keys = cached.keys as SortedKeys
    const index = lowerKey(keys, key, -1)
    wanted.isFound = index < rows && isKey(keys, index, key)
    return first + index
  }

  private wantedKey(): Uint8Array {
    const { bytes, start, end } = this.wanted.key
    return bytes.slice(start, end)
  }

  private columnRow(index: number, page: number, columns: readonly number[]): RowRef | typeof PAGE_MISS {
    const { ref, loader } = this
    const { table, units, cache } = loader
    for (let i = 0; i < columns.length; i++) {
      const cached = table[units.column(columns[i], page)]
      if (cached === undefined) {
        // All pages of the row and its key: those that are here must not go to make room for the others.
        this.wanted.isRow = false
        this.wanted.missing = [units.keys(page), ...columns.map((column) => units.column(column, page))]
        cache.misses++
        return PAGE_MISS
      }
      if (!cached.used) cached.used = true
      ref.vectors[i] = cached.vector as Vector
    }
    cache.hits += columns.length
    ref.vectors.length = columns.length
    ref.bytes = NO_BYTES
    ref.index = index
    return ref
  }
}

/** The key searched for last, where it would be, and whether it is there; what the last answer `PAGE_MISS` lacked. */
interface Wanted {
  readonly key: SearchKey
  page: number
  isFound: boolean
  /** How many keys were found one after another, up to `LIKELY_AFTER`. */
  foundInTurn: number
  /** The columns asked for last. */
  selection: ColumnSelection
  /** What `find` answered last. */
  position: number
  missing: readonly number[]
  /** Instead of what is missing, the one row may be loaded. */
  isRow: boolean
  /** The position of the row that was found alone, and its parts; -1 if none was. */
  rowPosition: number
  readonly row: RowParts
}

/** Setting the length of an array is a call even where it changes nothing. */
function clear(vectors: Vector[]): void {
  if (vectors.length > 0) vectors.length = 0
}

function isKey({ bytes, offsets }: SortedKeys, index: number, key: SearchKey): boolean {
  const at = offsets[index]
  const length = key.end - key.start
  if (offsets[index + 1] - at !== length) return false
  for (let i = 0; i < length; i++) if (bytes[at + i] !== key.bytes[key.start + i]) return false
  return true
}

/** The position of the first key not below the given one; `meta.rows` if there is none. */
export async function seek(reader: SstReader, key: Uint8Array): Promise<number> {
  for (let loads = 0; ; loads++) {
    const position = reader.lowerBound(key, 0, key.length)
    if (position !== PAGE_MISS) return position
    const load = reader.loadMissing(loads)
    if (load !== undefined) await load
  }
}

/** As `seek`, without waiting for anything but the disk. */
export function seekSync(reader: SstReader, key: Uint8Array): number {
  for (;;) {
    const position = reader.lowerBound(key, 0, key.length)
    if (position !== PAGE_MISS) return position
    reader.loadMissingSync()
  }
}

import type { BytesVector, SstMeta, TableSchema, Vector } from '@meru/core'
import type { FileSystem } from '@meru/fs'
import { readRanges, readRangesSync } from './byte-ranges.ts'
import { keyPrefix, lowerBound as lowerKey, type SortedKeys } from './key-prefix.ts'
import { locateKeys } from './locate.ts'
import type { CachedPage, PageCache } from './page-cache.ts'
import { PageLoader } from './page-loader.ts'
import { pageOfRow } from './page-places.ts'
import { compareRow, lowerRow, rowParts, type RowParts } from './row-page.ts'
import { columnIndex, planScan, type ReadOptions, type SstRows } from './row-scan.ts'
import { openSstFile, type SstFile } from './sst-file.ts'

/** The key is not in the file. */
export const ABSENT = -1
/** A page is not in memory: load it with `loadMissing` or `loadMissingSync` and ask again. */
export const PAGE_MISS = -2

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
 * One row in memory. Level 0: `bytes` is set, and the parts of the encoded row are in it. Deeper: `vectors` is set,
 * parallel to the column ids asked for, and the row is value `index` of each. The reader reuses the object and the
 * cache the memory: read it before anything else is asked of the reader, and before any await.
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
  private readonly file: SstFile
  private readonly loader: PageLoader
  private readonly cache: PageCache
  private readonly ref: RowRef = {
    bytes: new Uint8Array(),
    keyStart: 0,
    keyEnd: 0,
    valueStart: 0,
    valueEnd: 0,
    vectors: [],
    index: 0,
  }
  /** What the last answer `PAGE_MISS` lacked. */
  private missing: readonly number[] = []
  /** The last column ids asked for, and their places. */
  private selected: { ids: readonly number[]; columns: readonly number[] } = { ids: [], columns: [] }

  private constructor(file: SstFile, cache: PageCache) {
    this.meta = file.meta
    this.file = file
    this.cache = cache
    this.loader = new PageLoader(file, cache)
  }

  /** Opens a file; damage to anything but its pages is found here. */
  static async open({ fs, path, meta, schema, cache }: SstReaderOptions): Promise<SstReader> {
    return new SstReader(await openSstFile(fs, path, meta, schema), cache)
  }

  async close(): Promise<void> {
    this.loader.close()
    await this.file.handle.close()
  }

  closeSync(): void {
    this.loader.close()
    this.file.handle.closeSync()
  }

  /** False if the key is certainly not in the file. Needs no page. */
  mayContain(key: Uint8Array, start: number, end: number): boolean {
    return this.file.keyIndex.covers(key, start, end) && this.file.filter.mayContain(key, start, end)
  }

  /** The position of a key, `ABSENT`, or `PAGE_MISS`. */
  find(key: Uint8Array, start: number, end: number): number {
    if (!this.mayContain(key, start, end)) return ABSENT
    const { keyIndex, keyGrid } = this.file
    const page = keyIndex.pageOf(key, start, end)
    const cached = this.keyPage(page)
    if (cached === undefined) return PAGE_MISS
    const prefix = keyPrefix(key, start + keyIndex.skip, end)
    const { rows, keys } = cached
    if (rows !== undefined) {
      const index = lowerRow(rows, key, start, end, prefix)
      const isFound = index < rows.rows && compareRow(rows, index, key, start, end) === 0
      return isFound ? keyGrid.firstRows[page] + index : ABSENT
    }
    const sorted = keys as SortedKeys
    const index = lowerKey(sorted, 0, sorted.count, { bytes: key, start, end, prefix })
    const isFound = index < sorted.count && isKey(sorted, index, key, start, end)
    return isFound ? keyGrid.firstRows[page] + index : ABSENT
  }

  /** The position of the first key not below the given one, `meta.rows` if there is none, or `PAGE_MISS`. */
  lowerBound(key: Uint8Array, start: number, end: number): number {
    const { keyIndex, keyGrid, meta } = this.file
    if (!keyIndex.covers(key, start, end)) return keyIndex.isBefore(key, start, end) ? 0 : meta.rows
    const page = keyIndex.pageOf(key, start, end)
    const cached = this.keyPage(page)
    if (cached === undefined) return PAGE_MISS
    const prefix = keyPrefix(key, start + keyIndex.skip, end)
    const { rows, keys } = cached
    if (rows !== undefined) return keyGrid.firstRows[page] + lowerRow(rows, key, start, end, prefix)
    const sorted = keys as SortedKeys
    return keyGrid.firstRows[page] + lowerKey(sorted, 0, sorted.count, { bytes: key, start, end, prefix })
  }

  /** The row at a position, or `PAGE_MISS`. */
  row(position: number, columnIds: readonly number[]): RowRef | typeof PAGE_MISS {
    const { ref } = this
    const { keyGrid, rowColumn } = this.file
    const page = pageOfRow(keyGrid, position)
    if (rowColumn === undefined) return this.columnRow(position - keyGrid.firstRows[page], page, columnIds)
    const cached = this.keyPage(page)
    if (cached?.rows === undefined) return PAGE_MISS
    rowParts(cached.rows, position - keyGrid.firstRows[page], ref)
    return ref
  }

  /** Loads what the last answer lacked. To be called right after `PAGE_MISS`, before any other question. */
  loadMissing(): Promise<void> {
    return this.loader.load(this.missing)
  }

  /** As `loadMissing`, without waiting for anything but the disk. */
  loadMissingSync(): void {
    this.loader.loadSync(this.missing)
  }

  /** Reads rows [from, to) past the cache. */
  async readRows(
    from: number,
    to: number,
    columnIds: readonly number[],
    options: ReadOptions = {},
  ): Promise<SstRows> {
    const plan = planScan(this.file, this.loader, from, to, columnIds, options)
    return plan.decode(await readRanges(this.file.handle, plan.ranges))
  }

  readRowsSync(from: number, to: number, columnIds: readonly number[], options: ReadOptions = {}): SstRows {
    const plan = planScan(this.file, this.loader, from, to, columnIds, options)
    return plan.decode(readRangesSync(this.file.handle, plan.ranges))
  }

  /**
   * Finds many keys, ascending and without repetition. Calls back with the index of each key that is in the file and
   * its position, both ascending. Reads keys only, each page at most once, past the cache.
   */
  locate(keys: BytesVector, hit: (keyIndex: number, position: number) => void): Promise<void> {
    return locateKeys(this.file, this, keys, hit)
  }

  private keyPage(page: number): CachedPage | undefined {
    const cached = this.loader.table[page]
    if (cached === undefined) {
      this.missing = [page]
      this.cache.misses++
      return undefined
    }
    if (!cached.used) cached.used = true
    this.cache.hits++
    return cached
  }

  private columnRow(index: number, page: number, columnIds: readonly number[]): RowRef | typeof PAGE_MISS {
    if (this.selected.ids !== columnIds) {
      this.selected = { ids: columnIds, columns: columnIds.map((id) => columnIndex(this.file, id)) }
    }
    const { columns } = this.selected
    const { ref, loader } = this
    const { table, units } = loader
    for (let i = 0; i < columns.length; i++) {
      const cached = table[units.column(columns[i], page)]
      if (cached === undefined) {
        // All pages of the row: those that are here must not go to make room for the others.
        // The page of keys belongs to them: whoever asks again asks for the position first.
        this.missing = [page, ...columns.map((column) => units.column(column, page))]
        this.cache.misses++
        return PAGE_MISS
      }
      if (!cached.used) cached.used = true
      ref.vectors[i] = cached.vector as Vector
    }
    this.cache.hits += columns.length
    ref.vectors.length = columns.length
    ref.index = index
    return ref
  }
}

function isKey(
  { bytes, offsets }: SortedKeys,
  index: number,
  key: Uint8Array,
  start: number,
  end: number,
): boolean {
  const at = offsets[index]
  const length = end - start
  if (offsets[index + 1] - at !== length) return false
  for (let i = 0; i < length; i++) if (bytes[at + i] !== key[start + i]) return false
  return true
}

/** The position of the first key not below the given one; `meta.rows` if there is none. */
export async function seek(reader: SstReader, key: Uint8Array): Promise<number> {
  for (;;) {
    const position = reader.lowerBound(key, 0, key.length)
    if (position !== PAGE_MISS) return position
    await reader.loadMissing()
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

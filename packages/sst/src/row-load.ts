import { compareBytes, encodeKeyVector, type Vector } from '@meru/core'
import { coalesce, readRanges, readRangesSync, type ByteRange, type LoadedRange } from './byte-ranges.ts'
import { pageRanges, pageVector } from './column-page.ts'
import { dataPage, dictionaryPage } from './page-body.ts'
import type { PageLoader } from './page-loader.ts'
import { groupOfPage } from './page-places.ts'
import type { RowCache } from './row-cache.ts'
import { integerKeyId, keysOf } from './row-keys.ts'
import type { RowParts } from './row-page.ts'
import type { SstFile } from './sst-file.ts'
import { VectorSink } from './vector-sink.ts'

/** A page counts as read just now for at least so many such reads. */
const RECENT_MIN = 64

/** How one row of a page is read without making rows of the whole page. */
interface RowPlan {
  readonly ranges: readonly ByteRange[]
  /** Keeps the row in the cache of rows. False if the page has no row with the key, or there is no room for it. */
  readonly decode: (loaded: readonly LoadedRange[]) => boolean
}

/**
 * Brings single rows of a file into the cache: while there is no room for pages, only pages of which two rows are wanted
 * one soon after the other come in whole.
 */
export class RowLoader {
  private readonly file: SstFile
  private readonly loader: PageLoader
  private readonly rows: RowCache
  /** What the cache of rows calls the file. */
  private readonly number: number
  /** By page: how many pages had been read for one row each when this one was, counting it. */
  private lastReads: Float64Array | undefined

  constructor(file: SstFile, loader: PageLoader) {
    this.file = file
    this.loader = loader
    this.rows = loader.cache.rows
    this.number = this.rows.join()
  }

  /** The position of the row with a key, and where its parts are; -1 if it is not in the cache of rows. */
  find(key: Uint8Array, start: number, end: number, parts: RowParts): number {
    return this.file.rowColumn === undefined ? this.rows.find(this.number, key, start, end, parts) : -1
  }

  /** True if one row of a page is to be loaded, rather than the page. */
  isFor(page: number): boolean {
    const { file, loader, rows } = this
    if (file.rowColumn !== undefined) return false
    const { frames } = loader.cache
    const { firstRows } = file.typedGrid
    const count = firstRows[page + 1] - firstRows[page]
    const bytes = pageBytes(file, page, count)
    if (!rows.fits(bytes / count)) return false
    return (frames.isFull || !frames.takes(bytes)) && !this.isRecent(page)
  }

  /** True if a page that had come in when this one was read for a row would still be here. */
  private isRecent(page: number): boolean {
    const lastRead = this.lastReads?.[page] ?? 0
    return lastRead > 0 && this.rows.reads - lastRead < Math.max(RECENT_MIN, this.loader.cache.frames.count)
  }

  /** Loads the row with a key from its page. False if it is not in the cache then. */
  load(page: number, key: Uint8Array): Promise<boolean> {
    const { ranges, decode } = this.plan(page, key)
    return readRanges(this.file.handle, ranges, decode)
  }

  loadSync(page: number, key: Uint8Array): boolean {
    const { ranges, decode } = this.plan(page, key)
    return readRangesSync(this.file.handle, ranges, decode)
  }

  private plan(page: number, key: Uint8Array): RowPlan {
    const { file, loader } = this
    const columns = file.schema.columns.map((_, i) => new ColumnPage(file, loader, i, page))
    const ranges = columns.flatMap((column) => column.ranges)
    this.lastReads ??= new Float64Array(file.typedGrid.pages)
    this.lastReads[page] = ++this.rows.reads
    const decode = (loaded: readonly LoadedRange[]): boolean => {
      loader.checkOpen()
      const index = placeOf(keysOfPage(file, columns, loaded), key)
      return index >= 0 && this.keep({ page, index, key }, columns, loaded)
    }
    return { ranges: coalesce(ranges), decode }
  }

  private keep(
    { page, index, key }: { readonly page: number; readonly index: number; readonly key: Uint8Array },
    columns: readonly ColumnPage[],
    loaded: readonly LoadedRange[],
  ): boolean {
    const { schema, keyColumns, assembler, typedGrid } = this.file
    const values = columns.map((column) => column.value(loaded, index))
    const keyValues = keyColumns.map((column) => values[column])
    const keys = encodeKeyVector(schema, keyValues, 1)
    const row = assembler.assemble(values, keys)
    const isKey = compareBytes(keys.bytes, keys.offsets[0], keys.offsets[1], key, 0, key.length) === 0
    if (!isKey || !this.rows.fits(row.length)) return false
    this.rows.add(this.number, typedGrid.firstRows[page] + index, row)
    return true
  }
}

/** About how many bytes the rows of a page of the typed columns have. */
function pageBytes({ places, schema, typedGrid }: SstFile, page: number, rows: number): number {
  const group = groupOfPage(typedGrid, page)
  let bytes = 0
  for (let i = 0; i < schema.columns.length; i++) {
    const { rawBytes, chunks } = places.columns[i]
    const dictionary = chunks[group]?.dictionary
    bytes += dictionary === undefined ? rawBytes[page] : (rows * dictionary.rawBytes) / dictionary.values
  }
  return bytes
}

function keysOfPage(
  file: SstFile,
  columns: readonly ColumnPage[],
  loaded: readonly LoadedRange[],
): ReturnType<typeof keysOf> {
  const { schema, keyColumns } = file
  const vectors = keyColumns.map((column) => columns[column].all(loaded))
  const { length } = vectors[0]
  const isInteger = integerKeyId(schema) !== undefined
  const keys = isInteger ? undefined : encodeKeyVector(schema, vectors, length)
  return keysOf({ length, columns: vectors, keys, seqnos: undefined, values: undefined })
}

/** The index of a key, or -1. */
function placeOf(keys: ReturnType<typeof keysOf>, key: Uint8Array): number {
  keys.seek(key, 0, key.length)
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keys.compare(middle) < 0) low = middle + 1
    else high = middle
  }
  return low < keys.length && keys.compare(low) === 0 ? low : -1
}

/** A page of one column. */
class ColumnPage {
  readonly ranges: readonly ByteRange[]
  private readonly file: SstFile
  private readonly loader: PageLoader
  private readonly column: number
  private readonly page: number
  /** Held here, since the cache may drop it before the page comes. */
  private readonly known: Vector | undefined
  private decoded: Vector | undefined

  constructor(file: SstFile, loader: PageLoader, column: number, page: number) {
    this.file = file
    this.loader = loader
    this.column = column
    this.page = page
    const places = file.places.columns[column]
    const group = groupOfPage(places.grid, page)
    const { dictionary } = places.chunks[group]
    this.known = dictionary === undefined ? undefined : loader.dictionary(column, group)
    const isMissing = dictionary !== undefined && this.known === undefined
    this.ranges = isMissing ? [dictionary, ...pageRanges(places, page)] : pageRanges(places, page)
  }

  /** All values. */
  all(loaded: readonly LoadedRange[]): Vector {
    const { places, group } = this.place()
    const dictionary = this.dictionary(loaded)
    this.decoded ??= pageVector(this.file.handle.path, places, { page: this.page, group }, loaded, dictionary)
    return this.decoded
  }

  /** One value, as a vector of its own. */
  value(loaded: readonly LoadedRange[], index: number): Vector {
    const { places, group } = this.place()
    if (places.nested !== undefined) this.all(loaded)
    if (this.decoded !== undefined) {
      const sink = new VectorSink(places.column, 1, 0)
      sink.appendVector(this.decoded, index, index + 1)
      return sink.finish()
    }
    const { path } = this.file.handle
    const body = dataPage(path, places, this.page, group, loaded, this.dictionary(loaded))
    const sink = new VectorSink(places.column, 1, 0)
    sink.append(body, index, index + 1)
    return sink.finish()
  }

  private place(): { places: SstFile['places']['columns'][number]; group: number } {
    const places = this.file.places.columns[this.column]
    return { places, group: groupOfPage(places.grid, this.page) }
  }

  private dictionary(loaded: readonly LoadedRange[]): Vector | undefined {
    const { places, group } = this.place()
    const { dictionary, codec } = places.chunks[group]
    if (dictionary === undefined || this.known !== undefined) return this.known
    const values = dictionaryPage(this.file.handle.path, places, dictionary, codec, loaded)
    this.loader.keepDictionary(this.column, group, values)
    return values
  }
}

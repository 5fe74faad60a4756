import { encodeKeyVector, type BytesVector, type I64Vector, type Vector } from '@meru/core'
import { coalesce, type ByteRange, type LoadedRange } from './byte-ranges.ts'
import { pageRanges, pageVector } from './column-page.ts'
import { SEQNO_ID } from './format.ts'
import { dataPage, dictionaryPage } from './page-body.ts'
import type { PageLoader } from './page-loader.ts'
import { groupOfPage, pageOfRow } from './page-places.ts'
import { RowSink, type EncodedRows } from './row-sink.ts'
import type { SstFile } from './sst-file.ts'
import { VectorSink, type PageBody } from './vector-sink.ts'

/** What to read besides the columns. */
export interface ReadOptions {
  /** Encoded keys. */
  readonly keys?: boolean
  readonly seqnos?: boolean
  /** Encoded values; level 0 only. */
  readonly values?: boolean
  /** Takes pages of columns from the cache, and leaves those that it reads there as long as none has to go for them. */
  readonly cached?: boolean
}

/** Rows of a file, column by column. */
export interface SstRows {
  readonly length: number
  /** Parallel to the column ids asked for. */
  readonly columns: readonly Vector[]
  readonly keys: BytesVector | undefined
  readonly seqnos: Float64Array | undefined
  readonly values: BytesVector | undefined
}

/** What a read needs from the file, and how to make rows of it. */
export interface ScanPlan {
  readonly ranges: readonly ByteRange[]
  readonly decode: (loaded: readonly LoadedRange[]) => SstRows
}

/** Plans a read of rows [from, to). Dictionaries come from the cache and go to it; pages do if asked for. */
export function planScan(
  file: SstFile,
  loader: PageLoader,
  from: number,
  to: number,
  columnIds: readonly number[],
  options: ReadOptions,
): ScanPlan {
  if (!(from >= 0 && from <= to && to <= file.meta.rows)) {
    throw new TypeError(`rows ${from} to ${to} of ${file.handle.path}, which has ${file.meta.rows}`)
  }
  const columns = columnIds.map((id) => columnIndex(file, id))
  const typed = new Set(columns)
  const fromBlobs = options.values === true
  if (fromBlobs && file.rowColumn === undefined)
    throw new TypeError(`${file.handle.path} has no encoded values`)
  if (options.keys === true && !fromBlobs) for (const column of file.keyColumns) typed.add(column)
  const seqno = columnIndex(file, SEQNO_ID)
  if (options.seqnos === true) typed.add(seqno)

  const isCached = options.cached === true
  const parts = [...typed].map((column) => new ColumnPart(file, loader, column, { from, to, isCached }))
  const blobs = fromBlobs && from < to ? blobPart(file, from, to) : undefined
  const decode = (loaded: readonly LoadedRange[]): SstRows => {
    const vectors = new Map(parts.map((part) => [part.column, part.decode(loaded)]))
    const vectorOf = (column: number): Vector => vectors.get(column) as Vector
    const rows = fromBlobs ? (blobs?.decode(loaded) ?? new RowSink(0).finish()) : undefined
    const keys = options.keys === true && !fromBlobs ? encodeKeys(file, vectorOf, to - from) : undefined
    return {
      length: to - from,
      columns: columns.map(vectorOf),
      keys: rows?.keys ?? keys,
      seqnos: options.seqnos === true ? seqnosOf(file, vectorOf(seqno) as I64Vector) : undefined,
      values: rows?.values,
    }
  }
  const ranges = parts.flatMap((part) => part.ranges)
  return { ranges: coalesce(blobs === undefined ? ranges : [...ranges, ...blobs.ranges]), decode }
}

/** The place of a column in the file. Throws a `TypeError` if the file's schema has no such column. */
export function columnIndex(file: SstFile, id: number): number {
  const index = file.columnById.get(id)
  if (index === undefined) throw new TypeError(`${file.handle.path} has no column with field id ${id}`)
  return index
}

function encodeKeys(file: SstFile, vectorOf: (column: number) => Vector, length: number): BytesVector {
  return encodeKeyVector(file.schema, file.keyColumns.map(vectorOf), length)
}

/**
 * What the manifest says holds: if every row has one seqno, the file may have been written before that was known, as
 * those of a bulk load are.
 */
function seqnosOf({ meta }: SstFile, stored: I64Vector): Float64Array {
  if (meta.minSeqno === meta.maxSeqno) return new Float64Array(stored.length).fill(meta.minSeqno)
  return numbersOf(stored)
}

function numbersOf({ values, length }: I64Vector): Float64Array {
  const words = new Int32Array(values.buffer, values.byteOffset)
  const numbers = new Float64Array(length)
  for (let i = 0; i < length; i++) numbers[i] = words[2 * i + 1] * 4294967296 + (words[2 * i] >>> 0)
  return numbers
}

/** The pages of one typed column that hold rows [from, to). */
class ColumnPart {
  readonly column: number
  readonly ranges: readonly ByteRange[]
  private readonly file: SstFile
  private readonly loader: PageLoader
  private readonly rows: { readonly from: number; readonly to: number; readonly isCached: boolean }
  /**
   * What needs no read: dictionaries by group, pages by number. Held here, since the cache may drop them before the
   * others come.
   */
  private readonly known: {
    readonly dictionaries: Map<number, Vector>
    readonly pages: Map<number, Vector>
  } = {
    dictionaries: new Map(),
    pages: new Map(),
  }

  constructor(
    file: SstFile,
    loader: PageLoader,
    column: number,
    rows: { from: number; to: number; isCached: boolean },
  ) {
    this.file = file
    this.loader = loader
    this.column = column
    this.rows = rows
    const places = file.places.columns[column]
    const ranges: ByteRange[] = []
    this.forEachGroup((group, firstPage, endPage) => {
      const pages = this.missingPages(firstPage, endPage)
      if (pages.length === 0) return
      const { dictionary } = places.chunks[group]
      const known = dictionary === undefined ? undefined : loader.dictionary(column, group)
      if (known !== undefined) this.known.dictionaries.set(group, known)
      else if (dictionary !== undefined) ranges.push(dictionary)
      for (const page of pages) ranges.push(...pageRanges(places, page))
    })
    this.ranges = ranges
  }

  decode(loaded: readonly LoadedRange[]): Vector {
    const { file, column, known } = this
    const { from, to } = this.rows
    const places = file.places.columns[column]
    const { firstRows } = places.grid
    const sink = new VectorSink(places.column, to - from, this.rawBytes())
    this.forEachGroup((group, firstPage, endPage) => {
      let dictionary: Vector | undefined
      for (let page = firstPage; page < endPage; page++) {
        const first = firstRows[page]
        const start = Math.max(from - first, 0)
        const end = Math.min(to, firstRows[page + 1]) - first
        const vector = known.pages.get(page)
        if (vector !== undefined) {
          sink.appendVector(vector, start, end)
          continue
        }
        if (places.nested !== undefined) {
          sink.appendVector(this.nestedVector(page, group, loaded), start, end)
          continue
        }
        dictionary ??= this.dictionary(group, loaded)
        const body = dataPage(file.handle.path, places, page, group, loaded, dictionary)
        const kept = this.keep(page, body)
        if (kept === undefined) sink.append(body, start, end)
        else sink.appendVector(kept, start, end)
      }
    })
    return sink.finish()
  }

  /** The pages that are not in the cache; notes the others. */
  private missingPages(firstPage: number, endPage: number): number[] {
    const { loader, column, known } = this
    const missing: number[] = []
    for (let page = firstPage; page < endPage; page++) {
      const cached = this.rows.isCached ? loader.table[loader.units.column(column, page)] : undefined
      if (cached?.vector === undefined) {
        missing.push(page)
        continue
      }
      cached.used = true
      known.pages.set(page, cached.vector)
    }
    if (this.rows.isCached) {
      loader.cache.hits += endPage - firstPage - missing.length
      loader.cache.misses += missing.length
    }
    return missing
  }

  /** The page as a vector that stays in the cache, if there is room for it. */
  private keep(page: number, body: PageBody): Vector | undefined {
    const { loader, column } = this
    const places = this.file.places.columns[column]
    const bytes = body.rows * (places.column.width || 4) + body.end - body.start
    if (!this.rows.isCached || !loader.cache.hasRoom(bytes)) return undefined
    const sink = new VectorSink(places.column, body.rows, body.end - body.start)
    sink.append(body, 0, body.rows)
    const vector = sink.finish()
    this.insert(page, vector)
    return vector
  }

  /** A page of a nested column, which is kept in the cache like others. */
  private nestedVector(page: number, group: number, loaded: readonly LoadedRange[]): Vector {
    const { loader, file } = this
    const places = file.places.columns[this.column]
    const vector = pageVector(file.handle.path, places, { page, group }, loaded, undefined)
    if (this.rows.isCached && loader.cache.hasRoom(places.rawBytes[page] + 4 * vector.length)) {
      this.insert(page, vector)
    }
    return vector
  }

  private insert(page: number, vector: Vector): void {
    const { loader, column } = this
    const content = { rows: undefined, keys: undefined, vector }
    loader.cache.insert(loader.table, [{ unit: loader.units.column(column, page), content }])
  }

  private dictionary(group: number, loaded: readonly LoadedRange[]): Vector | undefined {
    const { file, loader, column } = this
    const places = file.places.columns[column]
    const { dictionary, codec } = places.chunks[group]
    if (dictionary === undefined) return undefined
    const known = this.known.dictionaries.get(group)
    if (known !== undefined) return known
    const values = dictionaryPage(file.handle.path, places, dictionary, codec, loaded)
    loader.keepDictionary(column, group, values)
    return values
  }

  private forEachGroup(visit: (group: number, firstPage: number, endPage: number) => void): void {
    const { from, to } = this.rows
    const { grid } = this.file.places.columns[this.column]
    if (from === to) return
    const lastPage = pageOfRow(grid, to - 1)
    let page = pageOfRow(grid, from)
    while (page <= lastPage) {
      const group = groupOfPage(grid, page)
      const end = Math.min(grid.firstPages[group + 1], lastPage + 1)
      visit(group, page, end)
      page = end
    }
  }

  private rawBytes(): number {
    const { rawBytes } = this.file.places.columns[this.column]
    let total = 0
    this.forEachGroup((_, firstPage, endPage) => {
      for (let page = firstPage; page < endPage; page++) total += rawBytes[page]
    })
    return total
  }
}

interface BlobPart {
  readonly ranges: readonly ByteRange[]
  decode(loaded: readonly LoadedRange[]): EncodedRows
}

/** The pages of `_row` that hold rows [from, to), taken apart into keys and values. */
function blobPart(file: SstFile, from: number, to: number): BlobPart | undefined {
  const { rowColumn, keyGrid } = file
  if (rowColumn === undefined) return undefined
  const firstPage = pageOfRow(keyGrid, from)
  const endPage = pageOfRow(keyGrid, to - 1) + 1
  const decode = (loaded: readonly LoadedRange[]): EncodedRows => {
    const sink = new RowSink(to - from)
    for (let page = firstPage; page < endPage; page++) {
      const body = dataPage(file.handle.path, rowColumn, page, groupOfPage(keyGrid, page), loaded, undefined)
      const first = keyGrid.firstRows[page]
      sink.append(body, Math.max(from - first, 0), Math.min(to - first, body.rows))
    }
    return sink.finish()
  }
  const ranges: ByteRange[] = []
  for (let page = firstPage; page < endPage; page++) ranges.push(...pageRanges(rowColumn, page))
  return { ranges, decode }
}

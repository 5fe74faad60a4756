/**
 * The page block: where every page of every column is, so that a reader needs neither Thrift nor page headers.
 *
 *     u32 row groups | u32 × (row groups + 1) first rows
 *     u32 grids, each: u32 pages | u32 × (pages + 1) first rows | u32 × (row groups + 1) first pages
 *     u32 columns, each:
 *       u32 field id | u32 grid
 *       per row group: u64 offset of the chunk | u8 encoding | u8 codec
 *                      u32 length, u32 header, u32 raw bytes, u32 CRC, u32 values of the dictionary page, zeros if none
 *       u32 × pages lengths | u32 × pages header bytes | u32 × pages raw bytes | u32 × pages CRCs
 *       only leaves of nested columns that are in lists or maps: u32 × pages entries
 *
 * A nested column is there as its leaves. A grid is a division of the rows into pages: grid 0 for all typed columns, grid 1 for `_row`. See docs/format/sst.md.
 */
import { ByteReader, ByteWriter } from '@meru/core'
import type { EncodedChunk } from './chunk-encoder.ts'
import { CODEC_NONE, CODEC_SNAPPY, CODEC_ZSTD, type Codec } from './compression.ts'
import { INDEX_BITS_MAX } from './dictionary-indexes.ts'
import { PAGE_BYTES_MAX, ROWS_MAX } from './format.ts'
import { ENCODING_PLAIN, ENCODING_RLE_DICTIONARY, type PageEncoding } from './page-header.ts'
import type { NestedTree } from './nested-tree.ts'
import { leafColumns, storedColumns, type SstColumn } from './sst-columns.ts'

/** The typed columns' grid, and that of `_row`. */
export const TYPED_GRID = 0
export const ROW_GRID = 1

/** How the rows are divided into pages. */
export interface Grid {
  readonly pages: number
  /** First row of each page, then the number of rows. */
  readonly firstRows: Uint32Array
  /** First page of each row group, then the number of pages. */
  readonly firstPages: Uint32Array
}

export interface DictionaryPlace {
  readonly offset: number
  readonly length: number
  readonly headerBytes: number
  readonly rawBytes: number
  readonly crc: number
  readonly values: number
}

/** What a reader must know of one column chunk to read its pages. */
export interface ChunkPlace {
  readonly encoding: PageEncoding
  readonly codec: Codec
  readonly dictionary: DictionaryPlace | undefined
}

/** Where the pages of one column are; arrays are parallel to the pages of its grid. */
export interface ColumnPlaces {
  readonly column: SstColumn
  readonly grid: Grid
  readonly chunks: readonly ChunkPlace[]
  readonly offsets: Float64Array
  readonly lengths: Uint32Array
  readonly headerBytes: Uint32Array
  readonly rawBytes: Uint32Array
  readonly crcs: Uint32Array
  /** Entries of each page, where there are not as many as rows. */
  readonly entries: Uint32Array | undefined
  /** Of a nested column: where its leaves are. Its own arrays are empty but for `rawBytes`, which are the sums. */
  readonly nested: NestedPlaces | undefined
}

export interface NestedPlaces {
  readonly tree: NestedTree
  readonly leaves: readonly ColumnPlaces[]
}

export interface PagePlaces {
  readonly rows: number
  /** First row of each row group, then the number of rows. */
  readonly groupRows: Uint32Array
  readonly grids: readonly Grid[]
  readonly columns: readonly ColumnPlaces[]
}

/** A chunk and where it starts in the file. */
export interface PlacedChunk {
  readonly chunk: EncodedChunk
  readonly offset: number
}

/** What the writer knows when all chunks are written: for each column its chunks, one per row group. */
export interface WrittenPages {
  readonly groupRows: readonly number[]
  readonly grids: readonly { firstRows: readonly number[]; firstPages: readonly number[] }[]
  readonly columns: readonly { column: SstColumn; grid: number; chunks: readonly PlacedChunk[] }[]
}

/** Encodes a page block. The lists of first rows and pages end with the totals. */
export function encodePagePlaces(written: WrittenPages): Uint8Array {
  const out = new ByteWriter(64 * 1024)
  out.u32(written.groupRows.length - 1)
  appendAll(out, written.groupRows)
  out.u32(written.grids.length)
  for (const { firstRows, firstPages } of written.grids) {
    out.u32(firstRows.length - 1)
    appendAll(out, firstRows)
    appendAll(out, firstPages)
  }
  out.u32(written.columns.length)
  for (const { column, grid, chunks } of written.columns) {
    out.u32(column.id)
    out.u32(grid)
    for (const { chunk, offset } of chunks) {
      const { dictionary } = chunk
      out.u64(offset)
      out.u8(chunk.encoding)
      out.u8(chunk.codec)
      out.u32(dictionary?.length ?? 0)
      out.u32(dictionary?.headerBytes ?? 0)
      out.u32(dictionary?.rawBytes ?? 0)
      out.u32(dictionary?.crc ?? 0)
      out.u32(dictionary?.values ?? 0)
    }
    const pages = chunks.flatMap(({ chunk }) => chunk.pages)
    for (const { length } of pages) out.u32(length)
    for (const { headerBytes } of pages) out.u32(headerBytes)
    for (const { rawBytes } of pages) out.u32(rawBytes)
    for (const { crc } of pages) out.u32(crc)
    if (hasEntries(column)) for (const { values } of pages) out.u32(values)
  }
  return out.written()
}

/** True where a row may have several entries. */
function hasEntries({ leaf }: SstColumn): boolean {
  return leaf !== undefined && leaf.maxRepetition > 0
}

function appendAll(out: ByteWriter, values: readonly number[]): void {
  for (const value of values) out.u32(value)
}

/**
 * Reads a page block. `columns` are those that the schema makes expect, in file order; `dataEnd` is where the data of
 * the file ends. `offset` is where the block lies, for messages.
 */
export function decodePagePlaces(
  block: Uint8Array,
  columns: readonly SstColumn[],
  dataEnd: number,
  file: string,
  offset: number,
): PagePlaces {
  const reader = new ByteReader(block, file, offset)
  const groups = reader.u32()
  const groupRows = readAscending(reader, groups)
  const rows = groupRows[groups]
  if (rows > ROWS_MAX) throw reader.corrupt(`${rows} rows`)
  const grids: Grid[] = []
  const gridCount = reader.u32()
  if (gridCount < 1 || gridCount > 2) throw reader.corrupt(`${gridCount} grids`)
  for (let i = 0; i < gridCount; i++) {
    const pages = reader.u32()
    const firstRows = readAscending(reader, pages)
    const firstPages = readAscending(reader, groups)
    const isWhole = firstPages[groups] === pages && firstRows[pages] === rows
    const isAligned = groupRows.every((row, group) => firstRows[firstPages[group]] === row)
    if (!isWhole || !isAligned) throw reader.corrupt(`grid ${i} does not cover the ${rows} rows`)
    grids.push({ pages, firstRows, firstPages })
  }
  const count = reader.u32()
  const stored = storedColumns(columns).length
  if (count !== stored) throw reader.corrupt(`${count} columns, ${stored} expected`)
  const places = columns.map((column) =>
    column.tree === undefined
      ? readColumn(reader, column, grids, groups, dataEnd)
      : nestedPlaces(
          column,
          column.tree,
          leafColumns(column.tree).map((leaf) => readColumn(reader, leaf, grids, groups, dataEnd)),
        ),
  )
  if (reader.remaining !== 0) throw reader.corrupt(`${reader.remaining} bytes too many`)
  return { rows, groupRows, grids, columns: places }
}

function nestedPlaces(column: SstColumn, tree: NestedTree, leaves: readonly ColumnPlaces[]): ColumnPlaces {
  const { grid, chunks } = leaves[0]
  const rawBytes = new Uint32Array(grid.pages)
  for (const leaf of leaves)
    for (let page = 0; page < grid.pages; page++) rawBytes[page] += leaf.rawBytes[page]
  const none = new Uint32Array()
  return {
    column,
    grid,
    chunks,
    offsets: new Float64Array(),
    lengths: none,
    headerBytes: none,
    rawBytes,
    crcs: none,
    entries: undefined,
    nested: { tree, leaves },
  }
}

function readColumn(
  reader: ByteReader,
  column: SstColumn,
  grids: readonly Grid[],
  groups: number,
  dataEnd: number,
): ColumnPlaces {
  const id = reader.u32()
  const gridIndex = reader.u32()
  const grid = grids[gridIndex]
  if (id !== column.id || grid === undefined)
    throw reader.corrupt(`column ${id} on grid ${gridIndex}, column ${column.id} expected`)
  const starts: number[] = []
  const chunks: ChunkPlace[] = []
  for (let group = 0; group < groups; group++) {
    const offset = reader.u64()
    const chunk = readChunk(reader, offset)
    if (column.leaf !== undefined && chunk.dictionary !== undefined) {
      throw reader.corrupt(`a dictionary of column ${id}, which is a leaf of a nested column`)
    }
    chunks.push(chunk)
    starts.push(offset + (chunk.dictionary?.length ?? 0))
  }
  const lengths = readArray(reader, grid.pages)
  const headerBytes = readArray(reader, grid.pages)
  const rawBytes = readArray(reader, grid.pages)
  const crcs = readArray(reader, grid.pages)
  const entries = hasEntries(column) ? readArray(reader, grid.pages) : undefined
  const offsets = new Float64Array(grid.pages)
  for (let group = 0; group < groups; group++) {
    let offset = starts[group]
    for (let page = grid.firstPages[group]; page < grid.firstPages[group + 1]; page++) {
      offsets[page] = offset
      offset += lengths[page]
      const isPlain = chunks[group].codec === CODEC_NONE
      const bodyBytes = lengths[page] - headerBytes[page]
      if (bodyBytes < 0 || rawBytes[page] > PAGE_BYTES_MAX || (isPlain && bodyBytes !== rawBytes[page])) {
        throw reader.corrupt(
          `page ${page} of column ${id} has ${bodyBytes} bytes, ${rawBytes[page]} before compression`,
        )
      }
    }
    if (offset > dataEnd)
      throw reader.corrupt(`column ${id} reaches to byte ${offset}, the data ends at ${dataEnd}`)
  }
  const pages = { offsets, lengths, headerBytes, rawBytes, crcs, entries }
  return { column, grid, chunks, ...pages, nested: undefined }
}

function readChunk(reader: ByteReader, offset: number): ChunkPlace {
  const encoding = reader.u8()
  const codec = reader.u8()
  const length = reader.u32()
  const headerBytes = reader.u32()
  const rawBytes = reader.u32()
  const crc = reader.u32()
  const values = reader.u32()
  const hasDictionary = encoding === ENCODING_RLE_DICTIONARY
  if ((!hasDictionary && encoding !== ENCODING_PLAIN) || !isCodec(codec)) {
    throw reader.corrupt(`encoding ${encoding} and codec ${codec}`)
  }
  if (headerBytes > length || values > 2 ** INDEX_BITS_MAX || rawBytes > PAGE_BYTES_MAX) {
    throw reader.corrupt(`a dictionary of ${values} values in ${length} bytes`)
  }
  const dictionary = hasDictionary ? { offset, length, headerBytes, rawBytes, crc, values } : undefined
  return { encoding, codec, dictionary }
}

function isCodec(value: number): value is Codec {
  return value === CODEC_NONE || value === CODEC_SNAPPY || value === CODEC_ZSTD
}

/** `count + 1` numbers from 0 up, each above the one before. */
function readAscending(reader: ByteReader, count: number): Uint32Array {
  if (count < 1) throw reader.corrupt('no pages')
  const values = readArray(reader, count + 1)
  for (let i = 0; i < count; i++) {
    if (values[i] >= values[i + 1]) throw reader.corrupt(`${values[i]} before ${values[i + 1]}`)
  }
  if (values[0] !== 0) throw reader.corrupt(`${values[0]} first, 0 expected`)
  return values
}

function readArray(reader: ByteReader, count: number): Uint32Array {
  const values = new Uint32Array(reader.take(4 * count).slice().buffer)
  return values
}

/** The page of a grid that holds a row. */
export function pageOfRow(grid: Grid, row: number): number {
  return indexOf(grid.firstRows, row)
}

/** The row group that holds a page of a grid. */
export function groupOfPage(grid: Grid, page: number): number {
  return indexOf(grid.firstPages, page)
}

/** The index of the last of the ascending numbers that is not above `value`. */
function indexOf(ascending: Uint32Array, value: number): number {
  let low = 0
  let high = ascending.length - 1
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (ascending[middle] <= value) low = middle
    else high = middle
  }
  return low
}

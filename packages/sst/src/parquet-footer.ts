import { truncateLower, truncateUpper } from '@meru/core'
import type { EncodedChunk } from './chunk-encoder.ts'
import { CODEC_SNAPPY, CODEC_ZSTD } from './compression.ts'
import { ROW_ID } from './format.ts'
import { ENCODING_PLAIN } from './page-header.ts'
import type { ColumnChunk, FileMetaData, PageIndexes, RowGroup, Statistics } from './parquet-library.ts'
import { parquetSchema, parquetType } from './parquet-schema.ts'
import type { PlacedChunk } from './page-places.ts'
import type { SstColumn } from './sst-columns.ts'
import { compareBounds, mergeStats, type Bound, type RangeStats, type StatRules } from './statistics.ts'

/** Longest bound of a byte column in the statistics and page indexes of an SST. */
export const BOUND_BYTES_MAX = 64

/** One column of a file with all that was written of it. */
export interface WrittenColumn {
  readonly column: SstColumn
  readonly rules: StatRules
  /** Longest bound of a byte column in Parquet's statistics and page indexes. */
  readonly boundBytesMax: number
  /** One for each row group. */
  readonly chunks: readonly PlacedChunk[]
  /** First row of each page of the column, then the number of rows. */
  readonly firstRows: readonly number[]
}

export interface FooterParts {
  /** The columns of the file; those that are stored are `written`. */
  readonly columns: readonly SstColumn[]
  readonly written: readonly WrittenColumn[]
  /** First row of each row group, then the number of rows. */
  readonly groupRows: readonly number[]
  /** Places of the key columns among those written. */
  readonly keyColumns: readonly number[]
  readonly createdBy: string
  readonly keyValues: readonly { key: string; value: string }[]
}

/** The Parquet metadata of a file. The places of page indexes are filled in when those are written. */
export function fileMetadata(parts: FooterParts): FileMetaData {
  const { columns, written, groupRows, keyColumns } = parts
  const row_groups = groupRows.slice(1).map((end, group): RowGroup => {
    const rows = end - groupRows[group]
    const chunks = written.map((column) => columnChunk(column, group))
    const first = chunks[0].meta_data
    return {
      columns: chunks,
      num_rows: BigInt(rows),
      total_byte_size: chunks.reduce(
        (sum, chunk) => sum + (chunk.meta_data?.total_uncompressed_size ?? 0n),
        0n,
      ),
      total_compressed_size: chunks.reduce(
        (sum, chunk) => sum + (chunk.meta_data?.total_compressed_size ?? 0n),
        0n,
      ),
      file_offset: first?.dictionary_page_offset ?? first?.data_page_offset ?? 0n,
      sorting_columns: keyColumns.map((column_idx) => ({
        column_idx,
        descending: false,
        nulls_first: false,
      })),
    }
  })
  return {
    version: 2,
    schema: parquetSchema(columns),
    num_rows: BigInt(groupRows[groupRows.length - 1]),
    row_groups,
    // The library writes an empty list as one of bytes, which other readers refuse.
    ...(parts.keyValues.length === 0 ? {} : { key_value_metadata: [...parts.keyValues] }),
    created_by: parts.createdBy,
    metadata_length: 0,
  }
}

function columnChunk(written: WrittenColumn, group: number): ColumnChunk {
  const { column, rules, chunks, boundBytesMax } = written
  const { chunk, offset } = chunks[group]
  const dictionaryBytes = chunk.dictionary?.length ?? 0
  const isPlain = chunk.encoding === ENCODING_PLAIN
  const statistics =
    column.id === ROW_ID ? undefined : chunkStatistics(column, mergeStats(chunk.stats, rules), boundBytesMax)
  return {
    file_offset: 0n,
    meta_data: {
      type: parquetType(column),
      encodings: isPlain ? ['PLAIN', 'RLE'] : ['PLAIN', 'RLE', 'RLE_DICTIONARY'],
      path_in_schema: [...(column.leaf?.path ?? [column.name])],
      codec: chunk.codec === CODEC_ZSTD ? 'ZSTD' : chunk.codec === CODEC_SNAPPY ? 'SNAPPY' : 'UNCOMPRESSED',
      num_values: BigInt(chunk.pages.reduce((sum, page) => sum + page.values, 0)),
      total_uncompressed_size: BigInt(chunk.rawBytes),
      total_compressed_size: BigInt(chunkBytes(chunk)),
      data_page_offset: BigInt(offset + dictionaryBytes),
      ...(isPlain ? {} : { dictionary_page_offset: BigInt(offset) }),
      ...(statistics === undefined ? {} : { statistics }),
      encoding_stats: [
        ...(isPlain ? [] : ([{ page_type: 'DICTIONARY_PAGE', encoding: 'PLAIN', count: 1 }] as const)),
        { page_type: 'DATA_PAGE', encoding: isPlain ? 'PLAIN' : 'RLE_DICTIONARY', count: chunk.pages.length },
      ],
    },
  }
}

/** Bytes of a chunk in the file. */
export function chunkBytes(chunk: EncodedChunk): number {
  return chunk.pages.reduce((sum, page) => sum + page.length, chunk.dictionary?.length ?? 0)
}

function chunkStatistics(column: SstColumn, stats: RangeStats, bytesMax: number): Statistics {
  const lower = stats.min && parquetLower(column, stats.min, bytesMax)
  const upper = stats.max && parquetUpper(column, stats.max, bytesMax)
  return {
    null_count: BigInt(stats.nulls),
    ...(lower === undefined
      ? {}
      : { min_value: statValue(column, lower.value), is_min_value_exact: lower.isExact }),
    ...(upper === undefined
      ? {}
      : { max_value: statValue(column, upper.value), is_max_value_exact: upper.isExact }),
  }
}

/** A lower bound short enough for Parquet. Fixed-length values must not be cut, so long ones have none. */
function parquetLower(column: SstColumn, bound: Bound, bytesMax: number): Bound | undefined {
  const { value } = bound
  if (!(value instanceof Uint8Array) || value.length <= bytesMax) return bound.isExact ? bound : undefined
  if (column.physical === 'fixed') return undefined
  const cut = cutLength(column, value, bytesMax)
  return { value: truncateLower({ kind: 'binary' }, value, cut), isExact: false }
}

function parquetUpper(column: SstColumn, bound: Bound, bytesMax: number): Bound | undefined {
  const { value } = bound
  if (!(value instanceof Uint8Array) || value.length <= bytesMax) return bound.isExact ? bound : undefined
  if (column.physical === 'fixed') return undefined
  const cut = cutLength(column, value, bytesMax)
  const upper =
    column.type?.kind === 'string'
      ? truncateUpper({ kind: 'string' }, value, codePoints(value, cut))
      : truncateUpper({ kind: 'binary' }, value, cut)
  return upper === undefined ? undefined : { value: upper, isExact: false }
}

/** Where to cut: never inside a code point of a string. */
function cutLength(column: SstColumn, value: Uint8Array, bytesMax: number): number {
  let cut = bytesMax
  if (column.type?.kind === 'string') while ((value[cut] & 0xc0) === 0x80) cut--
  return cut
}

function codePoints(value: Uint8Array, end: number): number {
  let points = 0
  for (let i = 0; i < end; i++) if ((value[i] & 0xc0) !== 0x80) points++
  return points
}

/** A bound as the library takes it. */
function statValue(column: SstColumn, value: Bound['value']): number | bigint | boolean | Uint8Array {
  if (column.physical === 'bool') return value === 1
  if (column.type?.kind !== 'decimal') return value
  if (value instanceof Uint8Array) return decimalOf(value)
  return BigInt(value)
}

function decimalOf(bigEndian: Uint8Array): bigint {
  let value = BigInt((bigEndian[0] << 24) >> 24)
  for (let i = 1; i < bigEndian.length; i++) value = (value << 8n) | BigInt(bigEndian[i])
  return value
}

/**
 * The page indexes of every chunk. Readers take none of a file in which one column has no offset index, so the hidden row
 * has one too; it has no bounds.
 */
export function pageIndexes(
  columns: readonly WrittenColumn[],
  metadata: FileMetaData,
  groupRows: readonly number[],
): PageIndexes[] {
  const indexes: PageIndexes[] = []
  metadata.row_groups.forEach((rowGroup, group) => {
    columns.forEach((written, i) => {
      const { chunk, offset } = written.chunks[group]
      const firstPage = written.chunks
        .slice(0, group)
        .reduce((sum, before) => sum + before.chunk.pages.length, 0)
      let at = offset + (chunk.dictionary?.length ?? 0)
      const page_locations = chunk.pages.map((page, index) => {
        const location = {
          offset: BigInt(at),
          compressed_page_size: page.length,
          first_row_index: BigInt(written.firstRows[firstPage + index] - groupRows[group]),
        }
        at += page.length
        return location
      })
      const columnIndex = columnIndexOf(written, chunk.stats)
      indexes.push({
        chunk: rowGroup.columns[i],
        offsetIndex: { page_locations },
        ...(columnIndex === undefined ? {} : { columnIndex }),
      })
    })
  })
  return indexes
}

/** The column index of a chunk; none if a page with values has no bounds, since readers would misjudge it. */
function columnIndexOf(
  { column, rules, boundBytesMax }: WrittenColumn,
  stats: readonly RangeStats[],
): PageIndexes['columnIndex'] | undefined {
  if (column.id === ROW_ID || (column.leaf !== undefined && column.leaf.maxRepetition > 0)) return undefined
  const min_values: Uint8Array[] = []
  const max_values: Uint8Array[] = []
  for (const page of stats) {
    if (page.nulls === page.values) {
      min_values.push(new Uint8Array())
      max_values.push(new Uint8Array())
      continue
    }
    const lower = page.min && parquetLower(column, page.min, boundBytesMax)
    const upper = page.max && parquetUpper(column, page.max, boundBytesMax)
    if (lower === undefined || upper === undefined) return undefined
    min_values.push(plainBound(column, lower.value))
    max_values.push(plainBound(column, upper.value))
  }
  return {
    null_pages: stats.map((page) => page.nulls === page.values),
    min_values,
    max_values,
    boundary_order: boundaryOrder(stats, rules),
    null_counts: stats.map((page) => BigInt(page.nulls)),
  }
}

function boundaryOrder(stats: readonly RangeStats[], rules: StatRules): 'ASCENDING' | 'UNORDERED' {
  const pages = stats.filter((page) => page.min !== undefined && page.max !== undefined)
  const isAscending = pages.every((page, i) => {
    if (i === 0) return true
    const before = pages[i - 1]
    return (
      compareBounds(before.min as Bound, page.min as Bound, rules) <= 0 &&
      compareBounds(before.max as Bound, page.max as Bound, rules) <= 0
    )
  })
  return isAscending ? 'ASCENDING' : 'UNORDERED'
}

/** A bound in encoding PLAIN, without a length. */
function plainBound(column: SstColumn, value: Bound['value']): Uint8Array {
  if (value instanceof Uint8Array) return value
  const bytes = new Uint8Array(column.width)
  const view = new DataView(bytes.buffer)
  if (typeof value === 'bigint') view.setBigInt64(0, value, true)
  else if (column.physical === 'f64') view.setFloat64(0, value, true)
  else if (column.physical === 'f32') view.setFloat32(0, value, true)
  else if (column.physical === 'i32') view.setInt32(0, value, true)
  else bytes[0] = value
  return bytes
}

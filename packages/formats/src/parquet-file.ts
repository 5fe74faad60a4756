import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import {
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
  type Compressors,
  type FileMetaData,
  type ParquetParsers,
} from 'hyparquet'
import type { Cell, NestedCell } from './cell.ts'
import { InputFault } from './input-fault.ts'
import { nestedParquetColumns, parquetColumns, type ParquetColumn } from './parquet-columns.ts'

/** A file that is read in ranges, as `asyncBufferFromFile` and `asyncBufferFromUrl` of hyparquet make it. */
export interface ParquetSource {
  readonly byteLength: number
  slice(start: number, end?: number): ArrayBuffer | Promise<ArrayBuffer>
}

/** Some rows of a file, cells by position of the columns asked for. */
export interface ParquetRows<C extends NestedCell = Cell> {
  /** The place of the first row in the file, counted from 1. */
  readonly firstRow: number
  readonly rows: readonly (readonly C[])[]
}

/** An opened file: its schema is known, none of its rows. */
export interface ParquetFile<C extends NestedCell = Cell> {
  readonly columns: readonly ParquetColumn<C>[]
  readonly rowCount: number
  /** Reads those columns of all rows, one row group at a time. Throws an `InputFault` where the file is damaged. */
  batches(columns: readonly ParquetColumn<C>[]): AsyncGenerator<ParquetRows<C>, void, undefined>
}

const BATCH_ROWS = 2000

const decompressors: Compressors = {
  GZIP: (bytes) => gunzipSync(bytes),
  BROTLI: (bytes) => brotliDecompressSync(bytes),
  ZSTD: (bytes) => zstdDecompressSync(bytes),
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Timestamps as nanoseconds and dates as days, without a `Date` that would cut them. */
const parsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (milliseconds: bigint | undefined) => scaled(milliseconds, 1_000_000n),
  timestampFromMicroseconds: (micros: bigint | undefined) => scaled(micros, 1000n),
  timestampFromNanoseconds: (nanos: bigint | undefined) => nanos,
  dateFromDays: (days: number | undefined) => days,
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && decoder.decode(bytes),
  jsonFromBytes: (bytes: Uint8Array | undefined) => bytes && decoder.decode(bytes),
}

/** Reads the footer; nested columns are JSON text. Throws an `InputFault` if the source is no Parquet file. */
export async function openParquetFile(source: ParquetSource): Promise<ParquetFile> {
  const metadata = await readMetadata(source)
  return fileOf(source, metadata, parquetColumns(parquetSchema(metadata)))
}

/** The same with nested columns as nested cells. */
export async function openNestedParquetFile(source: ParquetSource): Promise<ParquetFile<NestedCell>> {
  const metadata = await readMetadata(source)
  return fileOf(source, metadata, nestedParquetColumns(parquetSchema(metadata)))
}

async function readMetadata(source: ParquetSource): Promise<FileMetaData> {
  return await reading(() => parquetMetadataAsync(source, { geoparquet: false }))
}

function fileOf<C extends NestedCell>(
  source: ParquetSource,
  metadata: FileMetaData,
  columns: readonly ParquetColumn<C>[],
): ParquetFile<C> {
  return {
    columns,
    rowCount: Number(metadata.num_rows),
    batches: (wanted) => readGroups(source, metadata, wanted),
  }
}

async function* readGroups<C extends NestedCell>(
  file: ParquetSource,
  metadata: FileMetaData,
  columns: readonly ParquetColumn<C>[],
): AsyncGenerator<ParquetRows<C>, void, undefined> {
  const options = { file, metadata, compressors: decompressors, parsers, utf8: false, geoparquet: false }
  const scan = await reading(() => parquetScan(options))
  for (const { rowStart, rowEnd } of scan.ranges) {
    const parts: ArrayLike<unknown>[] = []
    for (const { name } of columns) {
      const part = await reading(() => scan.readColumn({ column: name, rowStart, rowEnd }))
      const wanted = rowEnd - rowStart
      if (part.length !== wanted) {
        throw new InputFault(`is damaged: column "${name}" has ${part.length} values for ${wanted} rows`)
      }
      parts.push(part)
    }
    for (let at = rowStart; at < rowEnd; at += BATCH_ROWS) {
      const rows: C[][] = []
      const end = Math.min(rowEnd, at + BATCH_ROWS)
      for (let row = at; row < end; row++) {
        rows.push(columns.map(({ cellOf }, index) => cellOf(parts[index][row - rowStart])))
      }
      yield { firstRow: at + 1, rows }
    }
  }
}

/** Whatever the library throws means that the file cannot be read. */
async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new InputFault(`cannot be read as Parquet: ${message.replace(/^parquet /, '')}`, { cause: error })
  }
}

function scaled(value: bigint | undefined, factor: bigint): bigint | undefined {
  return value === undefined ? undefined : BigInt(value) * factor
}

import { stat } from 'node:fs/promises'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
  type Compressors,
  type FileMetaData,
  type ParquetParsers,
} from 'hyparquet'
import { Failure } from '../failure.ts'
import type { Cell } from '../infer.ts'
import { parquetColumns, type ParquetColumn } from './parquet-columns.ts'
import type { Input, RowBatch } from './input.ts'

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

/** A Parquet file: its schema gives the types, one row group at a time is held. */
export async function openParquet(path: string): Promise<Input> {
  const { size } = await stat(path)
  const metadata = await reading(path, async () => {
    const file = await asyncBufferFromFile(path)
    return await parquetMetadataAsync(file, { geoparquet: false })
  })
  const columns = parquetColumns(parquetSchema(metadata))
  return {
    path,
    bytes: size,
    unit: 'row',
    isText: false,
    typed: columns,
    columns: columns.map(({ name }) => name),
    batches: (signal) => readGroups({ path, size, metadata, columns }, signal),
    close: () => Promise.resolve(),
  }
}

interface OpenedFile {
  readonly path: string
  readonly size: number
  readonly metadata: FileMetaData
  readonly columns: readonly ParquetColumn[]
}

async function* readGroups(opened: OpenedFile, signal: AbortSignal): AsyncGenerator<RowBatch> {
  const { path, size, metadata, columns } = opened
  const file = await asyncBufferFromFile(path)
  const options = { file, metadata, compressors: decompressors, parsers, utf8: false, geoparquet: false }
  const scan = await reading(path, () => parquetScan(options))
  const total = Number(metadata.num_rows)
  for (const { rowStart, rowEnd } of scan.ranges) {
    signal.throwIfAborted()
    const parts: ArrayLike<unknown>[] = []
    for (const { name } of columns) {
      parts.push(await reading(path, () => scan.readColumn({ column: name, rowStart, rowEnd })))
    }
    const short = parts.findIndex((part) => part.length !== rowEnd - rowStart)
    if (short >= 0) {
      throw new Failure(`${path}: column "${columns[short].name}" has ${parts[short].length} values for \
${rowEnd - rowStart} rows; the file is damaged`)
    }
    for (let at = rowStart; at < rowEnd; at += BATCH_ROWS) {
      const end = Math.min(rowEnd, at + BATCH_ROWS)
      const rows: Cell[][] = []
      const places: number[] = []
      for (let row = at; row < end; row++) {
        rows.push(columns.map(({ cellOf }, index) => cellOf(parts[index][row - rowStart])))
        places.push(row + 1)
      }
      yield { rows, places, bytesRead: Math.round((size * end) / total) }
    }
  }
}

/** Whatever the library throws means that the file cannot be read. */
async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Failure(`${path} cannot be read as Parquet: ${message.replace(/^parquet /, '')}`, {
      cause: error,
    })
  }
}

function scaled(value: bigint | undefined, factor: bigint): bigint | undefined {
  return value === undefined ? undefined : BigInt(value) * factor
}

import * as zlib from 'node:zlib'
import type { FileSystem } from '@meru/fs'
import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer, type FileMetaData } from 'hyparquet'

/** What the check needs to know of a Parquet file. */
export interface ParquetFacts {
  readonly rows: number
  /** In file order: columns, and the leaves of nested ones. */
  readonly columns: readonly ParquetColumn[]
  /** Where row groups start. */
  readonly groupOffsets: readonly number[]
}

export interface ParquetColumn {
  readonly name: string
  readonly fieldId: number | undefined
  readonly physical: string
  readonly isRequired: boolean
  /** Compressed bytes, over all row groups. */
  readonly bytes: number
  /** Nulls included; of a leaf in a list or a map one for each empty one. */
  readonly values: number
  /** True in a list or a map. */
  readonly isRepeated: boolean
  /** `undefined` if some row group does not say. */
  readonly nulls: number | undefined
  /** The least and the greatest value, as they are stored; `undefined` if some row group does not say exactly. */
  readonly range: { readonly min: StoredValue; readonly max: StoredValue } | undefined
}

export type StoredValue = number | bigint | Uint8Array

/** A file as the Parquet library reads it. The caller closes it. */
export interface OpenParquet {
  readonly buffer: AsyncBuffer
  close(): Promise<void>
}

export async function openParquet(fs: FileSystem, path: string): Promise<OpenParquet> {
  const handle = await fs.open(path)
  const buffer: AsyncBuffer = {
    byteLength: handle.size,
    async slice(start, end = handle.size) {
      const bytes = new Uint8Array(end - start)
      const read = await handle.read(bytes, start)
      return bytes.buffer.slice(0, read)
    },
  }
  return { buffer, close: () => handle.close() }
}

/** Throws what the Parquet library throws for a file that is none. */
export async function parquetFacts({ buffer }: OpenParquet): Promise<ParquetFacts> {
  const metadata = await parquetMetadataAsync(buffer, { parsers: AS_STORED })
  const leaves = leavesOf(metadata.schema)
  return {
    rows: Number(metadata.num_rows),
    columns: leaves.map(({ leaf, path, isRepeated }, i) => ({
      name: path,
      isRepeated,
      values: sumOf(metadata, i, (chunk) => chunk?.num_values),
      fieldId: leaf.field_id,
      physical: leaf.type ?? 'none',
      isRequired: leaf.repetition_type === 'REQUIRED',
      bytes: sumOf(metadata, i, (chunk) => chunk?.total_compressed_size),
      nulls: nullsOf(metadata, i),
      range: leaf.converted_type === 'DECIMAL' ? undefined : rangeOf(metadata, i),
    })),
    groupOffsets: metadata.row_groups.map((group) => {
      const first = group.columns[0]?.meta_data
      return Number(first?.dictionary_page_offset ?? first?.data_page_offset ?? -1)
    }),
  }
}

type Element = FileMetaData['schema'][number]

interface Leaf {
  readonly leaf: Element
  readonly path: string
  readonly isRepeated: boolean
}

/** The leaves of a schema, which is a list of elements from the outside in. */
function leavesOf(schema: readonly Element[]): Leaf[] {
  const leaves: Leaf[] = []
  let next = 1
  const visit = (count: number, prefix: string, isRepeated: boolean): void => {
    for (let i = 0; i < count; i++) {
      const element = schema[next++]
      const path = `${prefix}${element.name}`
      const isList = isRepeated || element.repetition_type === 'REPEATED'
      if (element.num_children === undefined) leaves.push({ leaf: element, path, isRepeated: isList })
      else visit(element.num_children, `${path}.`, isList)
    }
  }
  visit(schema[0]?.num_children ?? 0, '', false)
  return leaves
}

const same = <T>(value: T): T => value

/** No value is turned into another one. Decimals are, whatever is said here. */
const AS_STORED = {
  timestampFromMilliseconds: same<bigint>,
  timestampFromMicroseconds: same<bigint>,
  timestampFromNanoseconds: same<bigint>,
  dateFromDays: same<number>,
  stringFromBytes: same<Uint8Array>,
  uuidFromBytes: same<Uint8Array>,
}

function rangeOf(metadata: FileMetaData, column: number): ParquetColumn['range'] {
  let range: ParquetColumn['range']
  for (const group of metadata.row_groups) {
    const stats = group.columns[column]?.meta_data?.statistics
    const isExact = stats?.is_min_value_exact === true && stats.is_max_value_exact === true
    const { min_value: min, max_value: max } = stats ?? {}
    if (!isExact || !isStored(min) || !isStored(max)) return undefined
    range = {
      min: range === undefined || compareStored(min, range.min) < 0 ? min : range.min,
      max: range === undefined || compareStored(max, range.max) > 0 ? max : range.max,
    }
  }
  return range
}

function isStored(value: unknown): value is StoredValue {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Uint8Array
}

/** Numbers by value, bytes as unsigned ones. */
export function compareStored(a: StoredValue, b: StoredValue): number {
  if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array)) return a < b ? -1 : a > b ? 1 : 0
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i]
  return a.length - b.length
}

type Chunk = FileMetaData['row_groups'][number]['columns'][number]['meta_data']

function sumOf(metadata: FileMetaData, column: number, value: (chunk: Chunk) => bigint | undefined): number {
  let sum = 0
  for (const group of metadata.row_groups) sum += Number(value(group.columns[column]?.meta_data) ?? 0)
  return sum
}

function nullsOf(metadata: FileMetaData, column: number): number | undefined {
  const isKnown = metadata.row_groups.every(
    (group) => group.columns[column]?.meta_data?.statistics?.null_count !== undefined,
  )
  return isKnown ? sumOf(metadata, column, (chunk) => chunk?.statistics?.null_count) : undefined
}

const compressors = { ZSTD: (input: Uint8Array): Uint8Array => zlib.zstdDecompressSync(input) }

/** The values of a column of longs; `undefined` for null. */
export async function readLongs({ buffer }: OpenParquet, name: string): Promise<(bigint | undefined)[]> {
  const rows = await parquetReadObjects({ file: buffer, columns: [name], compressors })
  return rows.map((row) => (typeof row[name] === 'bigint' ? row[name] : undefined))
}

/** The rows of a position delete file. */
export async function readPositionDeletes({
  buffer,
}: OpenParquet): Promise<{ path: string; position: number }[]> {
  const rows = await parquetReadObjects({ file: buffer, compressors })
  return rows.map((row) => ({ path: String(row['file_path']), position: Number(row['pos']) }))
}

import {
  isNested,
  nestedParts,
  type ColumnStats,
  type ColumnType,
  type NestedPart,
  type SstMeta,
  type TableSchema,
} from '@meru/core'
import { avroBytes } from './avro-file.ts'
import { FILE_DATA, FORMAT_PARQUET, KEY_SORT_ORDER_ID } from './format.ts'
import type { ById, ContentFile } from './manifest-entry.ts'
import { partitionTuple } from './partition.ts'

interface Bounds {
  readonly lower: Uint8Array
  readonly upper: Uint8Array
}

/** A column chunk of the file: a column, or a leaf of a nested one. */
interface Leaf {
  readonly type: ColumnType
  /** In a list or a map, so that rows have none or many of its values. */
  readonly isRepeated: boolean
}

function leavesOf(part: NestedPart, isRepeated: boolean): [id: number, leaf: Leaf][] {
  const { id, type } = part
  if (!isNested(type)) return [[id, { type, isRepeated }]]
  const isList = type.kind !== 'struct'
  return nestedParts(type).flatMap(({ part: inner }) => leavesOf(inner, isRepeated || isList))
}

/**
 * The manifest entry of an SST. Numbers are of the rows in the file, dead ones included: for Iceberg
 * that is what they mean. Columns that the table no longer has are left out. Of values in lists and maps only how many
 * there are is told, as the Java implementation counts them: an empty list or a null is one.
 */
export function dataFile(sst: SstMeta, uri: string, schema: TableSchema): ContentFile {
  const known = new Map(schema.columns.flatMap((column) => leavesOf(column, false)))
  const columns = sst.columns.filter((stats) => known.has(stats.id)).sort((a, b) => a.id - b.id)
  const bounds = new Map<number, Bounds>()
  for (const stats of columns) {
    const found = boundsOf(stats, known.get(stats.id)?.type)
    if (found !== undefined) bounds.set(stats.id, found)
  }
  return {
    content: FILE_DATA,
    file_path: uri,
    file_format: FORMAT_PARQUET,
    partition: partitionTuple(sst, schema),
    record_count: sst.rows,
    file_size_in_bytes: sst.bytes,
    column_sizes: byId(columns, (stats) => stats.bytes),
    value_counts: byId(columns, (stats) => stats.values),
    null_value_counts: byId(columns, (stats) =>
      known.get(stats.id)?.isRepeated === true ? undefined : stats.nulls,
    ),
    nan_value_counts: byId(columns, (stats) =>
      known.get(stats.id)?.isRepeated === true ? undefined : stats.nans,
    ),
    lower_bounds: byId(columns, (stats) => bounds.get(stats.id)?.lower),
    upper_bounds: byId(columns, (stats) => bounds.get(stats.id)?.upper),
    key_metadata: null,
    split_offsets: [...sst.splitOffsets],
    equality_ids: null,
    sort_order_id: KEY_SORT_ORDER_ID,
    referenced_data_file: null,
    first_row_id: null,
    content_offset: null,
    content_size_in_bytes: null,
  }
}

function byId<T>(columns: readonly ColumnStats[], value: (stats: ColumnStats) => T | undefined): ById<T> {
  const pairs: { key: number; value: T }[] = []
  for (const stats of columns) {
    const found = value(stats)
    if (found !== undefined) pairs.push({ key: stats.id, value: found })
  }
  return pairs
}

function boundsOf(stats: ColumnStats, type: ColumnType | undefined): Bounds | undefined {
  const { lower, upper } = stats
  if (lower === undefined || upper === undefined) return undefined
  if (type?.kind === 'uuid') return uuidBounds(lower, upper)
  return { lower: avroBytes(lower), upper: avroBytes(upper) }
}

/**
 * Bounds that hold for both orders in use: as 16 unsigned bytes, and as two signed 64-bit numbers (the
 * Java implementation's). One step outwards in the upper half makes the lower half irrelevant. None if a
 * sign bit differs, for then the orders contradict each other.
 */
function uuidBounds(lower: Uint8Array, upper: Uint8Array): Bounds | undefined {
  const low = upperHalf(lower) - 1n
  const high = upperHalf(upper) + 1n
  if (low < 0n || high >= 1n << 64n || low >> 63n !== high >> 63n) return undefined
  return { lower: fromUpperHalf(low), upper: fromUpperHalf(high) }
}

function upperHalf(uuid: Uint8Array): bigint {
  return new DataView(uuid.buffer, uuid.byteOffset, uuid.byteLength).getBigUint64(0)
}

function fromUpperHalf(half: bigint): Uint8Array {
  const uuid = new Uint8Array(16)
  new DataView(uuid.buffer).setBigUint64(0, half)
  return avroBytes(uuid)
}

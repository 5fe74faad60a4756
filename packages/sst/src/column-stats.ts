import { encodeSingleValue, truncateLower, truncateUpper, type ColumnStats, type Vector } from '@meru/core'
import { chunkBytes, type WrittenColumn } from './parquet-footer.ts'
import type { SstColumn } from './sst-columns.ts'
import { mergeStats, type Bound, type RangeStats } from './statistics.ts'

/**
 * What an SST says of its columns, and of the leaves of nested ones, each after its column. `written` holds the stored
 * columns, of which these are the first ones; `nested` says how many rows there are, and in how many of them a nested
 * column is null.
 */
export function statsOfColumns(
  columns: readonly SstColumn[],
  written: readonly WrittenColumn[],
  key: readonly number[],
  nested: { readonly rows: number; readonly nulls: ReadonlyMap<number, number> },
): ColumnStats[] {
  let stored = 0
  return columns.flatMap((column) => {
    if (column.tree === undefined) return [columnStats(written[stored++], key.includes(column.id))]
    const leaves = column.tree.leaves.map(() => columnStats(written[stored++], false))
    const bytes = leaves.reduce((sum, leaf) => sum + leaf.bytes, 0)
    return [{ id: column.id, values: nested.rows, nulls: nested.nulls.get(column.id) ?? 0, bytes }, ...leaves]
  })
}

/** What an SST says of one of its columns: exact bounds for key columns, cut ones for others. */
function columnStats(written: WrittenColumn, isKey: boolean): ColumnStats {
  const { column, chunks, rules } = written
  const stats = mergeStats(
    chunks.flatMap(({ chunk }) => chunk.stats),
    rules,
  )
  const hasNans = column.physical === 'f32' || column.physical === 'f64'
  const { lower, upper } = boundsOf(column, stats, isKey)
  return {
    id: column.id,
    values: stats.values,
    nulls: stats.nulls,
    ...(hasNans ? { nans: stats.nans } : {}),
    ...(lower === undefined ? {} : { lower }),
    ...(upper === undefined ? {} : { upper }),
    bytes: chunks.reduce((sum, { chunk }) => sum + chunkBytes(chunk), 0),
  }
}

/** The bounds of some rows as Iceberg single values; cut to its length unless they have to be exact. */
export function boundsOf(
  column: SstColumn,
  stats: RangeStats,
  isExact: boolean,
): { lower: Uint8Array | undefined; upper: Uint8Array | undefined } {
  return { lower: lowerBound(column, stats, isExact), upper: upperBound(column, stats, isExact) }
}

function lowerBound(column: SstColumn, stats: RangeStats, isKey: boolean): Uint8Array | undefined {
  if (stats.min === undefined || !isBounded(column, stats, stats.min)) return undefined
  const bytes = singleValue(column, stats.min)
  return isKey || column.type === undefined ? bytes : truncateLower(column.type, bytes)
}

function upperBound(column: SstColumn, stats: RangeStats, isKey: boolean): Uint8Array | undefined {
  if (stats.max === undefined || !isBounded(column, stats, stats.max)) return undefined
  const bytes = singleValue(column, stats.max)
  return isKey || column.type === undefined ? bytes : truncateUpper(column.type, bytes)
}

/**
 * Values of fixed length are never cut, so long ones have no bound. Some engines compare UUIDs as two signed numbers:
 * theirs and ours agree only where all values have the same two signs.
 */
function isBounded(column: SstColumn, stats: RangeStats, bound: Bound): boolean {
  if (column.physical === 'fixed' && !bound.isExact) return false
  return (stats.signs & 3) !== 3 && (stats.signs & 12) !== 12
}

function singleValue(column: SstColumn, bound: Bound): Uint8Array {
  return column.type === undefined
    ? new Uint8Array()
    : encodeSingleValue(column.type, vectorOf(column, bound.value), 0)
}

/** A vector of one value. */
function vectorOf(column: SstColumn, value: Bound['value']): Vector {
  if (value instanceof Uint8Array) {
    return column.physical === 'fixed'
      ? { physical: 'fixed', length: 1, width: value.length, values: value }
      : { physical: 'bytes', length: 1, bytes: value, offsets: Uint32Array.of(0, value.length) }
  }
  if (typeof value === 'bigint') return { physical: 'i64', length: 1, values: BigInt64Array.of(value) }
  switch (column.physical) {
    case 'f32':
      return { physical: 'f32', length: 1, values: Float32Array.of(value) }
    case 'f64':
      return { physical: 'f64', length: 1, values: Float64Array.of(value) }
    case 'bool':
      return { physical: 'bool', length: 1, values: Uint8Array.of(value) }
    default:
      return { physical: 'i32', length: 1, values: Int32Array.of(value) }
  }
}

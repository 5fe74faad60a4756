import { TERMINATOR_LENGTH, textEnd, unescapeInto } from './key-bytes.ts'
import { formatDate } from './calendar.ts'
import { truncateWidth } from './partition.ts'
import { keyColumns, type TableSchema } from './schema.ts'
import { readText } from './text.ts'
import type { BytesVector } from './vector.ts'

/** A value of a partition field: a date is days, a moment is microseconds. */
export type PartitionValue = boolean | number | bigint | string | null

const MICROS_PER_DAY = 86_400_000_000n
const MICROS_PER_HOUR = 3_600_000_000n

/**
 * The partition that a key lies in: a value for each field of the schema's partition. Along ascending keys equal
 * partitions lie side by side, for every field but the last is the key column itself and no transform turns an order round.
 */
export function partitionOf(
  schema: TableSchema,
  bytes: Uint8Array,
  start: number = 0,
  end: number = bytes.length,
): PartitionValue[] {
  const columns = keyColumns(schema)
  let at = start
  return (schema.partition ?? []).map(({ transform }, i) => {
    const { kind } = columns[i].type
    const from = at
    at = endOf(kind, bytes, at, end)
    return transformed(transform, kind, valueOf(kind, bytes, from, at))
  })
}

/** Whether two keys lie in one partition. */
export function inOnePartition(schema: TableSchema, a: Uint8Array, b: Uint8Array): boolean {
  return isSame(partitionOf(schema, a), partitionOf(schema, b))
}

/** The first row after `from` that lies in another partition; `length` if there is none. Keys ascend. */
export function partitionEnd(schema: TableSchema, keys: BytesVector, from: number): number {
  const { bytes, offsets, length } = keys
  const at = (row: number): PartitionValue[] => partitionOf(schema, bytes, offsets[row], offsets[row + 1])
  const first = at(from)
  let [inside, outside] = [from, length]
  if (isSame(at(length - 1), first)) return length
  while (outside - inside > 1) {
    const middle = (inside + outside) >>> 1
    if (isSame(at(middle), first)) inside = middle
    else outside = middle
  }
  return outside
}

function isSame(a: readonly PartitionValue[], b: readonly PartitionValue[]): boolean {
  return a.every((value, i) => value === b[i])
}

function endOf(kind: string, bytes: Uint8Array, at: number, limit: number): number {
  switch (kind) {
    case 'boolean':
      return at + 1
    case 'int':
    case 'date':
      return at + 4
    case 'string':
      return textEnd(bytes, at, limit) + TERMINATOR_LENGTH
    default:
      return at + 8
  }
}

function valueOf(
  kind: string,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean | number | bigint | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  switch (kind) {
    case 'boolean':
      return bytes[start] !== 0
    case 'int':
    case 'date':
      return view.getInt32(start) ^ -0x80000000
    case 'string': {
      const plain = new Uint8Array(end - start)
      return readText(plain, 0, unescapeInto(plain, 0, bytes, start, end - TERMINATOR_LENGTH))
    }
    default:
      return BigInt.asIntN(64, view.getBigUint64(start) ^ (1n << 63n))
  }
}

function transformed(
  transform: string,
  kind: string,
  value: boolean | number | bigint | string,
): PartitionValue {
  const width = truncateWidth(transform)
  if (width !== undefined) return truncated(value, width)
  switch (transform) {
    case 'void':
      return null
    case 'hour':
      return Number(floorDivide(value as bigint, MICROS_PER_HOUR))
    case 'day':
      return dayOf(kind, value)
    case 'month':
      return monthOf(dayOf(kind, value))
    case 'year':
      return Math.floor(monthOf(dayOf(kind, value)) / 12)
    default:
      return value
  }
}

/** As in the Java implementation the result wraps round below the least value of its type. */
function truncated(value: boolean | number | bigint | string, width: number): PartitionValue {
  if (typeof value === 'string') return Array.from(value).slice(0, width).join('')
  if (typeof value === 'bigint') {
    const w = BigInt(width)
    return BigInt.asIntN(64, value - (((value % w) + w) % w))
  }
  const number = Number(value)
  return (number - (((number % width) + width) % width)) | 0
}

function dayOf(kind: string, value: boolean | number | bigint | string): number {
  return kind === 'date' ? Number(value) : Number(floorDivide(value as bigint, MICROS_PER_DAY))
}

/** Months since January 1970. */
function monthOf(days: number): number {
  const [, year, month] = /^([+-]?\d+)-(\d\d)-/.exec(formatDate(days)) ?? []
  return (Number(year) - 1970) * 12 + Number(month) - 1
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}

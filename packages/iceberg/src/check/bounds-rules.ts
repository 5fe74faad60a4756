import type { AvroRecord, AvroValue } from './avro-decode.ts'
import { mapOf } from './manifest-rules.ts'
import { compareStored, type ParquetColumn } from './parquet-file.ts'
import type { Report } from './report.ts'

/** Bytes of a single value of a type; 0 if they vary. Columns that were widened keep their old width. */
const WIDTHS: Readonly<Record<string, readonly number[]>> = {
  boolean: [1],
  int: [4],
  long: [4, 8],
  float: [4],
  double: [4, 8],
  date: [4],
  time: [8],
  timestamp: [4, 8],
  timestamptz: [8],
  timestamp_ns: [4, 8],
  timestamptz_ns: [8],
  uuid: [16],
}

/**
 * Lower and upper bounds: of the right form, in order, never NaN, never of an unknown or hidden column, and around
 * what the footer says of the values, where it does.
 */
export function checkBounds(
  record: AvroRecord,
  {
    types,
    columns,
  }: { readonly types: ReadonlyMap<number, string>; readonly columns: readonly ParquetColumn[] },
  path: string,
  report: Report,
): void {
  const lowers = mapOf(record['lower_bounds'])
  const uppers = mapOf(record['upper_bounds'])
  for (const id of new Set([...lowers.keys(), ...uppers.keys()])) {
    const type = types.get(id)
    if (type === undefined) {
      report.add('bounds', path, `bounds of field ${id}, which is in no schema`)
      continue
    }
    const lower = decode(type, lowers.get(id))
    const upper = decode(type, uppers.get(id))
    for (const bound of [lower, upper]) {
      if (typeof bound === 'string') report.add('bounds', path, `field ${id}, ${type}: ${bound}`)
    }
    if (lower === undefined || upper === undefined || typeof lower === 'string' || typeof upper === 'string')
      continue
    report.require(
      compareStored(lower, upper) <= 0,
      'bounds',
      path,
      `field ${id}, ${type}: the lower bound is above the upper`,
    )
    const range = columns.find(({ fieldId }) => fieldId === id)?.range
    if (range !== undefined) {
      const isBelow = typeof range.min !== typeof lower || compareStored(lower, range.min) <= 0
      const isAbove = typeof range.max !== typeof upper || compareStored(upper, range.max) >= 0
      report.require(isBelow, 'bounds', path, `field ${id}, ${type}: the lower bound is above a value`)
      report.require(isAbove, 'bounds', path, `field ${id}, ${type}: the upper bound is below a value`)
    }
    const isSplit = type === 'uuid' && signBit(lower) !== signBit(upper)
    report.require(
      !isSplit,
      'bounds',
      path,
      `field ${id}, uuid: readers order values with different top bits differently`,
    )
  }
}

/** A comparable form; a text is a problem. */
type Bound = number | bigint | Uint8Array

function decode(type: string, value: AvroValue | undefined): Bound | string | undefined {
  if (value === undefined) return undefined
  if (!(value instanceof Uint8Array)) return 'no bytes'
  const widths = WIDTHS[type]
  const fixed = /^fixed\[(\d+)\]$/.exec(type)?.[1]
  if (widths && !widths.includes(value.length)) return `${value.length} bytes`
  if (fixed !== undefined && value.length !== Number(fixed)) return `${value.length} bytes`
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  switch (type) {
    case 'int':
    case 'date':
      return view.getInt32(0, true)
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return value.length === 4 ? view.getInt32(0, true) : view.getBigInt64(0, true)
    case 'float':
    case 'double': {
      const number = value.length === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true)
      return Number.isNaN(number) ? 'NaN' : number
    }
    case 'string':
      return isUtf8(value) ? value : 'no UTF-8'
    default:
      return type.startsWith('decimal') ? decimal(value) : value
  }
}

/** Minimal big-endian two's complement. */
function decimal(bytes: Uint8Array): bigint | string {
  if (bytes.length === 0) return 'no bytes'
  let value = BigInt.asIntN(8, BigInt(bytes[0]))
  for (const byte of bytes.subarray(1)) value = value * 256n + BigInt(byte)
  const isPadded = bytes.length > 1 && BigInt.asIntN((bytes.length - 1) * 8, value) === value
  return isPadded ? 'longer than needed' : value
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

function signBit(bound: Bound): number {
  return bound instanceof Uint8Array ? bound[0] >> 7 : 0
}

import type { ByteWriter } from './byte-writer.ts'
import { formatDate, parseDate } from './calendar.ts'
import type { ColumnType } from './column-type.ts'
import type { ColumnMode } from './column.ts'
import { formatDecimal, unscaledDigits } from './decimal.ts'
import { MeruError } from './errors.ts'
import {
  LONG_MAX,
  LONG_MIN,
  getBigEndian,
  getBigint,
  getInteger,
  putBigEndian,
  putSafeInteger,
} from './int64.ts'
import type { ColumnPlace } from './row-layout.ts'
import { getUuid, putUuid } from './uuid.ts'
import { isBytes, isDate } from './value-check.ts'
import { invalidValue } from './value-error.ts'

/** A column as the codecs see it: its place in the row and what its JavaScript values are. */
export interface ColumnPlan extends ColumnPlace {
  readonly table: string
  readonly mode: ColumnMode | undefined
  /** How its values are written and read; absent for those of varying length. */
  readonly fixed: FixedCodec | undefined
  /** How nested values are written and read. */
  readonly nested: NestedCodec | undefined
}

/** Nested values to bytes and back. Format: docs/format/row.md. */
export interface NestedCodec {
  /** Appends a value; throws `INVALID` if the column does not take it. */
  append(out: ByteWriter, value: unknown): void
  /** The value in `bytes[start .. end)`; throws `CORRUPT` if they are none. */
  read(bytes: Uint8Array, start: number, end: number): unknown
}

/**
 * Writes a value of fixed width at `at`, as encoded rows hold it; throws `INVALID` if it is out of the
 * column's domain. There is room for it.
 */
export type PutFixed = (
  view: DataView,
  bytes: Uint8Array,
  at: number,
  value: unknown,
  plan: ColumnPlan,
) => void

/** Reads the value of fixed width at `at`. */
export type GetFixed = (bytes: Uint8Array, at: number, plan: ColumnPlan) => unknown

export interface FixedCodec {
  readonly put: PutFixed
  readonly get: GetFixed
}

const DAY_MICROS = 86_400_000_000
/** Milliseconds whose microseconds are a safe integer. */
const EXACT_MS_MAX = 9_007_199_254_740

const scratch = new DataView(new ArrayBuffer(8))

function putBoolean(_view: DataView, bytes: Uint8Array, at: number, value: unknown, plan: ColumnPlan): void {
  if (value === true) bytes[at] = 1
  else if (value === false) bytes[at] = 0
  else throw invalidValue(plan, value, 'a boolean')
}

function getBoolean(bytes: Uint8Array, at: number): boolean {
  return bytes[at] !== 0
}

function putInt(view: DataView, _bytes: Uint8Array, at: number, value: unknown, plan: ColumnPlan): void {
  if (typeof value !== 'number' || (value | 0) !== value) {
    throw invalidValue(plan, value, 'an integer from -2147483648 to 2147483647')
  }
  view.setInt32(at, value, true)
}

function getInt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
}

function putLongNumber(
  view: DataView,
  _bytes: Uint8Array,
  at: number,
  value: unknown,
  plan: ColumnPlan,
): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw invalidValue(plan, value, 'a safe integer (the column has mode "number")')
  }
  putSafeInteger(view, at, value)
}

function getLongNumber(bytes: Uint8Array, at: number, plan: ColumnPlan): number {
  const value = getInteger(bytes, at)
  if (!Number.isSafeInteger(value)) throw unreadable(plan, getBigint(bytes, at), 'mode "bigint"')
  return value
}

function putLongBigint(
  view: DataView,
  _bytes: Uint8Array,
  at: number,
  value: unknown,
  plan: ColumnPlan,
): void {
  if (typeof value !== 'bigint' || value < LONG_MIN || value > LONG_MAX) {
    throw invalidValue(plan, value, 'a bigint from -2^63 to 2^63 - 1')
  }
  view.setBigInt64(at, value, true)
}

function putFloat(view: DataView, _bytes: Uint8Array, at: number, value: unknown, plan: ColumnPlan): void {
  if (typeof value !== 'number') throw invalidValue(plan, value, 'a number')
  view.setFloat32(at, value, true)
  if (value - value === 0 && !Number.isFinite(view.getFloat32(at, true))) {
    throw invalidValue(plan, value, 'a number in the range of a 32-bit float')
  }
}

function getFloat(bytes: Uint8Array, at: number): number {
  scratch.setInt32(0, getInt(bytes, at))
  return scratch.getFloat32(0)
}

function putDouble(view: DataView, _bytes: Uint8Array, at: number, value: unknown, plan: ColumnPlan): void {
  if (typeof value !== 'number') throw invalidValue(plan, value, 'a number')
  view.setFloat64(at, value, true)
}

function getDouble(bytes: Uint8Array, at: number): number {
  scratch.setInt32(0, getInt(bytes, at + 4))
  scratch.setInt32(4, getInt(bytes, at))
  return scratch.getFloat64(0)
}

function putDate(view: DataView, _bytes: Uint8Array, at: number, value: unknown, plan: ColumnPlan): void {
  const days = typeof value === 'string' ? parseDate(value) : undefined
  if (days === undefined) throw invalidValue(plan, value, "a date like '2024-02-29'")
  view.setInt32(at, days, true)
}

function getDate(bytes: Uint8Array, at: number): string {
  return formatDate(getInt(bytes, at))
}

function putTime(view: DataView, _bytes: Uint8Array, at: number, value: unknown, plan: ColumnPlan): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value >= DAY_MICROS) {
    throw invalidValue(plan, value, 'a number of microseconds since midnight, from 0 to 86399999999')
  }
  putSafeInteger(view, at, value)
}

function putTimestampDate(
  view: DataView,
  _bytes: Uint8Array,
  at: number,
  value: unknown,
  plan: ColumnPlan,
): void {
  if (!isDate(value)) throw invalidValue(plan, value, 'a Date')
  const ms = value.getTime()
  if (ms >= -EXACT_MS_MAX && ms <= EXACT_MS_MAX) putSafeInteger(view, at, ms * 1000)
  else if (Number.isNaN(ms)) throw invalidValue(plan, value, 'a Date that is valid')
  else view.setBigInt64(at, BigInt(ms) * 1000n, true)
}

/** The Date at or before the microsecond: a Date has no finer unit than the millisecond. */
function getTimestampDate(bytes: Uint8Array, at: number, plan: ColumnPlan): Date {
  const micros = getInteger(bytes, at)
  if (Number.isSafeInteger(micros)) return new Date(Math.floor(micros / 1000))
  const exact = getBigint(bytes, at)
  const ms = (exact - (((exact % 1000n) + 1000n) % 1000n)) / 1000n
  const date = new Date(Number(ms))
  if (Number.isNaN(date.getTime())) throw unreadable(plan, exact, 'mode "bigint"')
  return date
}

function putDecimal(view: DataView, bytes: Uint8Array, at: number, value: unknown, plan: ColumnPlan): void {
  const { precision, scale } = plan.type as Extract<ColumnType, { kind: 'decimal' }>
  const digits = typeof value === 'string' ? unscaledDigits(value, precision, scale) : undefined
  if (digits === undefined) {
    const example = scale === 0 ? "'-12'" : `'-1.${'5'.padEnd(Math.min(scale, 8), '0')}'`
    const expected = `a decimal as a string like ${example}: at most ${precision} digits, ${scale} after the point`
    throw invalidValue(plan, value, expected)
  }
  if (plan.width === 4) view.setInt32(at, Number(digits), true)
  else if (plan.physical !== 'i64') putBigEndian(bytes, at, plan.width, BigInt(digits))
  else if (digits.length <= 15) putSafeInteger(view, at, Number(digits))
  else view.setBigInt64(at, BigInt(digits), true)
}

function getDecimal(bytes: Uint8Array, at: number, plan: ColumnPlan): string {
  const { scale } = plan.type as Extract<ColumnType, { kind: 'decimal' }>
  if (plan.physical === 'i32') return formatDecimal(getInt(bytes, at), scale)
  if (plan.physical === 'fixed') return formatDecimal(getBigEndian(bytes, at, plan.width), scale)
  const value = getInteger(bytes, at)
  return formatDecimal(Number.isSafeInteger(value) ? value : getBigint(bytes, at), scale)
}

function putUuidValue(
  _view: DataView,
  bytes: Uint8Array,
  at: number,
  value: unknown,
  plan: ColumnPlan,
): void {
  if (typeof value !== 'string' || !putUuid(bytes, at, value)) {
    throw invalidValue(plan, value, "a UUID like '0b0c9a6e-2f3d-4c5e-8a7b-1d2e3f405162'")
  }
}

function putFixed(_view: DataView, bytes: Uint8Array, at: number, value: unknown, plan: ColumnPlan): void {
  if (!isBytes(value) || value.length !== plan.width) {
    throw invalidValue(plan, value, `a Uint8Array of ${plan.width} bytes`)
  }
  bytes.set(value, at)
}

function getFixed(bytes: Uint8Array, at: number, plan: ColumnPlan): Uint8Array {
  return copyBytes(bytes, at, at + plan.width)
}

/** A copy in memory of its own: neither a `Buffer` nor shared, whatever the source is. */
export function copyBytes(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(end - start)
  copy.set(bytes.subarray(start, end))
  return copy
}

/** The error for a stored value that the column's mode cannot express. */
export function unreadable(plan: ColumnPlan, value: bigint, mode: string): MeruError {
  const message = `table "${plan.table}", column "${plan.name}": the stored ${value} is out of range; declare it with ${mode}`
  return new MeruError('INVALID', message)
}

/** Prepares a column for writing and reading, apart from what is within nested values. */
export function scalarPlan(
  table: string,
  place: ColumnPlace,
  mode: ColumnMode | undefined,
  nested?: NestedCodec,
): ColumnPlan {
  return { ...place, table, mode, fixed: fixedCodec(place.type, mode), nested }
}

function fixedCodec(type: ColumnType, mode: ColumnMode | undefined): FixedCodec | undefined {
  switch (type.kind) {
    case 'boolean':
      return { put: putBoolean, get: getBoolean }
    case 'int':
      return { put: putInt, get: getInt }
    case 'long':
      if (mode === 'number') return { put: putLongNumber, get: getLongNumber }
      return { put: putLongBigint, get: getBigint }
    case 'float':
      return { put: putFloat, get: getFloat }
    case 'double':
      return { put: putDouble, get: getDouble }
    case 'decimal':
      return { put: putDecimal, get: getDecimal }
    case 'date':
      return { put: putDate, get: getDate }
    case 'time':
      return { put: putTime, get: getInteger }
    case 'timestamp':
    case 'timestamptz':
      if (mode === 'bigint') return { put: putLongBigint, get: getBigint }
      return { put: putTimestampDate, get: getTimestampDate }
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return { put: putLongBigint, get: getBigint }
    case 'uuid':
      return { put: putUuidValue, get: getUuid }
    case 'fixed':
      return { put: putFixed, get: getFixed }
    case 'string':
    case 'binary':
    case 'struct':
    case 'list':
    case 'map':
      return undefined
  }
}

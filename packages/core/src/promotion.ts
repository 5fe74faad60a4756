import { physicalOf, typeName, type ColumnType } from './column-type.ts'
import { MeruError } from './errors.ts'
import { LONG_MAX, LONG_MIN } from './int64.ts'

/**
 * Types that a column may be widened to while its values stay what they are.
 * Source: Apache Iceberg table specification, "Schema Evolution", type promotion.
 */
export function isPromotion(from: ColumnType, to: ColumnType): boolean {
  switch (from.kind) {
    case 'int':
      return to.kind === 'long'
    case 'float':
      return to.kind === 'double'
    case 'date':
      return to.kind === 'timestamp' || to.kind === 'timestamp_ns'
    case 'decimal':
      return to.kind === 'decimal' && to.scale === from.scale && to.precision > from.precision
    default:
      return false
  }
}

/** What the promotions of a type are, for messages. */
export function promotionsOf(type: ColumnType): string {
  switch (type.kind) {
    case 'int':
      return 'long'
    case 'float':
      return 'double'
    case 'date':
      return 'timestamp or timestamp_ns'
    case 'decimal':
      return `a decimal of more digits and scale ${type.scale}`
    default:
      return 'nothing'
  }
}

/** Writes at `to` of `into` the value at `at` of `source`, both as encoded rows hold them. */
export type Promote = (source: Uint8Array, at: number, into: Uint8Array, to: number) => void

/** How values are promoted; `undefined` if both types hold them in the same bytes. */
export function promotionOf(from: ColumnType, to: ColumnType): Promote | undefined {
  if (typeName(from) === typeName(to)) return undefined
  if (!isPromotion(from, to)) throw new TypeError(`${typeName(from)} is not promoted to ${typeName(to)}`)
  if (from.kind === 'float') return promoteFloat
  if (from.kind === 'date') return promoteDate(to)
  const source = physicalOf(from)
  const target = physicalOf(to)
  if (source.physical === target.physical && source.width === target.width) return undefined
  if (target.physical !== 'fixed') return promoteInt
  return source.physical === 'fixed'
    ? promoteBigEndian(source.width, target.width)
    : promoteToBigEndian(source.width, target.width)
}

function promoteInt(source: Uint8Array, at: number, into: Uint8Array, to: number): void {
  const sign = source[at + 3] >= 0x80 ? 0xff : 0
  for (let i = 0; i < 4; i++) into[to + i] = source[at + i]
  for (let i = 4; i < 8; i++) into[to + i] = sign
}

/** Little-endian of `width` bytes to big-endian of `wide`. */
function promoteToBigEndian(width: number, wide: number): Promote {
  return (source, at, into, to) => {
    const sign = source[at + width - 1] >= 0x80 ? 0xff : 0
    const start = to + wide - width
    for (let i = to; i < start; i++) into[i] = sign
    for (let i = 0; i < width; i++) into[start + i] = source[at + width - 1 - i]
  }
}

function promoteBigEndian(width: number, wide: number): Promote {
  return (source, at, into, to) => {
    const sign = source[at] >= 0x80 ? 0xff : 0
    const start = to + wide - width
    for (let i = to; i < start; i++) into[i] = sign
    for (let i = 0; i < width; i++) into[start + i] = source[at + i]
  }
}

const scratch = new DataView(new ArrayBuffer(8))

function promoteFloat(source: Uint8Array, at: number, into: Uint8Array, to: number): void {
  for (let i = 0; i < 4; i++) scratch.setUint8(i, source[at + i])
  scratch.setFloat64(0, scratch.getFloat32(0, true), true)
  for (let i = 0; i < 8; i++) into[to + i] = scratch.getUint8(i)
}

const DAY_MICROS = 86_400_000_000n

/** A date is the midnight that it begins with. */
function promoteDate(type: ColumnType): Promote {
  const unit = type.kind === 'timestamp_ns' ? DAY_MICROS * 1000n : DAY_MICROS
  return (source, at, into, to) => {
    for (let i = 0; i < 4; i++) scratch.setUint8(i, source[at + i])
    const moment = BigInt(scratch.getInt32(0, true)) * unit
    if (moment < LONG_MIN || moment > LONG_MAX) throw outOfRange(scratch.getInt32(0, true), type)
    scratch.setBigInt64(0, moment, true)
    for (let i = 0; i < 8; i++) into[to + i] = scratch.getUint8(i)
  }
}

/** The days since the epoch, first and last, whose midnight a timestamp type can tell. */
export function promotableDays(type: ColumnType): { readonly first: number; readonly last: number } {
  const unit = type.kind === 'timestamp_ns' ? DAY_MICROS * 1000n : DAY_MICROS
  return { first: Number(LONG_MIN / unit), last: Number(LONG_MAX / unit) }
}

function outOfRange(days: number, type: ColumnType): MeruError {
  return new MeruError('INVALID', `day ${days} since 1970-01-01 is out of the range of ${typeName(type)}`)
}

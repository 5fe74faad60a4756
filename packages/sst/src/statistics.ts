import { compareBytes, type BytesVector, type FixedVector, type Vector } from '@meru/core'
import type { SstColumn } from './sst-columns.ts'

/** A value as statistics hold it: bytes for `fixed` and `bytes` columns, bigint for `i64`. */
export type StatValue = number | bigint | Uint8Array

/** The smallest or largest value of some rows. */
export interface Bound {
  /** The value, or, for long byte strings, its first bytes. */
  readonly value: StatValue
  /** False if `value` is only the first bytes. */
  readonly isExact: boolean
}

/** What some rows of one column hold. Without bounds every value is null or NaN. */
export interface RangeStats {
  readonly values: number
  readonly nulls: number
  readonly nans: number
  readonly min: Bound | undefined
  readonly max: Bound | undefined
  /** UUIDs: which values the first bits of bytes 0 and 8 take, as four flags; else 0. */
  readonly signs: number
}

/** Where the smallest and largest values of some rows are; -1 if there are none. */
interface Extremes {
  min: number
  max: number
  nans: number
}

/** How a column's values are ordered by Parquet and Iceberg, and how many bytes of a bound are kept. */
export interface StatRules {
  /** Decimals in bytes are two's complement; all other bytes are unsigned. */
  readonly isSigned: boolean
  readonly isUuid: boolean
  readonly boundBytesMax: number
}

/**
 * Bounds of columns outside the key are kept to this length: more than 16 code points of UTF-8, to which Iceberg cuts
 * them, and more than Parquet's statistics take.
 */
const BOUND_BYTES_MAX = 72

export function statRules(column: SstColumn, isKey: boolean): StatRules {
  return {
    isSigned: column.type?.kind === 'decimal',
    isUuid: column.type?.kind === 'uuid',
    boundBytesMax: isKey || column.type?.kind === 'decimal' ? Infinity : BOUND_BYTES_MAX,
  }
}

/** The statistics of rows [from, to). */
export function rangeStats(
  vector: Vector,
  from: number,
  to: number,
  nulls: number,
  rules: StatRules,
): RangeStats {
  const found =
    nulls === to - from ? { min: -1, max: -1, nans: 0 } : findExtremes(vector, from, to, nulls, rules)
  return {
    values: to - from,
    nulls,
    nans: found.nans,
    min: found.min < 0 ? undefined : boundAt(vector, found.min, -1, rules),
    max: found.max < 0 ? undefined : boundAt(vector, found.max, 1, rules),
    signs: rules.isUuid && vector.physical === 'fixed' ? uuidSigns(vector, from, to) : 0,
  }
}

/** Flags 1 and 2: the first bit of byte 0 is 0, is 1; flags 4 and 8: the same of byte 8. */
function uuidSigns({ values, width, validity }: FixedVector, from: number, to: number): number {
  let signs = 0
  for (let row = from; row < to; row++) {
    if (validity !== undefined && (validity[row >>> 3] & (1 << (row & 7))) === 0) continue
    signs |= (values[row * width] >= 0x80 ? 2 : 1) | (values[row * width + 8] >= 0x80 ? 8 : 4)
  }
  return signs
}

/** The statistics of all the rows that `parts` are statistics of. */
export function mergeStats(parts: readonly RangeStats[], rules: StatRules): RangeStats {
  const none: Bound | undefined = undefined
  const total = {
    values: 0,
    nulls: 0,
    nans: 0,
    min: none as Bound | undefined,
    max: none as Bound | undefined,
    signs: 0,
  }
  for (const { values, nulls, nans, min, max, signs } of parts) {
    total.signs |= signs
    total.values += values
    total.nulls += nulls
    total.nans += nans
    if (min !== undefined && (total.min === undefined || compareBounds(min, total.min, rules) < 0))
      total.min = min
    if (max !== undefined && (total.max === undefined || compareBounds(max, total.max, rules) > 0))
      total.max = max
  }
  return total
}

/** Orders bounds as their column does. Of two that agree in their first bytes, the cut one is larger. */
export function compareBounds(a: Bound, b: Bound, rules: StatRules): number {
  const { value: left } = a
  const { value: right } = b
  if (!(left instanceof Uint8Array) || !(right instanceof Uint8Array)) return compareNumbers(left, right)
  if (rules.isSigned && (left[0] ^ right[0]) > 127) return (left[0] << 24) - (right[0] << 24)
  const order = compareBytes(left, 0, left.length, right, 0, right.length)
  return order !== 0 ? order : Number(b.isExact) - Number(a.isExact)
}

function compareNumbers(a: StatValue, b: StatValue): number {
  if (a < b) return -1
  if (a > b) return 1
  // Negative zero sorts before zero in Parquet.
  return a === 0 && b === 0 ? Number(Object.is(b, -0)) - Number(Object.is(a, -0)) : 0
}

/** `side` is -1 for the smallest, 1 for the largest value. Zero is -0 below and +0 above, whichever the column holds. */
function boundAt(vector: Vector, row: number, side: -1 | 1, rules: StatRules): Bound {
  switch (vector.physical) {
    case 'bytes': {
      const start = vector.offsets[row]
      const length = vector.offsets[row + 1] - start
      const kept = Math.min(length, rules.boundBytesMax)
      return { value: vector.bytes.slice(start, start + kept), isExact: kept === length }
    }
    case 'fixed': {
      const kept = Math.min(vector.width, rules.boundBytesMax)
      const start = row * vector.width
      return { value: vector.values.slice(start, start + kept), isExact: kept === vector.width }
    }
    case 'f32':
    case 'f64': {
      const value = vector.values[row]
      return { value: value === 0 ? zeroOf(side) : value, isExact: true }
    }
    case 'bool':
    case 'i32':
    case 'i64':
      return { value: vector.values[row], isExact: true }
  }
}

function zeroOf(side: -1 | 1): number {
  return side < 0 ? -0 : 0
}

function findExtremes(vector: Vector, from: number, to: number, nulls: number, rules: StatRules): Extremes {
  const validity = nulls === 0 ? undefined : vector.validity
  switch (vector.physical) {
    case 'bytes':
      return bytesExtremes(vector, validity, from, to)
    case 'fixed':
      return fixedExtremes(vector, validity, from, to, rules.isSigned)
    case 'i64':
      return longExtremes(new Int32Array(vector.values.buffer, vector.values.byteOffset), validity, from, to)
    case 'bool':
    case 'i32':
    case 'f32':
    case 'f64':
      return numberExtremes(vector.values, validity, from, to)
  }
}

function numberExtremes(
  values: Uint8Array | Int32Array | Float32Array | Float64Array,
  validity: Uint8Array | undefined,
  from: number,
  to: number,
): Extremes {
  const found = { min: -1, max: -1, nans: 0 }
  let min = Infinity
  let max = -Infinity
  for (let row = from; row < to; row++) {
    if (validity !== undefined && (validity[row >>> 3] & (1 << (row & 7))) === 0) continue
    const value = values[row]
    if (value !== value) {
      found.nans++
      continue
    }
    if (value < min || found.min < 0) {
      min = value
      found.min = row
    }
    if (value > max || found.max < 0) {
      max = value
      found.max = row
    }
  }
  return found
}

/** `words` holds each value as two words, low word first. */
function longExtremes(
  words: Int32Array,
  validity: Uint8Array | undefined,
  from: number,
  to: number,
): Extremes {
  let min = -1
  let max = -1
  let minHigh = 0
  let minLow = 0
  let maxHigh = 0
  let maxLow = 0
  for (let row = from; row < to; row++) {
    if (validity !== undefined && (validity[row >>> 3] & (1 << (row & 7))) === 0) continue
    const high = words[2 * row + 1]
    const low = words[2 * row] >>> 0
    if (min < 0 || high < minHigh || (high === minHigh && low < minLow)) {
      min = row
      minHigh = high
      minLow = low
    }
    if (max < 0 || high > maxHigh || (high === maxHigh && low > maxLow)) {
      max = row
      maxHigh = high
      maxLow = low
    }
  }
  return { min, max, nans: 0 }
}

/** Compares the first four bytes as one number, and all bytes only where those agree. */
function bytesExtremes(
  vector: BytesVector,
  validity: Uint8Array | undefined,
  from: number,
  to: number,
): Extremes {
  const { bytes, offsets } = vector
  let min = -1
  let max = -1
  let minHead = 0
  let maxHead = 0
  for (let row = from; row < to; row++) {
    if (validity !== undefined && (validity[row >>> 3] & (1 << (row & 7))) === 0) continue
    const start = offsets[row]
    const end = offsets[row + 1]
    const head = headOf(bytes, start, end)
    if (min < 0) {
      min = max = row
      minHead = maxHead = head
      continue
    }
    if (head <= minHead) {
      if (head < minHead || compareBytes(bytes, start, end, bytes, offsets[min], offsets[min + 1]) < 0) {
        min = row
        minHead = head
      }
    }
    if (head >= maxHead) {
      if (head > maxHead || compareBytes(bytes, start, end, bytes, offsets[max], offsets[max + 1]) > 0) {
        max = row
        maxHead = head
      }
    }
  }
  return { min, max, nans: 0 }
}

/** The first four bytes as a number that sorts like them; bytes past the end count as zero. */
function headOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= 4) {
    return (
      ((bytes[start] << 24) | (bytes[start + 1] << 16) | (bytes[start + 2] << 8) | bytes[start + 3]) >>> 0
    )
  }
  let head = 0
  for (let i = 0; i < 4; i++) head = (head << 8) | (start + i < end ? bytes[start + i] : 0)
  return head >>> 0
}

function fixedExtremes(
  vector: FixedVector,
  validity: Uint8Array | undefined,
  from: number,
  to: number,
  isSigned: boolean,
): Extremes {
  const { values, width } = vector
  const compare = (a: number, b: number): number => {
    if (isSigned && (values[a] ^ values[b]) > 127) return (values[a] << 24) - (values[b] << 24)
    return compareBytes(values, a, a + width, values, b, b + width)
  }
  let min = -1
  let max = -1
  for (let row = from; row < to; row++) {
    if (validity !== undefined && (validity[row >>> 3] & (1 << (row & 7))) === 0) continue
    if (min < 0 || compare(row * width, min * width) < 0) min = row
    if (max < 0 || compare(row * width, max * width) > 0) max = row
  }
  return { min, max, nans: 0 }
}

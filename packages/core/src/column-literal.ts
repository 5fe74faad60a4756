import { compareBytes } from './byte-compare.ts'
import { ByteWriter } from './byte-writer.ts'
import { appendRawKeyText } from './key-codec.ts'
import type { ColumnType } from './column-type.ts'
import type { ColumnPlan } from './value-codec.ts'
import type { Vector } from './vector.ts'

/** One value of a column as a vector of length one. Throws `INVALID` if the column does not take it. */
export function literalVector(plan: ColumnPlan, value: unknown): Vector {
  const out = new ByteWriter(64)
  if (plan.fixed === undefined) {
    appendRawKeyText(out, plan, value)
  } else {
    out.reserve(plan.width)
    plan.fixed.put(out.view, out.bytes, 0, value, plan)
    out.length = plan.width
  }
  return rawVector(plan, out.written().slice())
}

/** A bound of statistics, in Iceberg's binary form, as a vector of length one. */
export function boundVector(plan: ColumnPlan, bound: Uint8Array): Vector {
  if (plan.type.kind !== 'decimal') return rawVector(plan, bound.slice())
  const isNegative = bound.length > 0 && bound[0] >= 0x80
  const raw = new Uint8Array(plan.width).fill(isNegative ? 0xff : 0)
  raw.set(bound, plan.width - bound.length)
  return rawVector(plan, plan.physical === 'fixed' ? raw : raw.reverse())
}

/** `raw` holds the value as vectors do, and nothing else. */
function rawVector({ physical, width }: ColumnPlan, raw: Uint8Array<ArrayBuffer>): Vector {
  const { buffer } = raw
  switch (physical) {
    case 'bool':
      return { physical, length: 1, values: raw }
    case 'i32':
      return { physical, length: 1, values: new Int32Array(buffer) }
    case 'i64':
      return { physical, length: 1, values: new BigInt64Array(buffer) }
    case 'f32':
      return { physical, length: 1, values: new Float32Array(buffer) }
    case 'f64':
      return { physical, length: 1, values: new Float64Array(buffer) }
    case 'fixed':
      return { physical, length: 1, width, values: raw }
    case 'bytes':
      return { physical, length: 1, bytes: raw, offsets: Uint32Array.of(0, raw.length) }
  }
}

/**
 * Writes how each of the first `length` values compares with the only value of `literal`: -1, 0 or 1. NaN equals itself
 * and is above every number; -0 equals 0. Absent values get anything.
 */
export function compareColumn(type: ColumnType, column: Vector, literal: Vector, into: Int8Array): void {
  switch (column.physical) {
    case 'bool':
    case 'i32':
      return compareNumbers(column.values, (literal as typeof column).values[0], into)
    case 'f32':
    case 'f64':
      return compareFloats(column.values, (literal as typeof column).values[0], into)
    case 'i64':
      return compareLongs(column.values, (literal as typeof column).values, into)
    case 'fixed':
      return compareFixed(column.values, (literal as typeof column).values, type.kind === 'decimal', into)
    case 'bytes': {
      const other = (literal as typeof column).bytes
      const { bytes, offsets } = column
      for (let i = 0; i < into.length; i++) {
        into[i] = Math.sign(compareBytes(bytes, offsets[i], offsets[i + 1], other, 0, other.length))
      }
    }
  }
}

function compareNumbers(values: Uint8Array | Int32Array, literal: number, into: Int8Array): void {
  for (let i = 0; i < into.length; i++) into[i] = values[i] < literal ? -1 : values[i] > literal ? 1 : 0
}

function compareFloats(values: Float32Array | Float64Array, literal: number, into: Int8Array): void {
  if (Number.isNaN(literal)) {
    for (let i = 0; i < into.length; i++) into[i] = Number.isNaN(values[i]) ? 0 : -1
    return
  }
  for (let i = 0; i < into.length; i++) {
    const value = values[i]
    into[i] = value < literal ? -1 : value === literal ? 0 : 1
  }
}

function compareLongs(values: BigInt64Array, literal: BigInt64Array, into: Int8Array): void {
  const words = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
  const [low, high] = new Int32Array(literal.buffer, literal.byteOffset, 2)
  for (let i = 0; i < into.length; i++) {
    const otherHigh = words[2 * i + 1]
    const otherLow = words[2 * i] >>> 0
    if (otherHigh !== high) into[i] = otherHigh < high ? -1 : 1
    else into[i] = otherLow < low >>> 0 ? -1 : otherLow > low >>> 0 ? 1 : 0
  }
}

function compareFixed(values: Uint8Array, literal: Uint8Array, isSigned: boolean, into: Int8Array): void {
  const width = literal.length
  for (let i = 0; i < into.length; i++) {
    const at = i * width
    if (isSigned && (values[at] ^ literal[0]) > 0x7f) into[i] = values[at] > 0x7f ? -1 : 1
    else into[i] = Math.sign(compareBytes(values, at, at + width, literal, 0, width))
  }
}

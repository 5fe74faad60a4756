import type { ByteWriter } from './byte-writer.ts'
import { MeruError } from './errors.ts'
import type { RowLayout } from './row-layout.ts'
import { appendText, readText } from './text.ts'
import { isBytes } from './value-check.ts'
import { copyBytes, type ColumnPlan } from './value-codec.ts'
import { halfPair, invalidValue } from './value-error.ts'

/** What is needed of a layout to write and read the value bytes of rows: everything but the key. */
export interface ValueArea {
  readonly table: string
  readonly layout: RowLayout
  /** The columns that are not in the key, in schema order. */
  readonly plans: readonly ColumnPlan[]
}

/**
 * Appends the value bytes of a row, given its values in schema order. A value that is undefined is the
 * column's write default, or else null. Throws
 * `INVALID`, with something half-written behind, if a column does not take its value.
 */
export function appendValueArea(out: ByteWriter, area: ValueArea, values: readonly unknown[]): void {
  const { nullBytes, endsAt, variableAt } = area.layout
  const plans = area.plans
  const start = out.length
  out.reserve(variableAt)
  for (let i = 0; i < nullBytes; i++) out.bytes[start + i] = 0
  out.length = start + variableAt
  for (let i = 0; i < plans.length; i++) {
    const plan = plans[i]
    const value = values[plan.index]
    const fixed = plan.fixed
    if (value === undefined && plan.writeDefault !== undefined) {
      if (fixed === undefined) out.append(plan.writeDefault)
      else out.bytes.set(plan.writeDefault, start + plan.offset)
    } else if (value === undefined || value === null) {
      if (plan.nullBit < 0) throw invalidValue(plan, value, 'a value; the column is required')
      out.bytes[start + (plan.nullBit >>> 3)] |= 1 << (plan.nullBit & 7)
      if (fixed !== undefined) out.bytes.fill(0, start + plan.offset, start + plan.offset + plan.width)
    } else if (fixed !== undefined) {
      fixed.put(out.view, out.bytes, start + plan.offset, value, plan)
    } else {
      appendVariable(out, plan, value)
    }
    if (fixed === undefined) {
      out.view.setUint32(start + endsAt + 4 * plan.variableIndex, out.length - start - variableAt, true)
    }
  }
}

/** Appends a value of varying length; throws `INVALID` if the column does not take it. */
export function appendVariable(out: ByteWriter, plan: ColumnPlan, value: unknown): void {
  if (plan.type.kind === 'string') {
    if (typeof value !== 'string') throw invalidValue(plan, value, 'a string')
    if (!appendText(out, value)) throw halfPair(plan, value)
  } else if (plan.nested !== undefined) {
    plan.nested.append(out, value)
  } else {
    if (!isBytes(value)) throw invalidValue(plan, value, 'a Uint8Array')
    out.append(value)
  }
}

/** Throws `CORRUPT` if the bytes are too few for any value of the layout. */
export function checkValueLength(area: ValueArea, length: number): void {
  if (length >= area.layout.variableAt) return
  const message = `table "${area.table}": an encoded row has ${length} bytes, at least ${area.layout.variableAt} expected`
  throw new MeruError('CORRUPT', message)
}

/** The value of one column that is not in the key. The length of the value bytes has been checked. */
export function readValue(
  area: ValueArea,
  plan: ColumnPlan,
  bytes: Uint8Array,
  start: number,
  end: number,
): unknown {
  const bit = plan.nullBit
  if (bit >= 0 && (bytes[start + (bit >>> 3)] & (1 << (bit & 7))) !== 0) return null
  if (plan.fixed !== undefined) return plan.fixed.get(bytes, start + plan.offset, plan)
  const base = start + area.layout.variableAt
  const endsAt = start + area.layout.endsAt + 4 * plan.variableIndex
  const from = base + (plan.variableIndex === 0 ? 0 : readU32(bytes, endsAt - 4))
  const to = base + readU32(bytes, endsAt)
  if (to < from || to > end) throw outsideOfRow(plan)
  return readVariable(plan, bytes, from, to)
}

/** The value of varying length in `bytes[start .. end)`. */
export function readVariable(plan: ColumnPlan, bytes: Uint8Array, start: number, end: number): unknown {
  if (plan.type.kind === 'string') return readText(bytes, start, end)
  return plan.nested === undefined ? copyBytes(bytes, start, end) : plan.nested.read(bytes, start, end)
}

/** The error for a value whose end offset cannot be. */
export function outsideOfRow(plan: ColumnPlan): MeruError {
  return new MeruError(
    'CORRUPT',
    `table "${plan.table}", column "${plan.name}": a value ends outside of its row`,
  )
}

/** 4 little-endian bytes. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
}

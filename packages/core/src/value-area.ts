import type { ByteWriter } from './byte-writer.ts'
import { MeruError } from './errors.ts'
import type { RowLayout } from './row-layout.ts'
import { appendText, isWellFormed, readText } from './text.ts'
import { copyBytes, fixedCodec, type ColumnPlan, type FixedCodec } from './value-codec.ts'
import { invalidValue } from './value-error.ts'

/** Writes the value bytes of rows: everything but the key. */
export class ValueWriter {
  readonly #layout: RowLayout
  readonly #plans: readonly ColumnPlan[]
  readonly #codecs: readonly (FixedCodec | undefined)[]

  constructor(layout: RowLayout, plans: readonly ColumnPlan[]) {
    this.#layout = layout
    this.#plans = layout.values.map((place) => plans[place.index])
    this.#codecs = this.#plans.map((plan) =>
      plan.physical === 'bytes' ? undefined : fixedCodec(plan.type, plan.mode),
    )
  }

  /** Appends the value bytes of a row and returns how many of the value columns the row holds. */
  append(row: Readonly<Record<string, unknown>>, out: ByteWriter): number {
    const { variableAt, endsAt } = this.#layout
    const start = out.length
    out.reserve(variableAt)
    out.bytes.fill(0, start, start + variableAt)
    out.length = start + variableAt
    let found = 0
    for (let i = 0; i < this.#plans.length; i++) {
      const plan = this.#plans[i]
      const value = row[plan.name]
      if (value !== undefined || Object.hasOwn(row, plan.name)) found++
      const codec = this.#codecs[i]
      if (value === undefined || value === null) {
        if (plan.nullBit < 0) throw invalidValue(plan, value, 'a value; the column is required')
        out.bytes[start + (plan.nullBit >>> 3)] |= 1 << (plan.nullBit & 7)
      } else if (codec === undefined) {
        appendVariable(out, plan, value)
      } else {
        codec.put(out.view, out.bytes, start + plan.offset, value, plan)
      }
      if (codec === undefined) {
        out.view.setUint32(start + endsAt + 4 * plan.variableIndex, out.length - start - variableAt, true)
      }
    }
    return found
  }
}

function appendVariable(out: ByteWriter, plan: ColumnPlan, value: unknown): void {
  if (plan.type.kind === 'string') {
    if (typeof value !== 'string') throw invalidValue(plan, value, 'a string')
    if (!isWellFormed(value))
      throw invalidValue(plan, value, 'well-formed text: it holds half of a surrogate pair')
    appendText(out, value)
  } else {
    if (!(value instanceof Uint8Array)) throw invalidValue(plan, value, 'a Uint8Array')
    out.append(value)
  }
}

/** Finds single columns in value bytes. */
export class ValueReader {
  readonly #table: string
  readonly #layout: RowLayout
  readonly #codecs: readonly (FixedCodec | undefined)[]

  constructor(table: string, layout: RowLayout, plans: readonly ColumnPlan[]) {
    this.#table = table
    this.#layout = layout
    this.#codecs = plans.map((plan) =>
      plan.physical === 'bytes' ? undefined : fixedCodec(plan.type, plan.mode),
    )
  }

  /** Throws `CORRUPT` if the bytes are too few for any value of the layout. */
  check(start: number, end: number): void {
    if (end - start >= this.#layout.variableAt) return
    const message = `table "${this.#table}": an encoded row has ${end - start} bytes, at least ${this.#layout.variableAt} expected`
    throw new MeruError('CORRUPT', message)
  }

  /** The value of a column that is not in the key. */
  read(bytes: Uint8Array, start: number, end: number, plan: ColumnPlan): unknown {
    const bit = plan.nullBit
    if (bit >= 0 && (bytes[start + (bit >>> 3)] & (1 << (bit & 7))) !== 0) return null
    const codec = this.#codecs[plan.index]
    if (codec !== undefined) return codec.get(bytes, start + plan.offset, plan)
    const base = start + this.#layout.variableAt
    const endsAt = start + this.#layout.endsAt + 4 * plan.variableIndex
    const from = base + (plan.variableIndex === 0 ? 0 : u32(bytes, endsAt - 4))
    const to = base + u32(bytes, endsAt)
    if (to < from || to > end) {
      throw new MeruError(
        'CORRUPT',
        `table "${this.#table}", column "${plan.name}": a value ends outside of its row`,
      )
    }
    return plan.type.kind === 'string' ? readText(bytes, from, to) : copyBytes(bytes, from, to)
  }
}

function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
}

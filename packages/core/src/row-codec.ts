import type { ByteWriter } from './byte-writer.ts'
import type { ColumnModes } from './columns.ts'
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from './entry.ts'
import { MeruError } from './errors.ts'
import {
  appendKeyValue,
  keyColumn,
  keyTooLong,
  keyValueEnd,
  readKeyValue,
  type KeyColumn,
} from './key-codec.ts'
import type { KeyBounds } from './key-range.ts'
import { encodeRange, type AnyRange } from './range-codec.ts'
import { rowLayout, type RowLayout } from './row-layout.ts'
import type { TableSchema } from './schema.ts'
import { Selection } from './selection.ts'
import { ValueReader, ValueWriter } from './value-area.ts'
import type { ColumnPlan } from './value-codec.ts'
import { readRow, readRows } from './vector-rows.ts'
import type { Vector } from './vector.ts'
import { invalidValue, showValue } from './value-error.ts'

type AnyRow = Readonly<Record<string, unknown>>

/**
 * Rows and keys of one table to bytes and back; compiled once for a schema. Formats: docs/format/key.md
 * and docs/format/row.md.
 */
export class RowCodec<Row = Record<string, unknown>, Key = unknown> {
  readonly table: string
  readonly schema: TableSchema
  /** Every column, in schema order. */
  readonly all: Selection
  readonly #key: readonly KeyColumn[]
  readonly #writer: ValueWriter
  readonly #reader: ValueReader

  private constructor(table: string, schema: TableSchema, plans: readonly ColumnPlan[], layout: RowLayout) {
    this.table = table
    this.schema = schema
    this.all = new Selection(plans)
    this.#key = layout.key.map((place) => keyColumn(plans[place.index]))
    this.#writer = new ValueWriter(layout, plans)
    this.#reader = new ValueReader(table, layout, plans)
  }

  /** Compiles the codec of a schema. `modes` chooses JavaScript types; it does not change the bytes. */
  static compile<Row = Record<string, unknown>, Key = unknown>(
    table: string,
    schema: TableSchema,
    modes: ColumnModes = {},
  ): RowCodec<Row, Key> {
    const layout = rowLayout(schema)
    const plans = layout.columns.map((place): ColumnPlan => ({ ...place, table, mode: modes[place.name] }))
    return new RowCodec<Row, Key>(table, schema, plans, layout)
  }

  /** The columns of the given names, in that order; all without names. Unknown names are a `TypeError`. */
  select(names?: readonly string[]): Selection {
    if (names === undefined) return this.all
    const plans = names.map((name) => {
      const plan = this.all.plans.find((candidate) => candidate.name === name)
      if (plan === undefined)
        throw new TypeError(
          `table "${this.table}" has no column "${name}"; it has ${this.all.names.join(', ')}`,
        )
      return plan
    })
    return new Selection(plans)
  }

  /**
   * Appends the key bytes, then the value bytes, and returns the length of the key. A row that the
   * schema does not allow throws `INVALID` and leaves `out` as it was.
   */
  encodeRow(row: unknown, out: ByteWriter): number {
    const start = out.length
    try {
      if (typeof row !== 'object' || row === null) throw this.#notAnObject('a row', row)
      const keyLength = this.#appendKey(row as AnyRow, out)
      const found = this.#writer.append(row as AnyRow, out) + this.#key.length
      if (found !== Object.keys(row).length) this.#refuseUnknown(row)
      if (out.length - start - keyLength > VALUE_BYTES_MAX) {
        throw new MeruError('INVALID', `table "${this.table}": a row is longer than ${VALUE_BYTES_MAX} bytes`)
      }
      return keyLength
    } catch (error) {
      out.length = start
      throw error
    }
  }

  /** Appends the bytes of a key: the value itself for one column, or an object with the key columns. */
  encodeKey(key: Key | AnyRow, out: ByteWriter): void {
    const start = out.length
    try {
      if (this.#key.length === 1 && !isRecord(key)) {
        appendKeyValue(out, this.#key[0], key)
        if (out.length - start > KEY_BYTES_MAX) throw keyTooLong(this.table, 'it', out.length - start)
        return
      }
      if (!isRecord(key)) throw this.#notAnObject('a key', key)
      this.#appendKey(key, out)
      for (const name of Object.keys(key)) {
        if (!this.#key.some((column) => column.plan.name === name)) throw this.#unknown('key', name)
      }
    } catch (error) {
      out.length = start
      throw error
    }
  }

  /** Byte bounds of a range of keys. A range that holds no key has an empty `upper`. */
  encodeRange(range: AnyRange): KeyBounds {
    return encodeRange(this.table, this.#key, range)
  }

  /** The row, or the selected columns of it, in the given key and value bytes. */
  decodeRow(
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    selection: Selection = this.all,
  ): Row {
    const keys = selection.hasKey ? this.#keyValues(bytes, keyStart, keyEnd) : undefined
    this.#reader.check(valueStart, valueEnd)
    const row: Record<string, unknown> = {}
    for (const plan of selection.plans) {
      if (plan.keyIndex >= 0) row[plan.name] = keys?.[plan.keyIndex]
      else row[plan.name] = this.#reader.read(bytes, valueStart, valueEnd, plan)
    }
    return row as Row
  }

  /** The key in the given bytes, in the form that `encodeKey` takes. */
  decodeKey(bytes: Uint8Array, start: number, end: number): Key {
    const values = this.#keyValues(bytes, start, end)
    if (values.length === 1) return values[0] as Key
    return Object.fromEntries(this.#key.map((column, i) => [column.plan.name, values[i]])) as Key
  }

  /** Row `index` of columns that are parallel to the selection. */
  rowAt(columns: readonly Vector[], index: number, selection: Selection = this.all): Row {
    return readRow(selection, columns, index) as Row
  }

  /** Rows `from` to `to` of columns that are parallel to the selection. */
  rowsOf(columns: readonly Vector[], from: number, to: number, selection: Selection = this.all): Row[] {
    return readRows(selection, columns, from, to) as Row[]
  }

  #appendKey(row: AnyRow, out: ByteWriter): number {
    const start = out.length
    for (const column of this.#key) {
      const value = row[column.plan.name]
      if (value === undefined || value === null)
        throw invalidValue(column.plan, value, 'a value of the key, which is required')
      appendKeyValue(out, column, value)
    }
    const length = out.length - start
    if (length > KEY_BYTES_MAX) throw keyTooLong(this.table, 'it', length)
    return length
  }

  #keyValues(bytes: Uint8Array, start: number, end: number): unknown[] {
    const values: unknown[] = []
    let at = start
    for (const column of this.#key) {
      const next = keyValueEnd(bytes, at, end, column.plan)
      values.push(readKeyValue(bytes, at, next, column))
      at = next
    }
    if (at !== end)
      throw new MeruError('CORRUPT', `table "${this.table}": an encoded key has ${end - at} bytes too many`)
    return values
  }

  #refuseUnknown(row: object): void {
    for (const name of Object.keys(row)) {
      if (!this.all.names.includes(name)) throw this.#unknown('row', name)
    }
  }

  #unknown(what: string, name: string): MeruError {
    const known = what === 'key' ? this.#key.map((column) => column.plan.name) : this.all.names
    return new MeruError(
      'INVALID',
      `table "${this.table}": the ${what} has a column ${showValue(name)}; the columns are ${known.join(', ')}`,
    )
  }

  #notAnObject(what: string, value: unknown): MeruError {
    const names = what === 'a key' ? this.#key.map((column) => column.plan.name) : this.all.names
    return new MeruError(
      'INVALID',
      `table "${this.table}": ${showValue(value)} is not ${what}; expected an object with ${names.join(', ')}`,
    )
  }
}

function isRecord(value: unknown): value is AnyRow {
  if (typeof value !== 'object' || value === null) return false
  return !(value instanceof Date) && !(value instanceof Uint8Array)
}

import type { ByteWriter } from './byte-writer.ts'
import { columnPlan } from './column-plan.ts'
import type { ColumnModes } from './column.ts'
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from './entry.ts'
import { MeruError } from './errors.ts'
import { Filter } from './filter.ts'
import { appendKeyValue, keyTooLong, keyValueEnd, readKeyValue } from './key-codec.ts'
import type { KeyBounds } from './key-range.ts'
import { encodeRange, type AnyRange } from './range-codec.ts'
import { hasOnly, isRecord, type AnyRecord } from './record-shape.ts'
import { rowLayout } from './row-layout.ts'
import { columnReaders } from './row-reader.ts'
import type { TableSchema } from './schema.ts'
import { Selection } from './selection.ts'
import type { TextBlock } from './text-block.ts'
import { appendValueArea, checkValueLength, type ValueArea } from './value-area.ts'
import type { ColumnPlan } from './value-codec.ts'
import { invalidValue, showValue } from './value-error.ts'
import { readRow, readRows, readValues } from './vector-rows.ts'
import type { Vector } from './vector.ts'

/** Selections kept ready; a program that uses more pays for compiling them again. */
const SELECTIONS_MAX = 64

/**
 * Rows and keys of one table to bytes and back; compiled once for a schema. Formats: docs/format/key.md
 * and docs/format/row.md.
 */
export class RowCodec<Row = Record<string, unknown>, Key = unknown> {
  readonly table: string
  readonly schema: TableSchema
  /** Every column, in schema order. */
  readonly all: Selection
  /** The key columns, in key order. */
  readonly key: Selection
  readonly #area: ValueArea
  readonly #selections: Map<string, Selection> = new Map()

  private constructor(table: string, schema: TableSchema, modes: ColumnModes) {
    const layout = rowLayout(schema)
    const plans = layout.columns.map((place) =>
      columnPlan(table, place, Object.hasOwn(modes, place.name) ? modes[place.name] : undefined),
    )
    this.table = table
    this.schema = schema
    const key = layout.key.map((place) => plans[place.index])
    this.#area = { table, layout, plans: layout.values.map((place) => plans[place.index]) }
    this.key = new Selection(key, columnReaders(this.#area, key, key))
    this.all = this.#selectionOf(plans)
  }

  /** Compiles the codec of a schema. `modes` chooses JavaScript types; it does not change the bytes. */
  static compile<Row = Record<string, unknown>, Key = unknown>(
    table: string,
    schema: TableSchema,
    modes: ColumnModes = {},
  ): RowCodec<Row, Key> {
    return new RowCodec<Row, Key>(table, schema, modes)
  }

  /** The columns of the given names, in that order; all without names. Unknown names are a `TypeError`. */
  select(names?: readonly string[]): Selection {
    if (names === undefined) return this.all
    // Names hold no control characters.
    const label = names.join('\n')
    const known = this.#selections.get(label)
    if (known !== undefined) return known
    const selection = this.#makeSelection(names)
    if (this.#selections.size === SELECTIONS_MAX) this.#selections.clear()
    this.#selections.set(label, selection)
    return selection
  }

  #makeSelection(names: readonly string[]): Selection {
    if (new Set(names).size !== names.length) {
      throw new TypeError(`table "${this.table}": a column is selected twice (${names.join(', ')})`)
    }
    const plans = names.map((name) => {
      const plan = this.all.plans.find((candidate) => candidate.name === name)
      if (plan !== undefined) return plan
      throw new TypeError(
        `table "${this.table}" has no column "${name}"; it has ${this.all.names.join(', ')}`,
      )
    })
    return this.#selectionOf(plans)
  }

  #selectionOf(plans: readonly ColumnPlan[]): Selection {
    return new Selection(plans, columnReaders(this.#area, this.key.plans, plans))
  }

  /**
   * Appends the key bytes, then the value bytes, and returns the length of the key. A row that the
   * schema does not allow throws `INVALID` and leaves `out` as it was.
   */
  encodeRow(row: unknown, out: ByteWriter): number {
    const start = out.length
    try {
      if (!isRecord(row)) throw this.#notAnObject('a row', this.all, row)
      const values = this.all.shape.take(row)
      const plans = this.key.plans
      for (let i = 0; i < plans.length; i++) this.#appendKeyColumn(out, i, values[plans[i].index])
      const keyLength = out.length - start
      if (keyLength > KEY_BYTES_MAX) throw keyTooLong(this.table, 'it', keyLength)
      appendValueArea(out, this.#area, values)
      if (out.length - start - keyLength > VALUE_BYTES_MAX) throw this.#rowTooLong()
      if (!hasOnly(row, values)) this.#refuseUnknown('row', this.all, row)
      return keyLength
    } catch (error) {
      out.length = start
      throw error
    }
  }

  /**
   * Appends the bytes of a key: the value itself for a key of one column, or an object with the key
   * columns. Throws `INVALID` and leaves `out` as it was if it is not a key of the table.
   */
  encodeKey(key: Key | AnyRecord, out: ByteWriter): void {
    const start = out.length
    try {
      if (isRecord(key)) {
        const values = this.key.shape.take(key)
        for (let i = 0; i < values.length; i++) this.#appendKeyColumn(out, i, values[i])
        if (!hasOnly(key, values)) this.#refuseUnknown('key', this.key, key)
      } else if (this.key.plans.length === 1) {
        this.#appendKeyColumn(out, 0, key)
      } else {
        throw this.#notAnObject('a key', this.key, key)
      }
      if (out.length - start > KEY_BYTES_MAX) throw keyTooLong(this.table, 'it', out.length - start)
    } catch (error) {
      out.length = start
      throw error
    }
  }

  /** Byte bounds of a range of keys. A range that holds no key has an empty `upper`. */
  encodeRange(range: AnyRange): KeyBounds {
    return encodeRange(this.table, this.key.plans, range)
  }

  /** The row, or the selected columns of it, in the given key and value bytes, which lie in the memory of `block`. */
  decodeRow(
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    selection: Selection = this.all,
    block?: TextBlock,
  ): Row {
    checkValueLength(this.#area, valueEnd - valueStart)
    return selection.read(bytes, keyStart, keyEnd, valueStart, valueEnd, block) as Row
  }

  /** The key in the given bytes: the value itself for a key of one column, else an object. */
  decodeKey(bytes: Uint8Array, start: number, end: number): Key {
    const values: unknown[] = Array(this.key.plans.length)
    this.#readKey(bytes, start, end, this.key.keyPlaces, values)
    return (values.length === 1 ? values[0] : this.key.shape.make(values)) as Key
  }

  /** Row `index` of columns that are parallel to the selection. */
  rowAt(columns: readonly Vector[], index: number, selection: Selection = this.all): Row {
    return readRow(selection, columns, index) as Row
  }

  /** Rows `from` to `to` of columns that are parallel to the selection; cheaper than one by one. */
  rowsOf(columns: readonly Vector[], from: number, to: number, selection: Selection = this.all): Row[] {
    return readRows(selection, columns, from, to) as Row[]
  }

  /** Compiles the `where` of a scan. Throws a `TypeError` for unknown columns and operators. */
  filter(where: unknown): Filter {
    return Filter.compile(this.table, this.all.plans, where)
  }

  /** The values of a column that is at `place` of the selection. */
  valuesOf(column: Vector, place: number, selection: Selection = this.all): unknown[] {
    return readValues(selection.plans[place], column, 0, column.length)
  }

  #appendKeyColumn(out: ByteWriter, i: number, value: unknown): void {
    const plan = this.key.plans[i]
    if (value === undefined || value === null) {
      throw invalidValue(plan, value, 'a value of the key, which is required')
    }
    appendKeyValue(out, plan, value)
  }

  /** Puts key column i at `places[i]` of `into`, for as many columns as there are places. */
  #readKey(bytes: Uint8Array, start: number, end: number, places: readonly number[], into: unknown[]): void {
    const plans = this.key.plans
    let at = start
    for (let i = 0; i < places.length; i++) {
      const next = keyValueEnd(bytes, at, end, plans[i])
      if (places[i] >= 0) into[places[i]] = readKeyValue(bytes, at, next, plans[i])
      at = next
    }
    if (at !== end && places.length === plans.length) {
      throw new MeruError('CORRUPT', `table "${this.table}": an encoded key has ${end - at} bytes too many`)
    }
  }

  #refuseUnknown(what: string, known: Selection, record: AnyRecord): void {
    const unknown = Object.keys(record).find((name) => !known.names.includes(name))
    if (unknown === undefined) return
    const names = known.names.join(', ')
    throw new MeruError(
      'INVALID',
      `table "${this.table}": the ${what} has a column ${showValue(unknown)}; the columns are ${names}`,
    )
  }

  #notAnObject(what: string, known: Selection, value: unknown): MeruError {
    const names = known.names.join(', ')
    return new MeruError(
      'INVALID',
      `table "${this.table}": ${showValue(value)} is not ${what}; expected an object with ${names}`,
    )
  }

  #rowTooLong(): MeruError {
    return new MeruError('INVALID', `table "${this.table}": a row is longer than ${VALUE_BYTES_MAX} bytes`)
  }
}

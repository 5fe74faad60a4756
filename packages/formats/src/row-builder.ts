import { MeruError, typeName, type ColumnMode, type ColumnType, type TableDefinition } from '@meru/core'
import { cellReader, showCell, type NestedCell, type ReadCell, type Value } from './cell.ts'
import { expectationOf } from './expectation.ts'
import { InputFault } from './input-fault.ts'
import { isJsonObject, jsonText } from './json-text.ts'

/** The definition of a table whose rows are `Insert`; what `table()` makes. */
export type RowDefinition<Insert> = TableDefinition<string, unknown, Insert>

export interface RowsOptions {
  /** What becomes of columns of the input that the table lacks. They are refused if it is not said. */
  readonly unknown?: 'ignore' | 'refuse' | undefined
}

/** Throws a `TypeError` for options that are not known, or have no meaning. */
export function checkOptions(options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) throw new TypeError(`option "${name}" is not one of ${names.join(', ')}`)
  }
  const unknown: unknown = Reflect.get(options, 'unknown')
  if (unknown !== undefined && unknown !== 'ignore' && unknown !== 'refuse') {
    throw new TypeError(`option unknown is 'ignore' or 'refuse', not ${JSON.stringify(unknown)}`)
  }
}

export type Row = Record<string, Value | null>

/** A column of the table, and how it reads its cells. */
export interface RowColumn {
  readonly name: string
  readonly type: ColumnType
  readonly mode: ColumnMode | undefined
  readonly required: boolean
  /** No row may leave it out. */
  readonly isNeeded: boolean
  readonly read: ReadCell
}

/** Makes rows of a table from the cells of an input, or says what is wrong with them. */
export class RowBuilder {
  readonly columns: readonly RowColumn[]
  readonly #table: string
  readonly #unit: 'line' | 'row'
  readonly #ignoresUnknown: boolean
  readonly #byName: ReadonlyMap<string, RowColumn>

  /** `unit` is what the places count, from 1. */
  constructor(
    { name: table, schema, modes }: RowDefinition<unknown>,
    { unit, unknown }: { readonly unit: 'line' | 'row' } & RowsOptions,
  ) {
    this.#table = table
    this.#unit = unit
    this.#ignoresUnknown = unknown === 'ignore'
    this.columns = schema.columns.map(({ name, type, required, writeDefault }) => {
      const mode = Object.hasOwn(modes, name) ? modes[name] : undefined
      const isNeeded = required && writeDefault === undefined
      return { name, type, mode, required, isNeeded, read: cellReader(type, mode) }
    })
    this.#byName = new Map(this.columns.map((column) => [column.name, column]))
  }

  find(name: string): RowColumn | undefined {
    return this.#byName.get(name)
  }

  /** The column of that name; undefined if there is none and such are ignored. */
  column(
    name: string | null,
    where: { readonly place?: number; readonly hint?: string },
  ): RowColumn | undefined {
    const found = name === null ? undefined : this.#byName.get(name)
    if (found !== undefined || this.#ignoresUnknown) return found
    const what = name === null ? 'a column without a name' : `column ${showCell(name)}`
    const list = this.columns.map((column) => `"${column.name}"`).join(', ')
    const hint = where.hint ?? `it has ${shorten(list, 200)}; { unknown: 'ignore' } leaves others out`
    throw this.#invalid(where.place, `the input has ${what}, which the table lacks; ${hint}`)
  }

  /** Throws unless an input with these columns can fill the table. */
  checkComplete(isGiven: (name: string) => boolean, place?: number): void {
    const missing = this.columns.find(({ name, isNeeded }) => isNeeded && !isGiven(name))
    if (missing === undefined) return
    const problem = 'is missing, but the column is neither nullable nor has it a default'
    throw this.#invalid(place, problem, { column: missing.name })
  }

  /** The value of a cell. */
  value(column: RowColumn, cell: NestedCell, place: number): Value | null {
    if (cell === null) {
      if (!column.required) return null
      throw this.#invalid(place, 'is empty, but the column is not nullable', { column: column.name })
    }
    const value = column.read(cell)
    if (value !== undefined) return value
    const { name, type, mode } = column
    const problem = `${showNested(cell)} is no ${typeName(type)}; expected ${expectationOf(type, mode)}`
    throw this.#invalid(place, problem, { column: name })
  }

  /** A fault of the input as the error that a caller gets. */
  explain(error: unknown): unknown {
    if (!(error instanceof InputFault)) return error
    const { line, problem, hint } = error
    const advice = hint === undefined ? '' : `; ${hint}`
    const subject = line === undefined ? 'the input ' : ''
    return this.#invalid(line, `${subject}${problem}${advice}`, { cause: error })
  }

  #invalid(
    place: number | undefined,
    problem: string,
    options: { readonly column?: string; readonly cause?: unknown } = {},
  ): MeruError {
    const where = place === undefined ? '' : `${this.#unit} ${place} of the input: `
    const column = options.column === undefined ? '' : `, column "${options.column}"`
    return new MeruError('INVALID', `${where}table "${this.#table}"${column}: ${problem}`, options)
  }
}

function showNested(cell: Exclude<NestedCell, null>): string {
  const isNested =
    Array.isArray(cell) || (isJsonObject(cell) && !('nanos' in cell) && !ArrayBuffer.isView(cell))
  if (!isNested) return showCell(cell as Parameters<typeof showCell>[0])
  return shorten(jsonText(cell), 60)
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3)}…`
}

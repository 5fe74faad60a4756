import {
  exactMode,
  typeName,
  type Column,
  type ColumnMode,
  type ColumnType,
  type NestedPart,
} from '@meru/core'
import { t, table, type TableDefinition, type TableSchema } from '@meru/db'
import type { Value } from '@meru/formats/parts'
import type { TypeChoice } from '../column-types.ts'
import { Failure, usageFailure } from '../failure.ts'
import type { Input, RowBatch } from '../input/input.ts'
import { absent, valueReader, type SurveyedColumn } from './survey.ts'

/** The key that numbers the rows of a file. */
export const ROW_KEY = '@row'
export const ROW_NUMBER = 'row_number'

export type AnyDefinition = TableDefinition<string, Row, Row, unknown>
export type Row = Record<string, Value | null>

/** What was asked for on the command line. */
export interface Wish {
  readonly table: string
  /** Empty if the key of the stored table is meant. */
  readonly key: readonly string[]
  readonly types: ReadonlyMap<string, TypeChoice>
}

/** Throws unless the key and the types name columns of the file. */
export function checkWish(wish: Wish, columns: readonly string[]): void {
  const list = columns.map((name) => `"${name}"`).join(', ')
  for (const name of wish.types.keys()) {
    if (!columns.includes(name)) throw usageFailure(`--types names column "${name}"; the file has ${list}`)
  }
  if (wish.key.length === 1 && wish.key[0] === ROW_KEY) {
    if (!columns.includes(ROW_NUMBER)) return
    throw usageFailure(
      `--key @row adds a column "${ROW_NUMBER}", but the file has one`,
      `use --key ${ROW_NUMBER}`,
    )
  }
  for (const name of wish.key) {
    if (!columns.includes(name)) throw usageFailure(`--key names column "${name}"; the file has ${list}`)
  }
}

/** The definition of a new table for the columns of a file. */
export function defineTable(
  wish: Wish,
  surveyed: readonly SurveyedColumn[],
  options: { readonly isComplete: boolean },
): AnyDefinition {
  const columns: Record<string, Column> = {}
  const isNumbered = wish.key[0] === ROW_KEY
  if (isNumbered) columns[ROW_NUMBER] = t.long()
  for (const { name, type, hasNulls } of surveyed) {
    const column = columnOf(type)
    const isKey = wish.key.includes(name)
    // A sample cannot promise that no later row lacks a value.
    const mayBeNull = hasNulls || wish.types.get(name)?.isNullable === true || !options.isComplete
    columns[name] = mayBeNull && !isKey ? column.nullable() : column
  }
  const key = isNumbered ? [ROW_NUMBER] : [...wish.key]
  const wrong = surveyed.find(({ name, type }) => key.includes(name) && /^(?:float|double)$/.test(type.kind))
  if (wrong !== undefined) {
    throw new Failure(
      `--key: column "${wrong.name}" holds ${wrong.type.kind} values, which cannot be a key`,
      {
        hint: `choose another column, --key ${ROW_KEY}, or --types '${wrong.name}=string'`,
      },
    )
  }
  return checked(() => table(wish.table, columns, { key: key as [string, ...string[]] })) as AnyDefinition
}

/** The definition that reads and writes a stored table without loss: timestamps as microseconds. */
export function definitionOf(name: string, schema: TableSchema): AnyDefinition {
  const modes: Record<string, ColumnMode> = {}
  for (const column of schema.columns) {
    const mode = exactMode(column.type)
    if (mode !== undefined) modes[column.name] = mode
  }
  return { name, schema, modes, $row: {}, $insert: {}, $key: undefined }
}

/** Throws unless rows of the file can go into the stored table. */
export function checkFit(wish: Wish, schema: TableSchema, columns: readonly string[]): void {
  const name = wish.table
  const replace = 'add --replace to drop the stored table first, or choose another --table'
  const keyNames = schema.key.map((id) => schema.columns.find((column) => column.id === id)?.name ?? '')
  if (wish.key[0] === ROW_KEY || (wish.key.length > 0 && keyNames.join('\n') !== wish.key.join('\n'))) {
    const wanted = wish.key.join(',')
    throw new Failure(`table "${name}" exists with the key ${keyNames.join(',')}, not ${wanted}`, {
      hint: replace,
    })
  }
  for (const column of columns) {
    if (schema.columns.some((stored) => stored.name === column)) continue
    throw new Failure(`table "${name}" exists and has no column "${column}"`, { hint: replace })
  }
  for (const column of schema.columns) {
    if (!column.required || column.writeDefault !== undefined || columns.includes(column.name)) continue
    throw new Failure(`table "${name}" needs column "${column.name}", which the file lacks`, {
      hint: replace,
    })
  }
  for (const [column, { type }] of wish.types) {
    const stored = schema.columns.find((candidate) => candidate.name === column)
    if (stored === undefined || typeName(stored.type) === typeName(type)) continue
    const types = `${typeName(stored.type)}, not ${typeName(type)}`
    throw new Failure(`table "${name}" exists with column "${column}" as ${types}`, { hint: replace })
  }
}

/** Makes rows of the table from those of the file. */
export function rowBuilder(input: Input, definition: AnyDefinition): (batch: RowBatch) => Row[] {
  const { columns } = definition.schema
  const plans = columns
    .filter(({ name }) => input.columns.includes(name))
    .map(({ name, type, required }) => {
      return { name, required, position: input.columns.indexOf(name), read: valueReader(type, input, name) }
    })
  const isNumbered = plans.length < columns.length && columns[0].name === ROW_NUMBER
  let number = 0n
  return ({ rows, places }) =>
    rows.map((cells, index) => {
      const row: Row = {}
      if (isNumbered) row[ROW_NUMBER] = ++number
      for (const { name, required, position, read } of plans) {
        const value = read(cells[position] ?? null, places[index])
        if (value === null && required) throw absent({ input, column: name, place: places[index] })
        row[name] = value
      }
      return row
    })
}

/** A column of a type; timestamps are exact microseconds. */
export function columnOf(type: ColumnType): Column {
  switch (type.kind) {
    case 'timestamp':
      return t.timestamp({ mode: 'bigint' })
    case 'timestamptz':
      return t.timestamptz({ mode: 'bigint' })
    case 'timestamp_ns':
      return t.timestampNs()
    case 'timestamptz_ns':
      return t.timestamptzNs()
    case 'decimal':
      return t.decimal(type.precision, type.scale)
    case 'fixed':
      return t.fixed(type.length)
    case 'list':
      return t.list(columnOfPart(type.element))
    case 'map':
      return t.map(columnOfPart(type.key), columnOfPart(type.value))
    case 'struct':
      return t.struct(Object.fromEntries(type.fields.map((field) => [field.name, columnOfPart(field)])))
    default:
      return t[type.kind]()
  }
}

function columnOfPart({ type, required }: NestedPart): Column {
  const column = columnOf(type)
  return required ? column : column.nullable()
}

/** A definition that is refused is the fault of a name on the command line or in the file. */
function checked<T>(define: () => T): T {
  try {
    return define()
  } catch (error) {
    if (error instanceof TypeError) throw new Failure(error.message, { cause: error })
    throw error
  }
}

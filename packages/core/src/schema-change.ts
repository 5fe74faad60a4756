import { ByteWriter } from './byte-writer.ts'
import { isNested, physicalOf, typeName, type ColumnType } from './column-type.ts'
import { fromHex, toHex } from './hex.ts'
import { typeChangeProblem, widenedType, wideningsOf } from './nested-change.ts'
import { nestedProjection } from './nested-projection.ts'
import { fieldIdsOf, withFieldIds } from './nested-type.ts'
import { promotionOf, promotionsOf } from './promotion.ts'
import type { ColumnDef, TableSchema } from './schema.ts'
import { checkSchema } from './schema-rules.ts'
import { changeStruct, moved, type ColumnPosition, type StructDraft } from './struct-draft.ts'

/**
 * A schema being changed: each step checks and replaces it. Columns keep their ids whatever happens to their
 * names. Steps throw a `TypeError` that says why not, and what to do instead.
 */
export class SchemaDraft {
  readonly table: string
  readonly before: TableSchema
  private columns: readonly ColumnDef[]
  private lastColumnId: number

  constructor(table: string, before: TableSchema) {
    this.table = table
    this.before = before
    this.columns = before.columns
    this.lastColumnId = before.lastColumnId
  }

  /** The column of that name as it is after the steps so far. */
  column(name: string): ColumnDef {
    const found = this.columns.find((column) => column.name === name)
    if (found !== undefined) return found
    const names = this.columns.map((column) => column.name).join(', ')
    return this.refuse(`there is no column "${name}"; the columns are ${names}`)
  }

  /** Adds a column under an id of its own. A default becomes that of rows written before, too. */
  add(column: Omit<ColumnDef, 'id' | 'initialDefault'>): void {
    const { name, required, writeDefault } = column
    this.refuseTaken(name)
    if (required && writeDefault === undefined) {
      this.refuse(
        `column "${name}" is required, but rows that are there have no value for it; ` +
          'give it a default, or make it nullable',
      )
    }
    if (isNested(column.type) && writeDefault !== undefined) {
      this.refuse(
        `column "${name}" is a ${column.type.kind} with a default, which rows that are there cannot have; ` +
          'add it nullable without one, and call setDefault for later rows',
      )
    }
    const initial = writeDefault === undefined ? {} : { initialDefault: writeDefault }
    const id = ++this.lastColumnId
    const type = withFieldIds(column.type, () => ++this.lastColumnId)
    this.columns = [...this.columns, { ...column, type, id, ...initial }]
  }

  drop(name: string): void {
    const { id } = this.column(name)
    if (this.before.key.includes(id)) {
      this.refuse(`column "${name}" is part of the key, by which the rows are told apart; ${COPY_ADVICE}`)
    }
    if (this.columns.length === 1) this.refuse(`column "${name}" is the last one`)
    this.columns = this.columns.filter((column) => column.id !== id)
  }

  /** Renames columns all at once, so that two may swap their names. */
  rename(names: Readonly<Record<string, string>>): void {
    for (const name of Object.keys(names)) this.column(name)
    this.columns = this.columns.map((column) =>
      Object.hasOwn(names, column.name) ? { ...column, name: names[column.name] } : column,
    )
    for (const name of Object.values(names)) {
      if (this.columns.filter((column) => column.name === name).length > 1) this.refuseName(name)
    }
  }

  /** Gives a column a type that holds every value of its own type. */
  widen(name: string, type: ColumnType): void {
    const column = this.column(name)
    const from = typeName(column.type)
    if (from === typeName(type)) this.refuse(`column "${name}" is ${from} already`)
    if (this.before.key.includes(column.id)) {
      this.refuse(`column "${name}" is part of the key, whose bytes order the files; ${COPY_ADVICE}`)
    }
    const wider = widenedType(column.type, type)
    if (wider === undefined) {
      const widenings = isNested(column.type)
        ? wideningsOf(column.type)
        : `${from} widens to ${promotionsOf(column.type)}`
      this.refuse(
        `column "${name}" cannot go from ${from} to ${typeName(type)}, for not every value would stay what it is: ` +
          `${widenings}; add a column of the other type and copy into it`,
      )
    }
    this.replaceType(column, wider)
  }

  /** Changes the fields of a struct: those of the column, of the elements of a list or of the values of a map. */
  within(name: string, change: (struct: StructDraft) => void): void {
    const column = this.column(name)
    const refuse = (problem: string): never => this.refuse(problem)
    const context = { path: name, nextId: () => ++this.lastColumnId, refuse }
    this.replaceType(column, changeStruct(context, column.type, change))
  }

  /** Lets a column hold null. */
  makeNullable(name: string): void {
    const column = this.column(name)
    if (!column.required) this.refuse(`column "${name}" is nullable already`)
    if (this.before.key.includes(column.id)) {
      this.refuse(`column "${name}" is part of the key, which has no nulls; ${COPY_ADVICE}`)
    }
    this.replace({ ...column, required: false })
  }

  /** Sets, or with undefined takes away, what later rows hold that say nothing of the column. */
  setWriteDefault(name: string, writeDefault: string | undefined): void {
    const { writeDefault: _before, ...column } = this.column(name)
    this.replace(writeDefault === undefined ? column : { ...column, writeDefault })
  }

  move(name: string, position: ColumnPosition): void {
    const column = this.column(name)
    const refuse = (problem: string): never => this.refuse(`column ${problem}`)
    this.columns = moved(this.columns, column, position, (anchor) => this.column(anchor), refuse)
  }

  /** The schema after all steps, one id up; the one before if nothing differs. */
  finish(): TableSchema {
    const { before, columns, lastColumnId, table } = this
    const after: TableSchema = { ...before, schemaId: before.schemaId + 1, columns, lastColumnId }
    if (describeColumns(before.columns) === describeColumns(columns)) return before
    const problem = schemaChangeProblem(before, after)
    if (problem !== undefined) return this.refuse(problem)
    checkSchema(table, after)
    return after
  }

  private replaceType(column: ColumnDef, type: ColumnType): void {
    this.replace({ ...column, type, ...promotedDefaults(column, type) })
  }

  private replace(column: ColumnDef): void {
    this.columns = this.columns.map((other) => (other.id === column.id ? column : other))
  }

  private refuseTaken(name: string): void {
    if (this.columns.some((column) => column.name === name)) this.refuseName(name)
  }

  private refuseName(name: string): never {
    return this.refuse(`two columns would be named "${name}"; rename or drop one of them first`)
  }

  private refuse(problem: string): never {
    throw new TypeError(`table "${this.table}": ${problem}`)
  }
}

const COPY_ADVICE = 'make another table with the key that you want and copy the rows'

function describeColumns(columns: readonly ColumnDef[]): string {
  return JSON.stringify(
    columns.map((c) => [c.id, c.name, c.type, c.required, c.initialDefault, c.writeDefault]),
  )
}

function promotedDefaults(column: ColumnDef, type: ColumnType): Partial<ColumnDef> {
  if (isNested(column.type)) return projectedDefault(column, type)
  const promote = promotionOf(column.type, type)
  if (promote === undefined) return {}
  const convert = (hex: string): string => {
    const into = new Uint8Array(physicalOf(type).width)
    promote(fromHex(hex) as Uint8Array, 0, into, 0)
    return toHex(into)
  }
  const { initialDefault, writeDefault } = column
  return {
    ...(initialDefault === undefined ? {} : { initialDefault: convert(initialDefault) }),
    ...(writeDefault === undefined ? {} : { writeDefault: convert(writeDefault) }),
  }
}

/** The write default of a nested column, which has no other. */
function projectedDefault({ type: from, writeDefault }: ColumnDef, to: ColumnType): Partial<ColumnDef> {
  const project = nestedProjection(from, to)
  if (project === undefined || writeDefault === undefined) return {}
  const bytes = fromHex(writeDefault) as Uint8Array
  const out = new ByteWriter(Math.max(16, bytes.length))
  project(bytes, 0, bytes.length, out)
  return { writeDefault: toHex(out.written()) }
}

/**
 * What keeps a schema from following another of the same table, or `undefined`: what would make rows that
 * were written before unreadable, or another's.
 */
export function schemaChangeProblem(before: TableSchema, after: TableSchema): string | undefined {
  if (after.schemaId !== before.schemaId + 1) {
    return `schema id ${after.schemaId} must be ${before.schemaId + 1}, one above the last`
  }
  if (after.lastColumnId < before.lastColumnId) {
    return `last column id ${after.lastColumnId} is below ${before.lastColumnId}; column ids are never reused`
  }
  if (after.key.join() !== before.key.join()) {
    return `key [${after.key.join(', ')}] differs from [${before.key.join(', ')}], by which the files are sorted`
  }
  if (JSON.stringify(after.partition) !== JSON.stringify(before.partition)) {
    return 'is partitioned otherwise; make another table and copy the rows'
  }
  const known = new Map(before.columns.map((column) => [column.id, column]))
  for (const column of after.columns) {
    const old = known.get(column.id)
    const problem =
      old === undefined ? newColumnProblem(column, before) : columnChangeProblem(old, column, before)
    if (problem !== undefined) return `column ${JSON.stringify(column.name)} (id ${column.id}) ${problem}`
  }
  return undefined
}

function newColumnProblem(column: ColumnDef, before: TableSchema): string | undefined {
  if ([column.id, ...fieldIdsOf(column.type)].some((id) => id <= before.lastColumnId)) {
    return 'was dropped from the table; column ids are never reused'
  }
  if (column.required && column.initialDefault === undefined) {
    return 'is required, but rows that are there have no value for it'
  }
  return undefined
}

function columnChangeProblem(old: ColumnDef, column: ColumnDef, before: TableSchema): string | undefined {
  const from = typeName(old.type)
  const to = typeName(column.type)
  if (from !== to && before.key.includes(column.id)) {
    return `is part of the key and cannot change from ${from} to ${to}`
  }
  const problem = typeChangeProblem(old.type, column.type, before.lastColumnId)
  if (problem !== undefined) return problem
  if (!old.required && column.required) return 'may hold null and cannot become required'
  const initial = { ...old, ...(from === to ? {} : promotedDefaults(old, column.type)) }.initialDefault
  if (initial !== column.initialDefault) return 'has another initial default; only the write default changes'
  return undefined
}

import {
  isNested,
  typeName,
  widenedType,
  type Alteration,
  type ColumnDef,
  type ColumnType,
  type TableSchema,
} from '@meru/core'
import { Failure } from './failure.ts'
import { columnOf } from './import/plan.ts'
import type { Json } from './cell.ts'
import { jsonValue } from './row-text.ts'
import { defaultValue, type FileColumn } from './schema-file.ts'

type Rows = Record<string, unknown>
export type AnyAlteration = Alteration<Rows, Rows, unknown>

/** One change on the way from the stored schema to that of a file. */
export interface SchemaStep {
  /** What it does, for people. */
  readonly text: string
  /** True if values are no longer read after it. */
  readonly losesValues: boolean
  readonly apply: (alteration: AnyAlteration) => unknown
}

/** What makes the stored schema that of the file. Columns are matched by id, those without one by name. */
export function schemaSteps(stored: TableSchema, wanted: readonly FileColumn[]): SchemaStep[] {
  const matches = wanted.map((column) => ({ column, old: matchOf(stored, wanted, column) }))
  const kept = new Set(matches.map(({ old }) => old?.id))
  const steps: SchemaStep[] = stored.columns
    .filter(({ id }) => !kept.has(id))
    .map(({ name }) => step(`drop column "${name}"`, (a) => a.drop(name), true))
  const renames: Record<string, string> = {}
  for (const { column, old } of matches) {
    if (old !== undefined && old.name !== column.name) renames[old.name] = column.name
  }
  const renamed = Object.entries(renames)
  if (renamed.length > 0) {
    const text = renamed.map(([from, to]) => `"${from}" to "${to}"`).join(', ')
    steps.push(step(`rename ${text}`, (a) => a.rename(renames)))
  }
  for (const { column, old } of matches)
    steps.push(...(old === undefined ? [addition(column)] : changes(old, column)))
  const added = matches.filter(({ old }) => old === undefined).map(({ column }) => column.name)
  const order = [
    ...stored.columns.filter(({ id }) => kept.has(id)).map(({ name }) => renames[name] ?? name),
    ...added,
  ]
  const names = wanted.map(({ name }) => name)
  if (order.join('\n') !== names.join('\n')) {
    steps.push(
      step(`order the columns ${names.join(', ')}`, (a) => names.forEach((name) => a.move(name, 'last'))),
    )
  }
  return steps
}

function step(text: string, apply: SchemaStep['apply'], losesValues = false): SchemaStep {
  return { text, apply, losesValues }
}

function matchOf(
  stored: TableSchema,
  wanted: readonly FileColumn[],
  column: FileColumn,
): ColumnDef | undefined {
  if (column.id !== undefined) {
    const found = stored.columns.find(({ id }) => id === column.id)
    if (found !== undefined) return found
    throw new Failure(`column "${column.name}": the table has no column with id ${column.id}`, {
      hint: 'leave the id out to add a column; ids of dropped ones do not come back',
    })
  }
  const named = stored.columns.find(({ name }) => name === column.name)
  return wanted.some(({ id }) => id === named?.id) ? undefined : named
}

function addition(column: FileColumn): SchemaStep {
  const { name, type, required } = column
  const typed = required ? columnOf(type) : columnOf(type).nullable()
  const made = column.default === undefined ? typed : typed.default(column.default)
  const fallback = column.default === undefined ? '' : `, default ${text(shown(column))}`
  const kind = `${typeName(type)}${required ? '' : ', may be null'}${fallback}`
  return step(`add column "${name}" (${kind})`, (a) => a.add(name, made))
}

function changes(old: ColumnDef, column: FileColumn): SchemaStep[] {
  const { name, type } = column
  const steps: SchemaStep[] = []
  const [from, to] = [typeName(old.type), typeName(type)]
  if (from !== to) checkForm(old, type)
  if (from !== to)
    steps.push(step(`widen "${name}" from ${from} to ${to}`, (a) => a.widen(name, columnOf(type))))
  if (old.required && !column.required) steps.push(step(`let "${name}" be null`, (a) => a.makeNullable(name)))
  if (!old.required && column.required) {
    throw new Failure(`column "${name}" may hold null and cannot become required`, {
      hint: 'leave it as it is, or add a required column with a default and copy into it',
    })
  }
  const before = old.writeDefault === undefined ? undefined : defaultValue(old, old.writeDefault)
  const isSame = (before === undefined) === (column.default === undefined)
  const isSameValue =
    before === undefined || JSON.stringify(jsonValue(old.type, before)) === JSON.stringify(shown(column))
  if (isSame && isSameValue) return steps
  if (column.default === undefined)
    steps.push(step(`drop the default of "${name}"`, (a) => a.dropDefault(name)))
  else {
    const value = column.default
    steps.push(
      step(`set the default of "${name}" to ${text(shown(column))}`, (a) => a.setDefault(name, value)),
    )
  }
  return steps
}

function text(value: Json): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** A file names types as texts, in which the fields of a struct have no ids. */
function checkForm(old: ColumnDef, type: ColumnType): void {
  if (!isNested(old.type) || !isNested(type) || widenedType(old.type, type) !== undefined) return
  throw new Failure(
    `column "${old.name}" cannot go from ${typeName(old.type)} to ${typeName(type)} by a schema file`,
    {
      hint: 'a file only widens what is within a column; change its fields with table.alter((a) => a.within(…))',
    },
  )
}

function shown({ type, default: value }: FileColumn): Json {
  return value === undefined ? null : jsonValue(type, value)
}

import { isNested, typeName } from './column-type.ts'
import type { ColumnModes } from './column.ts'
import { valueCode } from './schema-code.ts'
import { planChanges, type ChangePlan } from './schema-resolution.ts'
import { keyColumns, type ColumnDef, type TableSchema } from './schema.ts'

/**
 * True if a declared schema fits a stored one: the same columns by name, with the same types and write
 * defaults, in the same order, and the same key. Ids and the schema id are the store's own and may differ.
 */
export function sameSchema(stored: TableSchema, declared: TableSchema): boolean {
  return differences(stored, declared).length === 0
}

/** What differs, as one line for each difference; empty if `sameSchema`. */
export function describeSchemaDifference(stored: TableSchema, declared: TableSchema): string {
  return differences(stored, declared).join('\n')
}

/**
 * The call of `alter` that makes a stored schema the declared one, as code; or why there is none. Renames
 * cannot be told from a drop and an addition, so they are only hinted at.
 */
export function describeResolution(
  stored: TableSchema,
  declared: TableSchema,
  modes: ColumnModes = {},
): string {
  if (names(keyColumns(stored)) !== names(keyColumns(declared))) {
    return 'the key of a table cannot change; make another table and copy the rows'
  }
  if (showPartition(stored) !== showPartition(declared)) {
    return 'how a table is partitioned cannot change; make another table and copy the rows'
  }
  const plan: ChangePlan = { steps: [], refusals: [] }
  planChanges(stored.columns, declared.columns, (name) => modes[name], '', plan)
  const dropped = stored.columns.filter((column) => named(declared, column.name) === undefined)
  if (plan.refusals.length > 0) return `no change of the table makes it so:\n${plan.refusals.join('\n')}`
  const call = `table.alter((a) => a${plan.steps.join('')})`
  const hint = renameHint(dropped, stored, declared)
  return hint === undefined ? call : `${call}\n${hint}`
}

/**
 * The columns that a declared schema has more than the stored one, if all else is equal: what
 * `evolve: 'add'` adds. Undefined if something else differs, or a new column has no value for rows that
 * are there.
 */
export function addedColumns(stored: TableSchema, declared: TableSchema): readonly ColumnDef[] | undefined {
  const added = declared.columns.filter((column) => named(stored, column.name) === undefined)
  const rest = { ...declared, columns: declared.columns.filter((column) => !added.includes(column)) }
  if (differences(stored, rest).length > 0) return undefined
  if (added.some((column) => column.required && column.writeDefault === undefined)) return undefined
  if (added.some((column) => isNested(column.type) && column.writeDefault !== undefined)) return undefined
  return added
}

function renameHint(
  dropped: readonly ColumnDef[],
  stored: TableSchema,
  declared: TableSchema,
): string | undefined {
  for (const old of dropped) {
    const other = declared.columns.find(
      (column) => named(stored, column.name) === undefined && typeName(column.type) === typeName(old.type),
    )
    if (other !== undefined) {
      return `if "${other.name}" is "${old.name}" under another name, rename it instead of losing its values: .rename({ ${JSON.stringify(old.name)}: ${JSON.stringify(other.name)} })`
    }
  }
  return undefined
}

function differences(stored: TableSchema, declared: TableSchema): string[] {
  const found: string[] = []
  for (const column of stored.columns) {
    const other = named(declared, column.name)
    if (other === undefined)
      found.push(`column "${column.name}" (${show(column)}) is stored but not declared`)
    else if (show(other) !== show(column)) {
      found.push(`column "${column.name}" is stored as ${show(column)} but declared as ${show(other)}`)
    }
  }
  for (const column of declared.columns) {
    if (named(stored, column.name) === undefined) {
      found.push(`column "${column.name}" (${show(column)}) is declared but not stored`)
    }
  }
  const storedNames = names(stored.columns)
  const declaredNames = names(declared.columns)
  if (found.length === 0 && storedNames !== declaredNames) {
    found.push(
      `the columns are stored in the order ${storedNames} but declared in the order ${declaredNames}`,
    )
  }
  const storedKey = names(keyColumns(stored))
  const declaredKey = names(keyColumns(declared))
  if (storedKey !== declaredKey)
    found.push(`the key is stored as (${storedKey}) but declared as (${declaredKey})`)
  const [storedParts, declaredParts] = [showPartition(stored), showPartition(declared)]
  if (storedParts !== declaredParts)
    found.push(`the table is stored partitioned by (${storedParts}) but declared by (${declaredParts})`)
  return found
}

/** By position in the key: columns may have been renamed since. */
function showPartition({ partition = [] }: TableSchema): string {
  return partition.map(({ transform }) => transform).join(', ')
}

function named(schema: TableSchema, name: string): ColumnDef | undefined {
  return schema.columns.find((column) => column.name === name)
}

function names(columns: readonly ColumnDef[]): string {
  return columns.map((column) => column.name).join(', ')
}

function show(column: ColumnDef): string {
  const type = column.required ? typeName(column.type) : `${typeName(column.type)}, nullable`
  if (column.writeDefault === undefined) return type
  return `${type}, default ${valueCode(column, undefined, column.writeDefault)}`
}

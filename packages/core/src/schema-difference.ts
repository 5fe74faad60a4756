import { typeName } from './column-type.ts'
import { keyColumns, type ColumnDef, type TableSchema } from './schema.ts'

/**
 * True if a declared schema fits a stored one: the same columns by name, with the same types, in the
 * same order, and the same key. Ids and the schema id are the store's own and may differ.
 */
export function sameSchema(stored: TableSchema, declared: TableSchema): boolean {
  return differences(stored, declared).length === 0
}

/** What differs, as one line for each difference; empty if `sameSchema`. */
export function describeSchemaDifference(stored: TableSchema, declared: TableSchema): string {
  return differences(stored, declared).join('\n')
}

function differences(stored: TableSchema, declared: TableSchema): string[] {
  const found: string[] = []
  for (const column of stored.columns) {
    const other = declared.columns.find((candidate) => candidate.name === column.name)
    if (other === undefined)
      found.push(`column "${column.name}" (${show(column)}) is stored but not declared`)
    else if (show(other) !== show(column)) {
      found.push(`column "${column.name}" is stored as ${show(column)} but declared as ${show(other)}`)
    }
  }
  for (const column of declared.columns) {
    if (!stored.columns.some((candidate) => candidate.name === column.name)) {
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
  return found
}

function names(columns: readonly ColumnDef[]): string {
  return columns.map((column) => column.name).join(', ')
}

function show(column: ColumnDef): string {
  return column.required ? typeName(column.type) : `${typeName(column.type)}, nullable`
}

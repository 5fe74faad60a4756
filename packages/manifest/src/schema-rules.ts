import { checkSchema, typeName, type TableSchema } from '@meru/core'

/** What makes a schema unusable for any table, or `undefined`. */
export function schemaProblem(schema: TableSchema): string | undefined {
  try {
    checkSchema('', schema)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message.replace('table "": ', '') : String(error)
  }
}

/**
 * What keeps `after` from following `before`, or `undefined`. Only what would make old files unreadable
 * is refused here; which changes of type are allowed is decided where the new schema is made.
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
  const known = new Map(before.columns.map((column) => [column.id, column]))
  for (const column of after.columns) {
    const label = `column ${JSON.stringify(column.name)} (id ${column.id})`
    const old = known.get(column.id)
    if (old === undefined && column.id <= before.lastColumnId) {
      return `${label} was dropped from the table; column ids are never reused`
    }
    if (old !== undefined && after.key.includes(column.id) && typeName(old.type) !== typeName(column.type)) {
      return `${label} is part of the key and cannot change from ${typeName(old.type)} to ${typeName(column.type)}`
    }
  }
  return schemaProblem(after)
}

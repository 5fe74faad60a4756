import { checkSchema, schemaChangeProblem, type TableSchema } from '@meru/core'

/** What makes a schema unusable for any table, or `undefined`. */
export function schemaProblem(schema: TableSchema): string | undefined {
  try {
    checkSchema('', schema)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message.replace('table "": ', '') : String(error)
  }
}

/** What keeps a schema from being the next one of a table, or `undefined`. */
export function nextSchemaProblem(before: TableSchema, after: TableSchema): string | undefined {
  return schemaChangeProblem(before, after) ?? schemaProblem(after)
}

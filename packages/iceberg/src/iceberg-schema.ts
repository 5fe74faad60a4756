import { isNested, MeruError, nestedParts, typeName, type ColumnType, type TableSchema } from '@meru/core'
import { defaultJson } from './default-json.ts'
import { KEY_SORT_ORDER_ID, UNSORTED_ORDER_ID, type FormatVersion } from './format.ts'
import type { Json, JsonObject } from './json.ts'

/**
 * A schema as the table metadata has it. Hidden columns are not in it: readers project by field id and
 * never see them. Throws `INVALID` for what the format version does not know.
 */
export function icebergSchema(table: string, schema: TableSchema, version: FormatVersion): JsonObject {
  const fields = schema.columns.map((column) => {
    if (version === 2) refuseNanoseconds(table, column.name, column.type)
    const { id, name, required, initialDefault, writeDefault } = column
    const defaults: Record<string, Json> = {}
    if (version === 3 && initialDefault !== undefined) {
      defaults['initial-default'] = defaultJson(table, column, initialDefault)
    }
    // Readers in Java refuse defaults of nested columns; Meru, which alone writes the table, needs none.
    if (version === 3 && writeDefault !== undefined && !isNested(column.type)) {
      defaults['write-default'] = defaultJson(table, column, writeDefault)
    }
    return { id, name, required, type: typeJson(column.type), ...defaults }
  })
  return {
    type: 'struct',
    'schema-id': schema.schemaId,
    'identifier-field-ids': [...schema.key],
    fields,
  }
}

/** A type as metadata has it: a name, or an object that says what is in it, each part with its field id. */
function typeJson(type: ColumnType): Json {
  switch (type.kind) {
    case 'struct': {
      const fields = type.fields.map(({ id, name, required, type: inner }) => {
        return { id, name, required, type: typeJson(inner) }
      })
      return { type: 'struct', fields }
    }
    case 'list': {
      const { id, required, type: element } = type.element
      return { type: 'list', 'element-id': id, 'element-required': required, element: typeJson(element) }
    }
    case 'map': {
      const { key, value } = type
      return {
        type: 'map',
        'key-id': key.id,
        key: typeJson(key.type),
        'value-id': value.id,
        'value-required': value.required,
        value: typeJson(value.type),
      }
    }
    default:
      return typeName(type)
  }
}

function refuseNanoseconds(table: string, column: string, type: ColumnType): void {
  for (const { name, part } of nestedParts(type)) refuseNanoseconds(table, `${column}.${name}`, part.type)
  if (type.kind !== 'timestamp_ns' && type.kind !== 'timestamptz_ns') return
  throw new MeruError(
    'INVALID',
    `table ${table}, column ${column}: ${type.kind} does not exist in Iceberg version 2; ` +
      'use microseconds, or export the table in format version 3',
  )
}

/** A data file, as far as old rows under a newer schema go. */
interface WrittenFile {
  readonly schemaId: number
  readonly columns: readonly { readonly id: number }[]
}

/**
 * Throws `INVALID` if readers of version 2 would take rows of some file for others than they are: version 2
 * has no defaults for rows written before a column was there, and no way from a date to a timestamp.
 */
export function checkOldRows(
  table: string,
  schemas: readonly TableSchema[],
  current: TableSchema,
  files: readonly WrittenFile[],
): void {
  for (const { id, name, type, initialDefault } of current.columns) {
    const lacks =
      initialDefault !== undefined && files.some(({ columns }) => columns.every((c) => c.id !== id))
    const written = (schemaId: number): string | undefined =>
      schemas[schemaId]?.columns.find((column) => column.id === id)?.type.kind
    const isDate = type.kind !== 'date' && files.some(({ schemaId }) => written(schemaId) === 'date')
    if (!lacks && !isDate) continue
    const problem = lacks
      ? 'default for rows written before the column was there'
      : 'dates that are read as timestamps'
    throw new MeruError(
      'INVALID',
      `table ${table}, column ${name}: Iceberg version 2 has no ${problem}; ` +
        'export the table in format version 3, or with { rewrite: true }, which writes those rows anew',
    )
  }
}

/** Unsorted, and by primary key ascending. */
export function sortOrders(schema: TableSchema): Json[] {
  const fields = schema.key.map((id) => ({
    transform: 'identity',
    'source-id': id,
    direction: 'asc',
    'null-order': 'nulls-first',
  }))
  return [
    { 'order-id': UNSORTED_ORDER_ID, fields: [] },
    { 'order-id': KEY_SORT_ORDER_ID, fields },
  ]
}

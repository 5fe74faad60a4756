import { MeruError, typeName, type TableSchema } from '@meru/core'
import { KEY_SORT_ORDER_ID, UNSORTED_ORDER_ID } from './format.ts'
import type { Json, JsonObject } from './json.ts'

/**
 * A schema as the table metadata has it. Hidden columns are not in it: readers project by field id and
 * never see them. Throws `INVALID` for a type that format version 2 does not know.
 */
export function icebergSchema(table: string, schema: TableSchema): JsonObject {
  const fields = schema.columns.map((column) => {
    if (column.type.kind === 'timestamp_ns' || column.type.kind === 'timestamptz_ns') {
      throw new MeruError(
        'INVALID',
        `table ${table}, column ${column.name}: ${column.type.kind} does not exist in Iceberg version 2; ` +
          'use microseconds, or do not export the table',
      )
    }
    return { id: column.id, name: column.name, required: column.required, type: typeName(column.type) }
  })
  return {
    type: 'struct',
    'schema-id': schema.schemaId,
    'identifier-field-ids': [...schema.key],
    fields,
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

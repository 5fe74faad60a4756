import { MeruError, type TableSchema } from '@meru/core'
import { currentSchema, type TableState } from '@meru/manifest'
import type { Engine } from './engine.ts'
import type { TableStore } from './table-store.ts'

/**
 * A table that rows of a schema are loaded into, in the current version. Throws `INVALID` if it was dropped or has
 * another schema.
 */
export function tableState(engine: Engine, table: TableStore, schema: TableSchema): TableState {
  const state = engine.versions.current.tables.get(table.id)
  if (state === undefined) throw new MeruError('INVALID', `table "${table.name}" was dropped`)
  if (currentSchema(state).schemaId !== schema.schemaId) {
    throw new MeruError(
      'INVALID',
      `table "${table.name}" got another schema meanwhile; open it again and load the rows`,
    )
  }
  return state
}

import {
  addedColumns,
  describeResolution,
  describeSchemaDifference,
  MeruError,
  SchemaDraft,
} from '@meru/core'
import type { ColumnModes, TableSchema } from '@meru/core'
import { commitSchema } from './alter.ts'
import type { Engine } from './engine.ts'
import type { TableStore } from './table-store.ts'

/** What opening a table may do to its schema. */
export interface TableOptions {
  /** `add`: adds the columns that are declared and not stored, if nothing else differs. */
  readonly evolve?: 'add' | undefined
}

/** Throws a `TypeError` for options that are none. */
export function checkTableOptions(options: TableOptions): void {
  for (const name of Object.keys(options)) {
    if (name !== 'evolve') throw new TypeError(`table() has no option "${name}"; it has evolve`)
  }
  if (options.evolve === undefined || options.evolve === 'add') return
  throw new TypeError(`evolve is ${JSON.stringify(options.evolve)}; "add" expected`)
}

/**
 * Makes a stored table fit its declaration, or throws `INVALID` with what differs and the call of `alter`
 * that resolves it.
 */
export async function fitDeclaration(
  engine: Engine,
  store: TableStore,
  declared: { readonly schema: TableSchema; readonly modes: ColumnModes },
  options: TableOptions,
): Promise<void> {
  const difference = describeSchemaDifference(store.schema, declared.schema)
  if (difference === '') return
  const before = store.schema
  const added = addedColumns(before, declared.schema)
  if (options.evolve !== 'add' || added === undefined) {
    const resolution = describeResolution(before, declared.schema, declared.modes)
    const option = added === undefined ? '' : `\nor open it with { evolve: 'add' }`
    throw new MeruError(
      'INVALID',
      `table "${store.name}" is stored with another schema:\n${difference}\nto resolve it: ${resolution}${option}`,
    )
  }
  const draft = new SchemaDraft(store.name, before)
  for (const { id: _, ...column } of added) draft.add(column)
  for (const { name } of declared.schema.columns) draft.move(name, 'last')
  await commitSchema(engine, store, { before, after: draft.finish() })
}

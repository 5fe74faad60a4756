import { Alteration, MeruError, modeUnder, promotableDays } from '@meru/core'
import type { Altered, ColumnModes, RowCodec, TableSchema } from '@meru/core'
import { currentSchema, type DatabaseState, type TableState } from '@meru/manifest'
import { checkWritable, type Engine } from './engine.ts'
import type { TableStore } from './table-store.ts'

/** A change of the schema of a table: refused unless the table still has the schema before. */
export interface SchemaStep {
  readonly before: TableSchema
  readonly after: TableSchema
}

/** What `change` makes of the schema of a handle, and the codec of the handle that sees it. */
export function planAlteration<Row, Insert, Key, R, I, K>(
  codec: RowCodec<Row, Key>,
  change: (alteration: Alteration<Row, Insert, Key>) => Altered<R, I, K>,
): { readonly step: SchemaStep; readonly modes: ColumnModes } {
  const alteration = new Alteration<Row, Insert, Key>(codec.table, codec.schema, modesOf(codec))
  const altered: unknown = change(alteration)
  if (altered !== alteration) {
    throw new TypeError(
      'alter() takes a function that returns what it was given, with the changes called on it',
    )
  }
  const { schema, modes } = alteration.finish()
  return { step: { before: codec.schema, after: schema }, modes }
}

/** The modes that a codec was compiled with. */
export function modesOf(codec: Pick<RowCodec, 'all'>): ColumnModes {
  return Object.fromEntries(
    codec.all.plans.flatMap(({ name, mode }) => (mode === undefined ? [] : [[name, mode] as const])),
  )
}

/** The same modes under another schema of the table, where columns may have other names. */
export function modesUnder(schema: TableSchema, from: TableSchema, modes: ColumnModes): ColumnModes {
  return Object.fromEntries(
    from.columns.flatMap(({ id, name, type }) => {
      const column = schema.columns.find((candidate) => candidate.id === id)
      if (column === undefined || !Object.hasOwn(modes, name)) return []
      const mode = modeUnder(type, column.type, modes[name])
      return mode === undefined ? [] : [[column.name, mode] as const]
    }),
  )
}

/**
 * Commits a schema, when every write that was asked for before is durable; later ones wait, and are refused
 * if their handle is of the schema before. Files are not touched. Throws `INVALID` if the table has
 * gone on to another schema, was dropped, or holds a date that the new type of its column cannot tell.
 */
export async function commitSchema(engine: Engine, store: TableStore, step: SchemaStep): Promise<void> {
  const { before, after } = step
  const turn = store.order.turns.take()
  try {
    await turn.before
    await engine.writes.settle()
    checkWritable(engine)
    checkStep(store, before)
    await checkDates(engine, store, step)
    let isSealed = false
    const commit = async (): Promise<boolean> => {
      await engine.versions.commit(
        (state) => {
          checkCurrent(state, store, before)
          return { changes: [{ kind: 'setSchema', tableId: store.id, schema: after }] }
        },
        {},
        (state) => {
          const schema = currentSchema(state.tables.get(store.id) as TableState)
          isSealed = store.alter(schema, engine.versions.tableVersion(store.id))
        },
      )
      return false
    }
    await engine.writes.beside(commit)
    if (isSealed) engine.background.sealed(store)
  } catch (error) {
    if (engine.versions.outcomeUnknown) engine.writes.stop(unknownOutcome(error, store))
    throw error
  } finally {
    turn.leave()
  }
}

function unknownOutcome(error: unknown, store: TableStore): MeruError {
  if (error instanceof MeruError) return error
  const message = `table "${store.name}": its change may or may not be durable`
  return new MeruError('POISONED', message, { cause: error })
}

function checkCurrent(state: DatabaseState, store: TableStore, before: TableSchema): void {
  const table = state.tables.get(store.id)
  if (table === undefined) throw new MeruError('INVALID', `table "${store.name}" was dropped`)
  if (table.schemaId !== before.schemaId) throw staleHandle(store, before)
}

function checkStep(store: TableStore, before: TableSchema): void {
  if (store.isDropped) throw new MeruError('INVALID', `table "${store.name}" was dropped`)
  if (store.schema !== before) throw staleHandle(store, before)
}

/** The error for a handle of a schema that its table no longer has. */
export function staleHandle(store: TableStore, schema: TableSchema): MeruError {
  return new MeruError(
    'INVALID',
    `table "${store.name}" has schema ${store.schema.schemaId}; this handle is of schema ${schema.schemaId}: ` +
      'use the handle that alter() returned, or open the table with its new declaration',
  )
}

/** Every stored date must be one that the timestamps of the new type can tell: reads could only fail later. */
async function checkDates(engine: Engine, store: TableStore, { before, after }: SchemaStep): Promise<void> {
  const widened = after.columns.filter((column) => {
    const old = before.columns.find(({ id }) => id === column.id)
    return old?.type.kind === 'date' && column.type.kind !== 'date'
  })
  if (widened.length === 0) return
  await engine.background.flush(store, { seal: true })
  for (const { id, name, type } of widened) {
    const { first, last } = promotableDays(type)
    for (const { file } of store.version.files) {
      const stats = file.columns.find((column) => column.id === id)
      if (stats === undefined || stats.values === stats.nulls) continue
      const [lower, upper] = [dayOf(stats.lower), dayOf(stats.upper)]
      if (lower !== undefined && lower >= first && upper !== undefined && upper <= last) continue
      const found = `days ${String(lower)} to ${String(upper)} since 1970-01-01`
      throw new MeruError(
        'INVALID',
        `table "${store.name}", column "${name}": file ${file.id} holds ${found}, a ${type.kind} only ` +
          `${first} to ${last}; change those rows, call compact(), and try again`,
      )
    }
  }
}

function dayOf(bound: Uint8Array | undefined): number | undefined {
  if (bound?.length !== 4) return undefined
  return new DataView(bound.buffer, bound.byteOffset).getInt32(0, true)
}

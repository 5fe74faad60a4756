import { open, type Settings, type Table, type TableDefinition, type Tags } from '@meru/db'
import {
  type DatabaseOperation,
  isWrite,
  ONLY_WRITES,
  Random,
  randomOperations,
  TEST_TABLES,
  writesOf,
} from '@meru/testkit'
import { join } from 'node:path'
import type { Exported } from './exported.ts'
import { partitionedTable } from './partitions.ts'
import { Publications, snapshotsIn } from './publications.ts'
import { randomTags } from './tags.ts'

/** The tables of a history. One with partitions is in the place of one with a type that Spark lacks, and nanoseconds. */
export function tablesOf(seed: number): TableDefinition[] {
  return TEST_TABLES.map((each) => (each.name === 'moments' ? partitionedTable(seed) : each))
}

/** Never a compaction or a flush that the history did not ask for, and all snapshots. */
export const SETTINGS: Partial<Settings> = {
  workers: 0,
  autoCompaction: false,
  icebergSnapshotsKept: 1000,
  memtableBytesMax: 1 << 20,
}
const SNAPSHOTS_KEPT = 3

/** Of three histories one publishes in version 2, one in version 3, and one moves up on its way. */
export function versionAt(seed: number, progress: number): 2 | 3 {
  return seed % 3 === 0 || (seed % 3 === 1 && progress > 0.5) ? 3 : 2
}

/** Puts, updates, deletes, flushes and compactions of a database, with exports at random moments. */
export async function runHistory(root: string, seed: number, operations: number): Promise<Exported[]> {
  const publications = new Publications({ seed, directory: join(root, `history-${seed}`), kind: 'history' })
  await run(publications, { seed, operations }, SETTINGS)
  return await publications.finish()
}

/**
 * The same with few snapshots kept, beside those that have names, and no grace for the files of those that expired; only
 * the kept ones are asked for.
 */
export async function runExpiry(root: string, seed: number, operations: number): Promise<Exported[]> {
  const publications = new Publications({ seed, directory: join(root, `expiry-${seed}`), kind: 'expiry' })
  const settings = { ...SETTINGS, icebergSnapshotsKept: SNAPSHOTS_KEPT, obsoleteGraceMs: 0 }
  const random = new Random(`tags ${seed}`)
  await run(publications, { seed, operations }, settings, (each) =>
    randomTags(random, publications.snapshots(each)),
  )
  const published = await publications.finish()
  return published.filter(
    ({ metadata, snapshot, tags }) => tags.length > 0 || snapshotsIn(metadata).includes(snapshot),
  )
}

async function run(
  publications: Publications,
  { seed, operations }: { readonly seed: number; readonly operations: number },
  settings: Partial<Settings>,
  tagsFor: (table: Table) => Tags = () => ({}),
): Promise<void> {
  await using db = await open(publications.directory, { settings })
  const tables = new Map<string, Table>()
  const definitions = tablesOf(seed)
  for (const definition of definitions) tables.set(definition.name, (await db.table(definition)) as Table)
  const publish = (each: Table, progress: number): Promise<number> =>
    publications.publish(each, { formatVersion: versionAt(seed, progress), tags: tagsFor(each) })
  const steps = [...randomOperations(new Random(seed), operations, WEIGHTS, definitions)]
  for (const [i, operation] of steps.entries()) {
    await perform(operation, db, tables, {
      publish: (each) => publish(each, i / steps.length),
      put: (each, row) => publications.put(each, row),
    })
  }
  for (const each of tables.values()) await publish(each, 1)
}

export const WEIGHTS: NonNullable<Parameters<typeof randomOperations>[2]> = {
  ...ONLY_WRITES,
  putMany: 20,
  flush: 8,
  compact: 2,
  export: 5,
}

/** Does one step of a history, as far as it is about tables that are there. */
export async function perform(
  operation: DatabaseOperation,
  db: Awaited<ReturnType<typeof open>>,
  tables: ReadonlyMap<string, Table>,
  {
    publish,
    put,
  }: {
    readonly publish: (table: Table) => Promise<unknown>
    readonly put?: (table: Table, row: Readonly<Record<string, unknown>>) => void
  },
): Promise<void> {
  if (isWrite(operation)) {
    await db.batch((batch) => {
      for (const write of writesOf(operation)) {
        const table = tables.get(write.table)
        if (table === undefined) continue
        if (write.kind === 'delete') {
          batch.delete(table, write.key)
          continue
        }
        batch.put(table, write.row)
        put?.(table, write.row)
      }
    })
    return
  }
  const table = 'table' in operation ? tables.get(operation.table) : undefined
  if (table === undefined) return
  if (operation.do === 'flush') await table.flush()
  if (operation.do === 'compact') await table.compact()
  if (operation.do === 'export') await publish(table)
}

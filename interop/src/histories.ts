import { checkIceberg, open, type Table } from '@meru/db'
import {
  type DatabaseOperation,
  ONLY_WRITES,
  Random,
  randomOperations,
  TEST_TABLES,
  isWrite,
  writesOf,
} from '@meru/testkit'
import { sortedLines, textRows } from '@meru/testkit/interop'
import { join } from 'node:path'

/**
 * One of the test tables has a type that Spark lacks, and nanoseconds; one has nested columns, which the programs for the
 * readers in Go, Java and Rust do not print.
 */
export const TABLES: typeof TEST_TABLES = TEST_TABLES.filter(
  ({ name }) => name !== 'moments' && name !== 'baskets',
)
/** Never a compaction or a flush that the history did not ask for, and all snapshots. */
const SETTINGS = { workers: 0, autoCompaction: false, icebergSnapshotsKept: 1000, memtableBytesMax: 1 << 20 }

/** One snapshot that an export published, and what readers must make of it. */
export interface Exported {
  readonly seed: number
  readonly formatVersion: 2 | 3
  /** Directory of the table. */
  readonly table: string
  readonly columns: readonly string[]
  /** Names of the key columns. */
  readonly key: readonly string[]
  readonly snapshot: number
  /** False once a later export of the table has published. */
  readonly isCurrent: boolean
  /** Path of the newest metadata file. */
  readonly metadata: string
  /** The rows of `scan()` at the moment of the export. */
  readonly lines: readonly string[]
  readonly hasVectors: boolean
}

type Draft = Omit<Exported, 'isCurrent' | 'metadata'>

/**
 * Puts, updates, deletes, flushes and compactions of a database, with exports at random moments. Of three
 * histories one publishes in version 2, one in version 3, and one moves up on its way.
 */
export async function runHistory(root: string, seed: number, operations: number): Promise<Exported[]> {
  const directory = join(root, `history-${seed}`)
  const drafts: Draft[] = []
  const newest = new Map<string, { snapshot: number; metadata: string }>()
  await using db = await open(directory, { settings: SETTINGS })
  const tables = new Map<string, Table>()
  for (const definition of TABLES) tables.set(definition.name, (await db.table(definition)) as Table)

  const publish = async (table: Table, formatVersion: 2 | 3): Promise<void> => {
    const rows = await table.scan().toArray()
    const { snapshotId, deleteFiles, metadataFile } = await table.exportIceberg({ formatVersion })
    const place = join(directory, 'tables', table.name)
    newest.set(place, { snapshot: snapshotId, metadata: metadataFile.replace('file://', '') })
    if (drafts.some((draft) => draft.table === place && draft.snapshot === snapshotId)) return
    const { schema } = table
    const nameOf = (id: number): string => schema.columns.find((column) => column.id === id)?.name ?? ''
    drafts.push({
      seed,
      formatVersion,
      table: place,
      columns: schema.columns.map(({ name }) => name),
      key: schema.key.map(nameOf),
      snapshot: snapshotId,
      lines: sortedLines(textRows(schema, rows)),
      hasVectors: formatVersion === 3 && deleteFiles > 0,
    })
  }

  const versionAt = (progress: number): 2 | 3 =>
    seed % 3 === 0 || (seed % 3 === 1 && progress > 0.5) ? 3 : 2
  const steps = [...randomOperations(new Random(seed), operations, WEIGHTS)]
  for (const [i, operation] of steps.entries()) {
    await perform(operation, db, tables, (table) => publish(table, versionAt(i / steps.length)))
  }
  for (const table of tables.values()) await publish(table, versionAt(1))
  for (const place of newest.keys()) {
    const { violations } = await checkIceberg(place)
    if (violations.length > 0) throw new Error(`seed ${seed}, ${place}: ${JSON.stringify(violations[0])}`)
  }
  return drafts.map((draft) => {
    const last = newest.get(draft.table)
    return { ...draft, isCurrent: last?.snapshot === draft.snapshot, metadata: last?.metadata ?? '' }
  })
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
  publish: (table: Table) => Promise<void>,
): Promise<void> {
  if (isWrite(operation)) {
    await db.batch((batch) => {
      for (const write of writesOf(operation)) {
        const table = tables.get(write.table)
        if (table === undefined) continue
        if (write.kind === 'put') batch.put(table, write.row)
        else batch.delete(table, write.key)
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

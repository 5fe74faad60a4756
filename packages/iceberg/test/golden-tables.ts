import { t, table as declare, type TableDefinition } from '@meru/core'
import { MemoryFs } from '@meru/fs'
import { TestEnvironment } from '@meru/testkit'
import { sortedLines, textRows } from '@meru/testkit/interop'
import { exportIceberg, type FormatVersion } from '../src/index.ts'
import { publishedLineage } from '../src/row-lineage.ts'
import { optionsFor, ORDERS, orders } from './sample-export.ts'
import { SampleTable, type Row } from './sample-table.ts'

/** What one history publishes. */
export interface Golden {
  /** Every file below the root, in an order of its own. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** What each snapshot shows. */
  readonly rows: Readonly<Record<string, readonly string[]>>
}

/** A table with a history that is the same each time. */
export interface GoldenTable {
  /** Of its directory among the fixtures. */
  readonly name: string
  /** Of its last snapshot. */
  readonly version: FormatVersion
  readonly definition: TableDefinition
  /** The seed of everything random. */
  readonly seed: number
  readonly history: (history: GoldenHistory) => Promise<void>
}

interface GoldenHistory {
  readonly table: SampleTable
  readonly publish: (formatVersion: FormatVersion) => Promise<void>
}

const SALES = declare(
  'sales',
  { shop: t.string(), id: t.int(), price: t.double() },
  {
    key: ['shop', 'id'],
    partitionBy: [
      { column: 'shop', transform: 'identity' },
      { column: 'id', transform: 'truncate[10]' },
    ],
  },
)

export const GOLDEN_TABLES: readonly GoldenTable[] = [
  { name: 'v2', version: 2, definition: ORDERS, seed: 2, history: (history) => evolved(history, 2) },
  { name: 'v3', version: 3, definition: ORDERS, seed: 3, history: (history) => evolved(history, 3) },
  { name: 'partitioned', version: 3, definition: SALES, seed: 4, history: partitioned },
  { name: 'lineage', version: 3, definition: ORDERS, seed: 5, history: merged },
]

export function directoryOf({ definition }: GoldenTable): string {
  return `tables/${definition.name}`
}

export async function makeGolden(golden: GoldenTable): Promise<Golden> {
  const { name, definition, seed } = golden
  const fs = new MemoryFs()
  const env = new TestEnvironment({ seed })
  const table = await SampleTable.create(fs, env, definition)
  const rows: Record<string, readonly string[]> = {}
  const publish = async (formatVersion: FormatVersion): Promise<void> => {
    env.advance(1000)
    const location = `file:///golden/${name}/${table.directory}`
    const { snapshotId } = await exportIceberg(optionsFor(table, env, { location, formatVersion }))
    rows[String(snapshotId)] ??= sortedLines(textRows(table.schema, table.rows))
  }
  await golden.history({ table, publish })
  return { files: await filesOf(fs, table.directory), rows }
}

async function filesOf(fs: MemoryFs, root: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for (const directory of ['data', 'metadata']) {
    for (const name of (await fs.list(`${root}/${directory}`)).toSorted()) {
      const path = `${root}/${directory}/${name}`
      files.set(path, (await fs.readFile(path)) ?? new Uint8Array())
    }
  }
  return files
}

/** Deletes, updates, a column added and one renamed, a merge, and in version 3 an upgrade. */
async function evolved({ table, publish }: GoldenHistory, version: FormatVersion): Promise<void> {
  await table.flush(orders(0, 12))
  await publish(2)
  await table.flush([...orders(12, 20), ...orders(3, 5, 'changed')], [{ id: 7 }])
  await publish(2)
  await table.flush([], [{ id: 1 }, { id: 13 }])
  await publish(version)
  table.evolve((schema) => ({
    ...schema,
    columns: [
      ...schema.columns.map((column) => (column.name === 'name' ? { ...column, name: 'title' } : column)),
      { id: 13, name: 'stars', type: { kind: 'int' }, required: false },
    ],
    lastColumnId: 13,
  }))
  table.rewriteRows(({ name, ...row }) => ({ ...row, title: name, stars: null }))
  await table.flush([{ id: 40, title: 'new', price: -0.5, stars: 5 }], [{ id: 14 }])
  await publish(version)
  await table.compact(
    table.files.slice(-2).map(({ id }) => id),
    0,
  )
  await publish(version)
  await table.flush([], [{ id: 0 }])
  await publish(version)
}

/** Files of one partition and of several, deletes of both, a merge that cuts where partitions change, and an upgrade. */
async function partitioned({ table, publish }: GoldenHistory): Promise<void> {
  await table.flush(sales('bern', 0, 8))
  await table.flush([...sales('oslo', 15, 25), ...sales('bern', 8, 12)])
  await publish(2)
  await table.flush(sales('rome', -5, 0), [key('bern', 3), key('oslo', 17), key('oslo', 21)])
  await publish(2)
  await table.compact(table.files.map(({ id }) => id))
  await publish(2)
  await table.flush(sales('oslo', 18, 20), [key('bern', 0), key('oslo', 24), key('rome', -5)])
  await publish(2)
  await table.flush([], [key('oslo', 15), key('rome', -4)])
  await publish(3)
}

function key(shop: string, id: number): Row {
  return { shop, id }
}

/** Rows with ids in [from, to). */
function sales(shop: string, from: number, to: number): Row[] {
  return Array.from({ length: to - from }, (_, i) => ({ shop, id: from + i, price: i / 4 }))
}

/** Merges of published rows, which keep their ids, and of rows that were never published, which have none. */
async function merged({ table, publish }: GoldenHistory): Promise<void> {
  const compact = async (): Promise<void> => {
    const lineage = await publishedLineage(table.fs, table.name, undefined)
    await table.compact(
      table.files.map(({ id }) => id),
      1,
      lineage,
    )
  }
  await table.flush(orders(0, 12))
  await publish(3)
  await table.flush([...orders(12, 20), ...orders(3, 5, 'changed')], [{ id: 7 }])
  await publish(3)
  await compact()
  await publish(3)
  await table.flush(orders(20, 25), [{ id: 0 }])
  await compact()
  await publish(3)
  await table.flush([], [{ id: 22 }])
  await publish(3)
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type DatabaseOperation,
  Random,
  randomOperations,
  TEST_TABLES,
  writesOf,
  isWrite,
  ONLY_WRITES,
} from '@meru/testkit'
import {
  preparePythonReaders,
  type PythonReader,
  readTables,
  sortedLines,
  textRows,
} from '@meru/testkit/interop'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { open, type Table } from '../src/index.ts'
import { fill } from './concurrent-operations.ts'
import { TINY } from './fixture.ts'

const HISTORIES = 4
const OPERATIONS = 250
const TIMEOUT_MS = 180_000

const root = mkdtempSync(join(tmpdir(), 'meru-export-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** What `scan()` gave at the moment of an export, and where the export is. */
interface Exported {
  readonly name: string
  readonly table: string
  readonly snapshot: number
  readonly lines: readonly string[]
}

const exported: Exported[] = []
const missing = await preparePythonReaders()

/** Puts, updates, deletes, flushes and compactions, with an export now and then. */
async function runHistory(seed: number): Promise<void> {
  const directory = join(root, `history-${seed}`)
  const settings = { ...TINY, icebergSnapshotsKept: 100, workers: seed % 2 }
  await using db = await open(directory, { settings })
  const tables = new Map<string, Table>()
  for (const definition of TEST_TABLES) tables.set(definition.name, (await db.table(definition)) as Table)
  const weights = { ...ONLY_WRITES, putMany: 20, flush: 6, compact: 2, export: 6 }
  for (const operation of randomOperations(new Random(seed), OPERATIONS, weights)) {
    await perform(operation)
  }

  async function perform(operation: DatabaseOperation): Promise<void> {
    if (isWrite(operation)) {
      await db.batch((batch) => fill(batch, tables, writesOf(operation)))
    } else if ('table' in operation && operation.table !== 'moments') {
      const table = tables.get(operation.table) as Table
      if (operation.do === 'flush') await table.flush()
      if (operation.do === 'compact') await table.compact()
      if (operation.do === 'export') await exportTable(table)
    }
  }

  async function exportTable(table: Table): Promise<void> {
    const rows = await table.scan().toArray()
    const { snapshotId, liveRows } = await table.exportIceberg()
    expect(liveRows).toBe(rows.length)
    const lines = sortedLines(textRows(table.schema, rows))
    const name = `history ${seed}, ${table.name}, snapshot ${snapshotId}`
    exported.push({ name, table: join(directory, 'tables', table.name), snapshot: snapshotId, lines })
  }
}

beforeAll(async () => {
  for (let seed = 1; seed <= HISTORIES; seed++) await runHistory(seed)
}, TIMEOUT_MS)

const readers = (Object.keys(missing) as PythonReader[]).map((reader) => {
  const reason = missing[reader]
  return { reader, reason, title: reason === undefined ? reader : `${reader}, left out: ${reason}` }
})
for (const { reason, title } of readers) if (reason !== undefined) process.stderr.write(`${title}\n`)

test('the histories hold updates, deletes and several snapshots', () => {
  expect(exported.length).toBeGreaterThan(10)
  expect(exported.some(({ lines }) => lines.length > 30)).toBe(true)
})

describe.each(readers)('$title', ({ reader, reason }) => {
  test.skipIf(reason !== undefined)(
    'shows of every exported version exactly the rows of scan()',
    async () => {
      const answers = await readTables(exported.map(({ table, snapshot }) => ({ reader, table, snapshot })))
      for (const [i, { name, lines }] of exported.entries()) {
        expect({ name, lines: sortedLines(answers[i]) }).toEqual({ name, lines })
      }
    },
    TIMEOUT_MS,
  )
})

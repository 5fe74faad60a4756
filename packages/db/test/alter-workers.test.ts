import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type DatabaseOperation,
  isWrite,
  ModelSession,
  ONLY_WRITES,
  Random,
  randomOperations,
  type Row,
  TEST_TABLES,
  writesOf,
} from '@meru/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { open, t, type Table, table } from '../src/index.ts'
import { fill } from './concurrent-operations.ts'
import { TINY } from './fixture.ts'

const items = table('items', { id: t.int(), name: t.string(), count: t.int() }, { key: ['id'] })

test('worker threads merge files of several schemas into the newest', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'meru-alter-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  await using db = await open(directory, { settings: { ...TINY, autoCompaction: false, workers: 1 } })
  const first = await db.table(items)
  await first.putMany(Array.from({ length: 100 }, (_, id) => ({ id, name: `n${id}`, count: id })))
  await first.flush()
  const second = await first.alter((a) => a.widen('count', t.long()).add('level', t.int().default(4)))
  await second.putMany(Array.from({ length: 100 }, (_, id) => ({ id: id + 50, name: 'x', count: 2n ** 40n })))
  await second.flush()
  const third = await second.alter((a) => a.drop('name').rename({ level: 'name' }))
  await third.put({ id: 200, count: 1n, name: 0 })
  await third.compact()
  const expected = Array.from({ length: 150 }, (_, id) => ({
    id,
    count: id < 50 ? BigInt(id) : 2n ** 40n,
    name: 4,
  }))
  expect(await third.scan().toArray()).toEqual([...expected, { id: 200, count: 1n, name: 0 }])
  expect(third.stats()).toMatchObject({ deadRows: 0, liveRows: 151 })
})

/** A random history with changes of the tables in it, on a disk, and where its end differs from what it must be. */
async function differencesAfter(
  operations: readonly DatabaseOperation[],
  workers: number,
): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'meru-alter-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const session = new ModelSession()
  await using db = await open(directory, { settings: { ...TINY, workers } })
  const tables = new Map<string, Table>()
  for (const definition of TEST_TABLES) tables.set(definition.name, (await db.table(definition)) as Table)
  for (const scripted of operations) {
    const operation = session.fitted(scripted)
    if (operation.do === 'alter') {
      const change = session.changeOf(operation)
      const before = tables.get(operation.table) as Table
      tables.set(operation.table, await before.alter((alteration) => change.apply(alteration)))
    } else if (isWrite(operation)) {
      await db.batch((batch) => fill(batch, tables, writesOf(operation)), { durability: 'buffered' })
    } else if (operation.do === 'flush') await tables.get(operation.table)?.flush()
    else if (operation.do === 'compact') await tables.get(operation.table)?.compact()
    session.apply(operation)
  }
  const state = new Map<string, readonly Row[]>()
  for (const [name, stored] of tables) {
    await stored.compact()
    expect(stored.stats().liveRows).toBe(session.model.scan(name).length)
    state.set(name, (await stored.scan().toArray()) as Row[])
  }
  return session.model.differences(state)
}

test('histories with changes end alike with worker threads and without', { timeout: 120_000 }, async () => {
  for (const seed of [1, 2]) {
    const weights = { ...ONLY_WRITES, ingest: 0, checkpoint: 0, export: 0, flush: 3, alter: 2 }
    const operations = randomOperations(new Random(seed), 400, weights)
    expect(operations.filter((operation) => operation.do === 'alter').length).toBeGreaterThan(4)
    expect(await differencesAfter(operations, 0)).toEqual([])
    expect(await differencesAfter(operations, 2)).toEqual([])
  }
})

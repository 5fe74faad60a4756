import { MemoryFs, nodeEnvironment } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import type { Database, Table } from '../src/index.ts'
import { openMemory, users, type User } from './fixture.ts'

const KEY = { tenant: 'a', id: 7 }
const ROW: User = { ...KEY, name: 'x', age: 1, score: null }

/** What can wait, and is done in memory. */
const WORK: Record<string, (table: Table<User, User, typeof KEY>, db: Database) => PromiseLike<unknown>> = {
  get: (table) => table.get(KEY),
  has: (table) => table.has(KEY),
  getMany: (table) => table.getMany([KEY]),
  getWithVersion: (table) => table.getWithVersion(KEY),
  count: (table) => table.scan().count(),
  first: (table) => table.scan().first(),
  toArray: (table) => table.scan({ limit: 3 }).toArray(),
  batches: (table) => table.scan().batches().next(),
  iterator: (table) => table.scan()[Symbol.asyncIterator]().next(),
  'put, buffered': (table) => table.put(ROW, { durability: 'buffered' }),
  transaction: (table, db) => db.transaction((tx) => tx.get(table, KEY)),
}

const CALLS_MAX = 20_000

describe('a loop of calls that need no disk lets timers and input run', () => {
  test.each(Object.entries(WORK))('%s', async (_, work) => {
    const db = await openMemory(new MemoryFs(), {
      settings: { workers: 0 },
      components: { env: nodeEnvironment() },
    })
    const table = (await db.table(users)) as unknown as Table<User, User, typeof KEY>
    await table.put(ROW)
    let hasTurned = false
    setImmediate(() => (hasTurned = true))
    let calls = 0
    while (!hasTurned && calls < CALLS_MAX) {
      await work(table, db)
      calls++
    }
    expect(hasTurned).toBe(true)
    await db.close()
  })
})

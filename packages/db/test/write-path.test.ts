import { MemoryFs } from '@meru/fs'
import { FaultyFs, TestEnvironment } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { open, type Database, type Settings } from '../src/index.ts'
import { events, openMemory, TINY } from './fixture.ts'

const row = (id: number): { at: bigint; what: string } => ({ at: BigInt(id), what: `${id} `.repeat(50) })
const LARGE: Partial<Settings> = { memtableBytesMax: 1 << 22, walSegmentBytes: 1 << 22 }

async function start(
  settings: Partial<Settings> = LARGE,
): Promise<{ memory: MemoryFs; faulty: FaultyFs; db: Database }> {
  const memory = new MemoryFs()
  const faulty = new FaultyFs(memory)
  const env = new TestEnvironment({ seed: 1 })
  const db = await open('memory', { settings: { ...TINY, ...settings }, components: { fs: faulty.fs, env } })
  return { memory, faulty, db }
}

/** Counts the calls of an operation on the log. */
function count(faulty: FaultyFs, operation: string): () => number {
  let calls = 0
  faulty.inject((call) => {
    if (call.operation === operation && call.path.startsWith('wal/')) calls++
    return undefined
  })
  return () => calls
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await Promise.resolve()
}

describe('writes at once', () => {
  test('share one write and one sync', async () => {
    const { faulty, db } = await start()
    const table = await db.table(events)
    const [writes, syncs] = [count(faulty, 'write'), count(faulty, 'sync')]
    const seqnos = await Promise.all(Array.from({ length: 100 }, (_, id) => table.put(row(id))))
    expect(new Set(seqnos)).toEqual(new Set([100]))
    expect([writes(), syncs()]).toEqual([1, 1])
  })

  test('that are many go to the disk before the last of them is encoded', async () => {
    const { memory, faulty, db } = await start()
    const table = await db.table(events)
    const [writes, syncs] = [count(faulty, 'write'), count(faulty, 'sync')]
    const puts = Array.from({ length: 1000 }, (_, id) => table.put(row(id)))
    expect([writes(), syncs()]).toEqual([1, 1])
    const seqnos = await Promise.all(puts)
    expect(syncs()).toBe(2)
    expect(new Set(seqnos).size).toBe(2)
    const reopened = await openMemory(memory.crash('drop'))
    expect(await (await reopened.table(events)).count()).toBe(1000)
  })

  test('of writers who go on together share every sync', async () => {
    const { faulty, db } = await start()
    const table = await db.table(events)
    const syncs = count(faulty, 'sync')
    const put = async (id: number): Promise<void> => void (await table.put(row(id)))
    await Promise.all(
      Array.from({ length: 20 }, async (_, writer) => {
        for (let i = 0; i < 10; i++) await put(writer * 10 + i)
      }),
    )
    expect(syncs()).toBe(10)
  })
})

describe('a write that is not durable yet', () => {
  test('is not seen by any read', async () => {
    const { faulty, db } = await start()
    const table = await db.table(events)
    await table.put(row(1))
    faulty.inject((call) => (call.operation === 'sync' ? { effect: 'hang' } : undefined))
    void table.put({ at: 1n, what: 'later' })
    void table.put(row(2))
    await turns()
    expect(table.stats().memtables.entries).toBe(3)
    expect(table.getSync(1n)).toEqual(row(1))
    expect(await table.get(2n)).toBeUndefined()
    expect(await table.scan().toArray()).toEqual([row(1)])
    expect(await table.count()).toBe(1)
    using snapshot = db.snapshot()
    expect(await table.get(1n, { snapshot })).toEqual(row(1))
  })

  test('is never seen, nor flushed, if its sync fails', async () => {
    const { memory, faulty, db } = await start()
    const table = await db.table(events)
    await table.put(row(1))
    faulty.failSyncAt(faulty.syncs + 1)
    await expect(table.put(row(2))).rejects.toMatchObject({ code: 'POISONED' })
    expect(await table.scan().toArray()).toEqual([row(1)])
    await expect(table.flush()).rejects.toMatchObject({ code: 'POISONED' })
    expect(await table.scan().toArray()).toEqual([row(1)])
    await db.close()
    const reopened = await openMemory(memory.crash('drop'))
    expect(await (await reopened.table(events)).scan().toArray()).toEqual([row(1)])
  })

  test('that fills a memtable is flushed after its sync', async () => {
    const { memory, db } = await start({ memtableBytesMax: 4096 })
    const table = await db.table(events)
    await Promise.all(Array.from({ length: 500 }, (_, id) => table.put(row(id))))
    await db.close()
    const reopened = await openMemory(memory.crash('drop'))
    expect(await (await reopened.table(events)).count()).toBe(500)
  })
})

describe('a row that is refused', () => {
  test('leaves nothing in the group that others share', async () => {
    const { db } = await start()
    const table = await db.table(events)
    const puts = [table.put(row(1)), table.put({ at: 2n, what: 5 } as never), table.put(row(3))]
    const results = await Promise.allSettled(puts)
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await table.scan().toArray()).toEqual([row(1), row(3)])
  })

  test('alone costs no sync', async () => {
    const { faulty, db } = await start()
    const table = await db.table(events)
    const syncs = count(faulty, 'sync')
    await expect(table.put({ at: 2n, what: 5 } as never)).rejects.toMatchObject({ code: 'INVALID' })
    await turns()
    expect(syncs()).toBe(0)
  })

  test('for it writes itself while it is read costs nobody else a row', async () => {
    const { db } = await start()
    const table = await db.table(events)
    const nested: Promise<unknown>[] = []
    const sly = {
      at: 2n,
      get what() {
        nested.push(table.put(row(9)))
        return 'sly'
      },
    }
    const results = await Promise.allSettled([
      table.put(row(1)),
      table.put(sly),
      table.put(row(3)),
      ...nested,
    ])
    expect(results.slice(0, 3).map((result) => result.status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ])
    await expect(nested[0]).rejects.toBeInstanceOf(TypeError)
    expect(await table.count()).toBe(3)
  })
})

test.each([
  [
    'put',
    { durabilty: 'buffered' },
    'a put has no option "durabilty"; it has durability, ifAbsent, ifVersion',
  ],
  ['put', { sync: true, ifAbsent: true }, 'a put has no option "sync"'],
  ['delete', { ifAbsent: false }, 'a delete has no option "ifAbsent"; it has durability, ifVersion'],
  ['putMany', { signal: undefined }, 'a batch has no option "signal"; it has durability'],
  ['deleteMany', { ifVersion: 1 }, 'a batch has no option "ifVersion"; put single rows with it'],
  ['batch', { durable: true }, 'a batch has no option "durable"'],
])('%s refuses options that it does not have: %o', async (call, options, message) => {
  const { db } = await start()
  const table = await db.table(events)
  const calls: Record<string, () => PromiseLike<unknown>> = {
    put: () => table.put(row(1), options as never),
    delete: () => table.delete(1n, options as never),
    putMany: () => table.putMany([row(1)], options as never),
    deleteMany: () => table.deleteMany([1n], options as never),
    batch: () => db.batch((batch) => void batch.put(table, row(1)), options as never),
  }
  const error: unknown = await calls[call]().then(undefined, (refusal: unknown) => refusal)
  expect(error).toBeInstanceOf(TypeError)
  expect((error as Error).message).toContain(message)
  expect(await table.count()).toBe(0)
})

test('the writes of one caller keep their order, whatever their kind and durability', async () => {
  const { memory, db } = await start({ memtableBytesMax: 4096 })
  const table = await db.table(events)
  const seqnos: Promise<number>[] = []
  const write = (id: number): void => {
    const what = `${id}`
    const durability = (['durable', 'buffered'] as const)[id % 2]
    const options = { durability } as { durability: 'durable' }
    if (id % 5 === 0) seqnos.push(table.putMany([{ at: 1n, what }], options))
    else if (id % 7 === 0) seqnos.push(table.delete(1n, options), table.put({ at: 1n, what }, options))
    else if (id % 11 === 0) seqnos.push(db.batch((batch) => void batch.put(table, { at: 1n, what }), options))
    else seqnos.push(Promise.resolve(table.put({ at: 1n, what }, options)))
  }
  for (let id = 0; id < 1000; id++) write(id)
  const found = await Promise.all(seqnos)
  expect(found).toEqual(found.toSorted((a, b) => a - b))
  expect(await table.get(1n)).toEqual({ at: 1n, what: '999' })
  await db.close()
  const reopened = await openMemory(memory.crash('drop'))
  expect(await (await reopened.table(events)).get(1n)).toEqual({ at: 1n, what: '999' })
})

test('a dropped table refuses writes', async () => {
  const { db } = await start()
  const table = await db.table(events)
  await table.put(row(1))
  await db.dropTable('events', { confirm: 'events' })
  const again = await db.table(events)
  const refused = { code: 'INVALID', message: 'table "events" was dropped' }
  await expect(table.put(row(2))).rejects.toMatchObject(refused)
  await expect(table.put(row(2), { ifAbsent: true })).rejects.toMatchObject(refused)
  await expect(table.delete(1n)).rejects.toMatchObject(refused)
  await expect(table.putMany([row(2)])).rejects.toMatchObject(refused)
  await expect(table.deleteMany([1n])).rejects.toMatchObject(refused)
  await expect(db.batch((batch) => void batch.put(table, row(2)))).rejects.toThrow(TypeError)
  expect(await again.count()).toBe(0)
})

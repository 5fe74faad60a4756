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

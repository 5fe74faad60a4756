import { MemoryFs } from '@meru/fs'
import { Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { attemptsWithFailures } from './failing-calls.ts'
import { codec, liveRowsOf, memtableOf, puts, SampleStore, type Write } from './sample-table.ts'

function idsOf(keys: { bytes: Uint8Array; offsets: Uint32Array; length: number }): number[] {
  return Array.from({ length: keys.length }, (_, i) =>
    codec.decodeKey(keys.bytes, keys.offsets[i], keys.offsets[i + 1]),
  )
}

describe('flushMemtable', () => {
  test('writes the newest put of each key, sorted, and names every key', async () => {
    const store = new SampleStore()
    const memtable = memtableOf([
      { seqno: 1, id: 5, note: 'old' },
      { seqno: 2, id: 3, note: null },
      { seqno: 3, id: 5, note: 'new' },
      { seqno: 4, id: -1, note: 'gone' },
      { seqno: 5, id: -1 },
      { seqno: 6, id: 9 },
      { seqno: 7, id: 8 },
      { seqno: 8, id: 8, note: 'again' },
    ])
    const { meta, keys } = await store.flush(memtable)
    expect(idsOf(keys)).toEqual([-1, 3, 5, 8, 9])
    if (meta === undefined) throw new Error('there are rows')
    expect(meta).toMatchObject({ level: 0, rows: 3, minSeqno: 2, maxSeqno: 8 })
    expect(await liveRowsOf(await store.open(meta))).toEqual([
      { id: 3, note: null, seqno: 2 },
      { id: 5, note: 'new', seqno: 3 },
      { id: 8, note: 'again', seqno: 8 },
    ])
  })

  test('deletes alone leave no file, only keys', async () => {
    const fs = new MemoryFs()
    const { meta, keys } = await new SampleStore({ fs }).flush(memtableOf([{ seqno: 1, id: 4 }]))
    expect(meta).toBeUndefined()
    expect(idsOf(keys)).toEqual([4])
    expect(await fs.list('')).toEqual([])
  })

  test('the file is durable, though its name is not', async () => {
    const fs = new MemoryFs()
    const store = new SampleStore({ fs })
    const { meta } = await store.flush(memtableOf(puts(0, 100)))
    const path = `${meta?.id}.parquet`
    expect(await fs.crashImage('drop').readFile(path)).toBeUndefined()
    await fs.syncDirectory('')
    expect((await fs.crashImage('drop').readFile(path))?.length).toBe(meta?.bytes)
  })

  test('gives way to other work between batches, and keeps rows where a batch ends', async () => {
    const store = new SampleStore({ layout: {} })
    let breaths = 0
    store.env.yield = () => Promise.resolve(void breaths++)
    const writes = puts(0, 2 * 4096 + 1)
    const { meta } = await store.flush(memtableOf(writes))
    expect(breaths).toBe(3)
    if (meta === undefined) throw new Error('there are rows')
    expect(await liveRowsOf(await store.open(meta))).toEqual(writes)
  })

  test.each([1, 2, 3, 4])('seed %i: random writes leave what a map would hold', async (seed) => {
    const random = new Random(seed)
    const model = new Map<number, Write>()
    const writes: Write[] = []
    for (let seqno = 1; seqno <= 2000; seqno++) {
      const id = random.below(600) - 300
      const write: Write = random.oneIn(4)
        ? { seqno, id }
        : { seqno, id, note: random.oneIn(5) ? null : `${seqno}` }
      writes.push(write)
      model.set(id, write)
    }
    const store = new SampleStore()
    const { meta, keys } = await store.flush(memtableOf(writes))
    const newest = [...model.values()].toSorted((a, b) => a.id - b.id)
    expect(idsOf(keys)).toEqual(newest.map(({ id }) => id))
    if (meta === undefined) throw new Error('there are rows')
    const live = await liveRowsOf(await store.open(meta))
    expect(live).toEqual(newest.filter(({ note }) => note !== undefined))
  })

  test.each([false, true])(
    'a failure at any call is handed on and leaves no file, unless (%s) it lasts',
    async (lasting) => {
      const memtable = memtableOf(puts(0, 300))
      const attempts = await attemptsWithFailures(lasting, (fs) => new SampleStore({ fs }).flush(memtable))
      expect(attempts.map(({ operation }) => operation)).toEqual(expect.arrayContaining(['create', 'write']))
      for (const { operation, told, left } of attempts) {
        expect(told).toBe(`IO ${operation}`)
        expect(lasting ? [] : left).toEqual([])
      }
    },
  )
})

import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MemoryFs, nodeEnvironment } from '@meru/fs'
import { type InterceptedFs, Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { type Database, type Settings, type Table, verify } from '../src/index.ts'
import { events, type Happening, openMemory } from './fixture.ts'
import { Intruder, TURNS } from './intruder.ts'

type Events = Table<Happening, { at: bigint; what?: string | null | undefined }, bigint>

const SETTINGS: Partial<Settings> = {
  autoCompaction: false,
  memtableBytesMax: 1 << 20,
  fileBytesTarget: 1500,
}
const row = (id: number, what: string): Happening => ({ at: BigInt(id), what: `${what} ${'x'.repeat(60)}` })

/** A table of 120 rows in three files of level 0 and some of level 1. */
async function filled(fs: InterceptedFs): Promise<{ db: Database; into: Events }> {
  const db = await openMemory(new MemoryFs(), { settings: SETTINGS, components: { fs } })
  const into = await db.table(events)
  await into.putMany(Array.from({ length: 60 }, (_, id) => row(id * 2, 'deep')))
  await into.compact()
  for (let part = 0; part < 3; part++) {
    await into.putMany(Array.from({ length: 20 }, (_, id) => row((id * 3 + part) * 2 + 1, 'new')))
    await into.flush()
  }
  return { db, into }
}

/** What is written, and moved to SSTs, while a compaction is at one of its calls. */
const INTRUSIONS: Record<string, (into: Events) => Promise<unknown>> = {
  deletes: (into) => into.deleteMany([0n, 1n, 50n, 51n, 118n]),
  'a delete of a whole output': (into) => into.deleteMany(Array.from({ length: 40 }, (_, id) => BigInt(id))),
  'a delete of everything': (into) => into.deleteMany(Array.from({ length: 120 }, (_, id) => BigInt(id))),
  updates: (into) => into.putMany([0, 1, 60, 61, 119].map((id) => row(id, 'updated'))),
}

describe('a flush while a compaction is at any of its calls', () => {
  test.each(Object.entries(INTRUSIONS))('carries over: %s', { timeout: 60_000 }, async (_, write) => {
    let isOver = false
    for (let call = 1; !isOver; call++) {
      const intruder = new Intruder()
      const { db, into } = await filled(intruder.fs)
      let flushed: Promise<unknown> = Promise.resolve()
      let expected: Happening[] = []
      intruder.arm(call, async () => {
        await write(into)
        expected = await into.scan().toArray()
        let isFlushed = false
        flushed = into.flush().then(() => (isFlushed = true))
        // The flush may have to wait for the very call that is held here.
        for (let turn = 0; turn < TURNS && !isFlushed; turn++) await setImmediate()
      })
      await into.compact()
      isOver = !(await intruder.disarm())
      if (isOver) expected = await into.scan().toArray()
      await flushed
      expect(await into.scan().toArray(), `call ${call}`).toEqual(expected)
      expect(into.stats().liveRows, `call ${call}`).toBe(expected.length)
      await into.compact()
      expect(into.stats(), `call ${call}`).toMatchObject({ liveRows: expected.length, deadRows: 0 })
      expect(await into.scan().toArray(), `call ${call}`).toEqual(expected)
      await db.close()
      const report = await verify('memory', { fs: intruder.memory })
      expect([report.problems, report.rows], `call ${call}`).toEqual([[], expected.length])
      const named = new Set(report.files > 0 ? await intruder.memory.list('tables/events/data') : [])
      expect(named.size, `call ${call}: files left behind`).toBe(report.files)
    }
  })
})

describe('reads while everything moves', () => {
  test(
    'a scan and a count give every row, once, while memtables become SSTs',
    { timeout: 60_000 },
    async () => {
      const env = nodeEnvironment()
      const db = await openMemory(new MemoryFs(), {
        settings: { memtableBytesMax: 2048 },
        components: { env },
      })
      const into = await db.table(events)
      const ROWS = 300
      await into.putMany(Array.from({ length: ROWS }, (_, id) => row(id, 'first')))
      const random = new Random(5)
      let isDone = false
      const write = async (): Promise<void> => {
        // Replaces rows, and never changes how many there are.
        for (let n = 0; n < 1500; n++)
          await into.put(row(random.below(ROWS), `round ${n}`), { durability: 'buffered' })
        isDone = true
      }
      const writing = write()
      let reads = 0
      while (!isDone) {
        const [rows, count, backwards] = await Promise.all([
          into.scan({ select: ['at'] }).toArray(),
          into.count(),
          into.scan({ reverse: true, select: ['at'] }).toArray(),
        ])
        expect([rows.length, count, backwards.length]).toEqual([ROWS, ROWS, ROWS])
        expect(rows.every(({ at }, index) => at === BigInt(index))).toBe(true)
        expect(await into.has(BigInt(random.below(ROWS)))).toBe(true)
        reads++
      }
      await writing
      expect(reads).toBeGreaterThan(5)
      expect(db.stats().counters).toMatchObject({ flushes: expect.any(Number) as number })
      expect(db.stats().counters.compactions).toBeGreaterThan(1)
      await db.close()
    },
  )

  test('a snapshot keeps its files through flushes and compactions, and lets them go', async () => {
    const memory = new MemoryFs()
    const db = await openMemory(memory, { settings: { ...SETTINGS, pageCacheBytes: 0 } })
    const into = await db.table(events)
    await into.putMany(Array.from({ length: 50 }, (_, id) => row(id, 'old')))
    await into.flush()
    const before = await into.scan().toArray()
    const snapshot = db.snapshot()
    const rows = into.scan({ snapshot })[Symbol.asyncIterator]()
    expect((await rows.next()).value).toEqual(before[0])
    for (let round = 0; round < 3; round++) {
      await into.deleteMany(before.slice(0, 10 * (round + 1)).map(({ at }) => at))
      await into.putMany([row(100 + round, 'new')])
      await into.compact()
      expect(await into.scan({ snapshot }).toArray()).toEqual(before)
      expect(await into.get(3n, { snapshot })).toEqual(before[3])
    }
    snapshot.close()
    // The iterator holds the moment by itself.
    expect((await rows.next()).value).toEqual(before[1])
    expect((await memory.list('tables/events/data')).length).toBeGreaterThan(into.stats().files)
    await rows.return?.()
    await into.flush()
    await setImmediate()
    expect(await memory.list('tables/events/data')).toHaveLength(into.stats().files)
    expect(db.stats().pinnedVersions).toBe(0)
    await db.close()
  })

  test('deletes give their space back when the table is compacted', async () => {
    const memory = new MemoryFs()
    const db = await openMemory(memory, { settings: SETTINGS })
    const into = await db.table(events)
    await into.putMany(Array.from({ length: 200 }, (_, id) => row(id, 'secret')))
    await into.compact()
    const full = into.stats().bytes
    await into.deleteMany(Array.from({ length: 190 }, (_, id) => BigInt(id)))
    await into.compact()
    expect(into.stats().bytes).toBeLessThan(full / 4)
    await into.deleteMany(Array.from({ length: 10 }, (_, id) => BigInt(190 + id)))
    await into.compact()
    expect([await memory.list('tables/events/data'), await memory.list('tables/events/deletes')]).toEqual([
      [],
      [],
    ])
    await db.close()
    const left = [...memory.snapshotFiles().entries()].filter(([path]) => !path.startsWith('wal/'))
    for (const [, bytes] of left) expect(new TextDecoder('latin1').decode(bytes)).not.toContain('secret')
  })

  test('iterators that nobody can reach any more hold nothing', { timeout: 60_000 }, async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const db = await openMemory(new MemoryFs(), { settings: SETTINGS })
    const into = await db.table(events)
    await into.putMany(Array.from({ length: 1000 }, (_, id) => row(id, 'x')))
    await into.flush()
    for (let n = 0; n < 100; n++) {
      await into.scan()[Symbol.asyncIterator]().next()
      await into.scan().batches().next()
    }
    expect(db.stats().pinnedVersions).toBe(1)
    for (let turn = 0; turn < 100 && db.stats().pinnedVersions > 0; turn++) {
      collect()
      await setImmediate()
    }
    expect(db.stats().pinnedVersions).toBe(0)
    await db.close()
  })
})

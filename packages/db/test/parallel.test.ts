import { setImmediate } from 'node:timers/promises'
import { MemoryFs } from '@meru/fs'
import { InterceptedFs } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { type Database, type Settings, t, table, type Table, verify } from '../src/index.ts'
import { events, type Happening, openMemory } from './fixture.ts'
import { Intruder, TURNS } from './intruder.ts'

type Events = Table<Happening, { at: bigint; what?: string | null | undefined }, bigint>

const SETTINGS: Partial<Settings> = {
  autoCompaction: false,
  memtableBytesMax: 1 << 20,
  fileBytesTarget: 1500,
  workers: 2,
}
const others = table('others', { at: t.long(), what: t.string().nullable() }, { key: ['at'] })
const row = (id: number, what: string): Happening => ({ at: BigInt(id), what: `${what} ${'x'.repeat(60)}` })
const rows = (from: number, to: number, what: string): Happening[] =>
  Array.from({ length: to - from }, (_, i) => row(from + i, what))

/** Holds the first file that is made below a directory, until it is let go. */
class Gate {
  readonly memory: MemoryFs = new MemoryFs()
  readonly fs: InterceptedFs
  held = 0
  open: () => void = () => undefined
  #directory: string | undefined

  constructor() {
    this.fs = new InterceptedFs(this.memory, {
      around: async (call, run) => {
        const isWanted = this.#directory !== undefined && call.operation === 'create'
        if (isWanted && call.path.startsWith(this.#directory as string)) {
          this.#directory = undefined
          this.held++
          await new Promise<void>((resolve) => (this.open = resolve))
        }
        return run()
      },
      aroundSync: (_, run) => run(),
    })
  }

  hold(directory: string): void {
    this.#directory = directory
  }
}

async function isDoneSoon(work: Promise<unknown>): Promise<boolean> {
  let isDone = false
  void work.then(() => (isDone = true))
  for (let turn = 0; turn < 4 * TURNS && !isDone; turn++) await setImmediate()
  return isDone
}

/** A table in sorted files, with two parts that share none. */
async function inTwoParts(
  fs: InterceptedFs,
  settings: Partial<Settings>,
): Promise<{ db: Database; into: Events }> {
  const db = await openMemory(new MemoryFs(), { settings: { ...SETTINGS, ...settings }, components: { fs } })
  const into = (await db.table(events)) as Events
  await into.putMany(rows(0, 60, 'low'))
  await into.compact()
  await into.putMany(rows(100, 160, 'high'))
  await into.compact()
  await into.deleteMany([3n, 30n, 55n, 103n, 130n])
  await into.flush()
  return { db, into }
}

describe('compactions side by side', () => {
  test.each([
    { workers: 1, isBeside: false },
    { workers: 2, isBeside: true },
  ])('of two tables, with $workers: $isBeside', async ({ workers, isBeside }) => {
    const gate = new Gate()
    const settings = { ...SETTINGS, workers }
    const db = await openMemory(new MemoryFs(), { settings, components: { fs: gate.fs } })
    const [a, b] = [await db.table(events), await db.table(others)]
    for (const into of [a, b]) {
      await into.putMany(rows(0, 50, 'x') as never)
      await into.flush()
    }
    gate.hold('tables/events/data')
    const first = a.compact()
    const second = b.compact()
    expect(await isDoneSoon(second)).toBe(isBeside)
    gate.open()
    await Promise.all([first, second])
    expect([a.stats().levels[0].level, b.stats().levels[0].level]).toEqual([6, 6])
    await db.close()
  })

  test('of two ranges of one table; what overlaps waits, and what is due lets it by', async () => {
    const gate = new Gate()
    const { db, into } = await inTwoParts(gate.fs, {})
    gate.hold('tables/events/data')
    const low = into.compact({ range: { lt: 60n } })
    expect(await isDoneSoon(low)).toBe(false)
    const high = into.compact({ range: { gte: 100n } })
    expect(await isDoneSoon(high)).toBe(true)
    const whole = into.compact()
    expect(await isDoneSoon(whole)).toBe(false)
    expect(into.stats().deadRows).toBe(3)
    gate.open()
    await Promise.all([low, whole])
    expect(into.stats()).toMatchObject({ liveRows: 115, deadRows: 0 })
    expect(gate.held).toBe(1)
    await db.close()
    expect((await verify('memory', { fs: gate.memory })).problems).toEqual([])
  })

  test('end when the database closes, with those that wait, and leave no file', async () => {
    const gate = new Gate()
    const { db, into } = await inTwoParts(gate.fs, {})
    gate.hold('tables/events/data')
    const jobs = [
      into.compact({ range: { lt: 60n } }),
      into.compact(),
      into.compact({ range: { gte: 100n } }),
    ]
    const outcomes = Promise.allSettled(jobs)
    await isDoneSoon(outcomes)
    const closing = db.close()
    await setImmediate()
    gate.open()
    await closing
    const codes = (await outcomes).map((job) =>
      job.status === 'rejected' ? (job.reason as { code: string }).code : '',
    )
    expect(codes.slice(0, 2)).toEqual(['CLOSED', 'CLOSED'])
    const report = await verify('memory', { fs: gate.memory })
    expect([report.problems, report.rows]).toEqual([[], 115])
    expect(await gate.memory.list('tables/events/data')).toHaveLength(report.files)
  })
})

describe('a compaction of a range', () => {
  test('rewrites the files that may hold its keys, and no other', async () => {
    const gate = new Gate()
    const { db, into } = await inTwoParts(gate.fs, {})
    const before = new Set(await gate.memory.list('tables/events/data'))
    const all = await into.scan().toArray()
    const progress: number[] = []
    await into.compact({
      range: { gte: 100n, lt: 110n },
      onProgress: ({ rowsDone }) => progress.push(rowsDone),
    })
    const after = await gate.memory.list('tables/events/data')
    expect(after.filter((name) => !before.has(name))).toHaveLength(1)
    expect(after.filter((name) => before.has(name))).toHaveLength(before.size - 1)
    expect(into.stats().deadRows).toBe(3)
    expect(progress.length).toBeGreaterThan(0)
    expect(await into.scan().toArray()).toEqual(all)
    await into.compact({ range: { gte: 200n } })
    expect(await gate.memory.list('tables/events/data')).toEqual(after)
    await db.close()
  })

  test('can be called off, while it waits and while it runs', async () => {
    const gate = new Gate()
    const { db, into } = await inTwoParts(gate.fs, {})
    const files = into.stats().files
    gate.hold('tables/events/data')
    const [runs, waits] = [new AbortController(), new AbortController()]
    const low = into.compact({ range: { lt: 60n }, signal: runs.signal })
    const whole = into.compact({ signal: waits.signal })
    expect(await isDoneSoon(Promise.allSettled([low, whole]))).toBe(false)
    waits.abort(new Error('no more'))
    await expect(whole).rejects.toThrow('no more')
    runs.abort(new Error('enough'))
    gate.open()
    await expect(low).rejects.toThrow('enough')
    expect(into.stats()).toMatchObject({ files, deadRows: 5 })
    expect(await gate.memory.list('tables/events/data')).toHaveLength(files)
    await expect(into.compact({ ranges: {} } as never)).rejects.toThrow('no option "ranges"')
    await db.close()
  })
})

describe('a flush and another compaction while a compaction is at any of its calls', () => {
  test('change nothing but what they say', { timeout: 120_000 }, async () => {
    let isOver = false
    for (let call = 1; !isOver; call++) {
      const intruder = new Intruder()
      const { db, into } = await inTwoParts(intruder.fs, {})
      let beside: Promise<unknown> = Promise.resolve()
      let expected: Happening[] = []
      intruder.arm(call, async () => {
        await into.deleteMany([0n, 59n, 100n, 159n])
        await into.putMany([row(20, 'updated'), row(120, 'updated')])
        expected = await into.scan().toArray()
        let isDone = false
        beside = into.compact({ range: { gte: 110n } }).then(() => (isDone = true))
        for (let turn = 0; turn < 2 * TURNS && !isDone; turn++) await setImmediate()
      })
      await into.compact({ range: { lt: 60n } })
      isOver = !(await intruder.disarm())
      await beside
      if (isOver) expected = await into.scan().toArray()
      expect(await into.scan().toArray(), `call ${call}`).toEqual(expected)
      expect(into.stats().liveRows, `call ${call}`).toBe(expected.length)
      await into.compact()
      expect(into.stats(), `call ${call}`).toMatchObject({ liveRows: expected.length, deadRows: 0 })
      await db.close()
      const report = await verify('memory', { fs: intruder.memory })
      expect([report.problems, report.rows], `call ${call}`).toEqual([[], expected.length])
      expect(await intruder.memory.list('tables/events/data'), `call ${call}`).toHaveLength(report.files)
    }
  })
})

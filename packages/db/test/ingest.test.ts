import { setImmediate } from 'node:timers/promises'
import { MemoryFs } from '@meru/fs'
import { Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { type Database, type EngineEvent, type Settings, type Table, verify } from '../src/index.ts'
import { events, type Happening, openMemory } from './fixture.ts'

type Events = Table<Happening, { at: bigint; what?: string | null | undefined }, bigint>

const row = (id: number, what: string): Happening => ({ at: BigInt(id), what: `${what} ${'x'.repeat(40)}` })
const rows = (from: number, to: number, what = 'loaded'): Happening[] =>
  Array.from({ length: to - from }, (_, i) => row(from + i, what))

async function opened(
  settings: Partial<Settings> = {},
): Promise<{ fs: MemoryFs; db: Database; into: Events; seen: EngineEvent[] }> {
  const fs = new MemoryFs()
  const seen: EngineEvent[] = []
  const components = { fs, onEvent: (event: EngineEvent): void => void seen.push(event) }
  const db = await openMemory(fs, { settings: { autoCompaction: false, ...settings }, components })
  return { fs, db, into: await db.table(events), seen }
}

/** Closes, and finds nothing damaged and no file too many. */
async function closeClean({ fs, db, into }: { fs: MemoryFs; db: Database; into: Events }): Promise<void> {
  const count = await into.count()
  await db.close()
  const report = await verify('memory', { fs })
  expect([report.problems, report.rows]).toEqual([[], count])
  expect(await fs.list('tables/events/data')).toHaveLength(report.files)
}

describe('ingest', () => {
  test('puts ascending rows on a deep level at once, and says what it did', async () => {
    const session = await opened()
    const { into, db, seen } = session
    const report = await into.ingest(rows(0, 500))
    expect(await into.scan().toArray()).toEqual(rows(0, 500))
    expect(report).toMatchObject({ table: 'events', rows: 500, duplicates: 0, replaced: 0 })
    expect(report.level).toBeGreaterThan(0)
    const { levels, bytes, memtables } = into.stats()
    expect(levels.map(({ level, rows: held }) => [level, held])).toEqual([[report.level, 500]])
    expect([report.bytes, memtables.entries]).toEqual([bytes, 0])
    expect(report.seqno).toBe(db.stats().visibleSeqno)
    expect(seen).toContainEqual(expect.objectContaining({ kind: 'ingest', rows: 500, files: report.files }))
    await closeClean(session)
  })

  test('lays rows beyond the last key beside the others, without touching them', async () => {
    const session = await opened()
    const { into } = session
    const first = await into.ingest(rows(0, 300))
    const second = await into.ingest(rows(300, 600))
    expect([second.level, second.replaced]).toEqual([first.level, 0])
    expect(into.stats()).toMatchObject({ liveRows: 600, deadRows: 0, files: first.files + second.files })
    await closeClean(session)
  })

  test('takes ascending rows in more runs than memory holds, and sorts what comes behind them', async () => {
    const session = await opened({ ingestBytesMax: 16 * 1024 })
    const { into } = session
    const report = await into.ingest([...rows(1000, 3000), ...rows(0, 1000), ...rows(1500, 1600, 'again')])
    expect(report).toMatchObject({ rows: 3100, duplicates: 100 })
    expect(await into.scan().toArray()).toEqual([
      ...rows(0, 1500),
      ...rows(1500, 1600, 'again'),
      ...rows(1600, 3000),
    ])
    await closeClean(session)
  })

  test('sorts rows that come in any order, in runs that fit into memory', async () => {
    const session = await opened({ ingestBytesMax: 16 * 1024 })
    const { into } = session
    const random = new Random(3)
    const input = rows(0, 3000).toSorted(() => random.below(2) - 0.5)
    expect(await into.ingest(input)).toMatchObject({ rows: 3000, duplicates: 0 })
    expect(await into.scan().toArray()).toEqual(rows(0, 3000))
    await closeClean(session)
  })

  test.each([1 << 20, 8 * 1024])(
    'keeps the last of rows with one key (%i bytes of memory)',
    async (bytes) => {
      const session = await opened({ ingestBytesMax: bytes })
      const { into } = session
      const input = [...rows(0, 400, 'first'), ...rows(100, 300, 'second'), ...rows(200, 250, 'third')]
      expect(await into.ingest(input)).toMatchObject({ rows: 650, duplicates: 250, replaced: 0 })
      expect(await into.scan().toArray()).toEqual([
        ...rows(0, 100, 'first'),
        ...rows(100, 200, 'second'),
        ...rows(200, 250, 'third'),
        ...rows(250, 300, 'second'),
        ...rows(300, 400, 'first'),
      ])
      await closeClean(session)
    },
  )

  test('replaces rows of memtables and of files, and is replaced by later writes', async () => {
    const session = await opened()
    const { into } = session
    await into.putMany(rows(0, 100, 'deep'))
    await into.compact()
    await into.putMany(rows(50, 150, 'flushed'))
    await into.flush()
    await into.putMany(rows(120, 200, 'in memory'))
    await into.deleteMany([1n, 2n])
    const { replaced } = await into.ingest(rows(60, 180))
    expect(replaced).toBe(120)
    await into.put(row(70, 'after'))
    await into.delete(71n)
    const expected = [
      row(0, 'deep'),
      ...rows(3, 50, 'deep'),
      ...rows(50, 60, 'flushed'),
      ...rows(60, 70),
      row(70, 'after'),
      ...rows(72, 180),
      ...rows(180, 200, 'in memory'),
    ]
    expect(await into.scan().toArray()).toEqual(expected)
    await into.flush()
    expect(into.stats().liveRows).toBe(expected.length)
    await into.compact()
    expect(await into.scan().toArray()).toEqual(expected)
    await closeClean(session)
  })

  test('takes rows from sync and async iterables, one by one and in arrays', async () => {
    const { into, db } = await opened()
    async function* slow(): AsyncGenerator<Happening | Happening[]> {
      yield row(0, 'loaded')
      yield rows(1, 5)
      await Promise.resolve()
      yield rows(5, 9)
    }
    expect(await into.ingest(slow())).toMatchObject({ rows: 9 })
    expect(await into.ingest([row(9, 'loaded'), rows(10, 12)])).toMatchObject({ rows: 3 })
    expect(await into.ingest(new Set([row(12, 'loaded')]))).toMatchObject({ rows: 1 })
    expect(await into.scan().toArray()).toEqual(rows(0, 13))
    await db.close()
  })

  test('does nothing for a source without rows', async () => {
    const { into, db } = await opened()
    const { manifestId, visibleSeqno } = db.stats()
    expect(await into.ingest([])).toMatchObject({ rows: 0, files: 0, seqno: visibleSeqno })
    expect(db.stats().manifestId).toBe(manifestId)
    await db.close()
  })
})

describe('a load that does not come to its end', () => {
  const SETTINGS = { ingestBytesMax: 8 * 1024 }

  test('loads nothing if a row does not fit, and names the row', async () => {
    const session = await opened(SETTINGS)
    const { into } = session
    await into.put(row(5, 'before'))
    const input = [...rows(0, 900), { at: 'nine hundred' as never, what: null }, ...rows(901, 1000)]
    await expect(into.ingest(input)).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(/^row 901 of the input: .*"at"/) as string,
    })
    expect(await into.scan().toArray()).toEqual([row(5, 'before')])
    await closeClean(session)
  })

  test('loads nothing if the source throws', async () => {
    const session = await opened(SETTINGS)
    function* broken(): Generator<Happening> {
      yield* rows(0, 700)
      throw new RangeError('line 701')
    }
    await expect(session.into.ingest(broken())).rejects.toThrow(RangeError)
    expect(await session.into.count()).toBe(0)
    await closeClean(session)
  })

  test('loads nothing if it is called off, and tells the source', async () => {
    const session = await opened(SETTINGS)
    const controller = new AbortController()
    let isReturned = false
    async function* endless(): AsyncGenerator<Happening[]> {
      try {
        for (let id = 0; ; id += 10) {
          if (id === 2000) controller.abort(new Error('enough'))
          yield rows(id, id + 10)
        }
      } finally {
        isReturned = true
      }
    }
    await expect(session.into.ingest(endless(), { signal: controller.signal })).rejects.toThrow('enough')
    expect([isReturned, await session.into.count()]).toEqual([true, 0])
    await expect(session.into.ingest([], { signal: AbortSignal.abort() })).rejects.toThrow(/abort/)
    await closeClean(session)
  })

  test('ends when the database closes', async () => {
    const { into, db, fs } = await opened(SETTINGS)
    async function* endless(): AsyncGenerator<Happening[]> {
      for (let id = 0; ; id += 100) yield rows(id, id + 100)
    }
    const failure = into.ingest(endless()).catch((error: unknown) => error)
    await db.close()
    expect(await failure).toMatchObject({ code: 'CLOSED' })
    expect(await fs.list('tables/events/data')).toEqual([])
    await expect(into.ingest([])).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('refuses what it cannot load from, and options it does not have', async () => {
    const { into, db } = await opened()
    await expect(into.ingest('rows' as never)).rejects.toThrow(TypeError)
    await expect(into.ingest(row(1, 'x') as never)).rejects.toThrow(/iterable/)
    await expect(into.ingest([], { batch: 1 } as never)).rejects.toThrow('ingest() has no option "batch"')
    await db.close()
  })

  test('fails if the table is dropped meanwhile', async () => {
    const { into, db, fs } = await opened(SETTINGS)
    async function* dropping(): AsyncGenerator<Happening[]> {
      yield rows(0, 500)
      await db.dropTable('events', { confirm: 'events' })
      yield rows(500, 1000)
    }
    await expect(into.ingest(dropping())).rejects.toMatchObject({ code: 'INVALID' })
    expect(await fs.list('tables/events/data')).toEqual([])
    await db.close()
  })
})

describe('a load beside writes', () => {
  test('each key has the value of whichever came last', { timeout: 60_000 }, async () => {
    const noStall = { l0SlowdownFiles: 1000, l0StopFiles: 2000 }
    const small = { memtableBytesMax: 2048, ingestBytesMax: 4096, autoCompaction: true }
    const session = await opened({ ...small, ...noStall })
    const { into } = session
    const random = new Random(11)
    // Writers that share a group are told the same seqno, so a key may have several last values.
    const last = new Map<number, { seqno: number; whats: string[] }>()
    const note = (id: number, seqno: number, what: string): void => {
      const known = last.get(id)
      if (known === undefined || known.seqno < seqno) last.set(id, { seqno, whats: [what] })
      else if (known.seqno === seqno) known.whats.push(what)
    }
    let isDone = false
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let n = 0; !isDone || n % 16 !== 0; n++) {
        const what = `writer ${writer} ${n}`
        const first = random.below(300)
        const seqno = await into.putMany(rows(first, first + 3, what))
        for (const id of [first, first + 1, first + 2]) note(id, seqno, what)
        // In memory all of a write may happen in one turn of the event loop, which others need too.
        await setImmediate()
      }
    })
    for (let load = 0; load < 12; load++) {
      const input = rows(load * 10, load * 10 + 120, `load ${load}`)
      const { seqno } = await into.ingest(load % 2 === 0 ? input : input.toReversed())
      for (let id = load * 10; id < load * 10 + 120; id++) note(id, seqno, `load ${load}`)
    }
    isDone = true
    await Promise.all(writers)
    const found = new Map((await into.scan().toArray()).map(({ at, what }) => [Number(at), what]))
    const wrong = [...last].filter(
      ([id, { whats }]) => !whats.some((what) => found.get(id) === row(id, what).what),
    )
    expect([wrong, found.size]).toEqual([[], last.size])
    expect([...last.values()].filter(({ whats }) => whats[0].startsWith('load')).length).toBeGreaterThan(10)
    expect([...last.values()].filter(({ whats }) => whats[0].startsWith('writer')).length).toBeGreaterThan(10)
    await into.flush()
    expect(into.stats().liveRows).toBe(last.size)
    await closeClean(session)
  })
})

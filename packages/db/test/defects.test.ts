import { MemoryFs, nodeEnvironment } from '@meru/fs'
import { checkTable } from '@meru/iceberg'
import { FaultyFs, InterceptedFs, TestEnvironment, TracedFs, type Call } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { open, t, table, type Database } from '../src/index.ts'
import { events, openMemory, TINY, users } from './fixture.ts'
import { probeOf } from './session.ts'

const name = (id: number, text = 'x'): { at: bigint; what: string } => ({ at: BigInt(id), what: text })

/** A call that waits until it is let through. */
interface Stop {
  readonly arrived: Promise<void>
  readonly release: () => void
}

/** A file system that waits at chosen calls. */
class Gate {
  readonly fs: InterceptedFs
  readonly #stops: { readonly picks: (call: Call) => boolean; readonly wait: () => Promise<void> }[] = []

  constructor(memory: MemoryFs) {
    this.fs = new InterceptedFs(memory, {
      around: async (call, run) => {
        const index = this.#stops.findIndex((stop) => stop.picks(call))
        if (index >= 0) await this.#stops.splice(index, 1)[0].wait()
        return run()
      },
      aroundSync: (_, run) => run(),
    })
  }

  /** Stops the next call that `picks` picks. */
  stopAt(picks: (call: Call) => boolean): Stop {
    let arrive: () => void = () => undefined
    let release: () => void = () => undefined
    const arrived = new Promise<void>((resolve) => (arrive = resolve))
    const released = new Promise<void>((resolve) => (release = resolve))
    const wait = (): Promise<void> => {
      arrive()
      return released
    }
    this.#stops.push({ picks, wait })
    return { arrived, release }
  }
}

const creates = (part: string): ((call: Call) => boolean) => {
  return (call) => call.operation === 'create' && call.path.includes(part)
}

/** A writer that goes on for so many rows while something is waited for has waited in vain. */
const PATIENCE = 3000
const QUIET = { autoCompaction: false, memtableBytesMax: 1 << 20 } as const

describe('flushes', () => {
  test('a flush of nothing while a real one is under way loses nothing', async () => {
    const memory = new MemoryFs()
    const gate = new Gate(memory)
    const db = await openMemory(memory, { settings: QUIET, components: { fs: gate.fs } })
    const into = await db.table(events)
    await into.put(name(1))
    const stop = gate.stopAt(creates('.parquet'))
    const real = into.flush()
    await stop.arrived
    const empty = into.flush()
    await into.put(name(2))
    const second = into.flush()
    expect(await into.count()).toBe(2)
    stop.release()
    await Promise.all([real, empty, second])
    expect(await into.count()).toBe(2)
    expect(into.stats()).toMatchObject({ liveRows: 2, memtables: { entries: 0 } })
    await db.close()
    const again = await openMemory(memory)
    expect(await (await again.table(events)).count()).toBe(2)
    await again.close()
  })

  test('end while others go on writing', async () => {
    const db = await openMemory(new MemoryFs(), { settings: QUIET })
    const into = await db.table(events)
    let isDone = false
    const writer = async (): Promise<void> => {
      for (let n = 0; !isDone && n < PATIENCE; n++) await into.put(name(n))
    }
    const writing = writer()
    await into.put(name(-1))
    await into.flush()
    isDone = true
    expect(into.stats().files).toBe(1)
    await writing
    expect(await into.count()).toBeLessThan(PATIENCE)
    await db.close()
  })

  test('of one table take their turn while another table is written without pause', async () => {
    const db = await openMemory(new MemoryFs(), {
      settings: { autoCompaction: false, memtableBytesMax: 1024 },
      components: { env: nodeEnvironment() },
    })
    const one = await db.table(events)
    const two = await db.table(users)
    let isDone = false
    const writer = async (): Promise<void> => {
      for (let n = 0; !isDone && n < PATIENCE; n++)
        await one.put(name(n, 'a longer text, to fill memtables soon'))
    }
    const writing = [writer(), writer()]
    await two.put({ tenant: 'a', id: 1, name: 'Ann' })
    await two.flush()
    isDone = true
    expect(two.stats().files).toBe(1)
    await Promise.all(writing)
    expect(await one.count()).toBeLessThan(PATIENCE)
    await db.close()
  })

  test('that found no room do not let the log be cut before their rows', async () => {
    const memory = new MemoryFs()
    const faulty = new FaultyFs(memory)
    const settings = { ...TINY, autoCompaction: false, walSegmentBytes: 64 * 1024, memtableBytesMax: 1 << 20 }
    const env = new TestEnvironment()
    const db = await open('memory', { settings, components: { fs: faulty.fs, env, probe: probeOf(1) } })
    const one = await db.table(events)
    const two = await db.table(users)
    await one.put(name(1))
    let isFull = false
    faulty.inject((call) =>
      isFull && call.operation === 'link' && call.path.startsWith('manifest/')
        ? { errno: 'ENOSPC' }
        : undefined,
    )
    // Segments are begun between the two tables' writes.
    for (let n = 0; n < 40; n++) await two.put({ tenant: 'x'.repeat(6000), id: n, name: '' })
    await two.flush()
    isFull = true
    await expect(one.flush()).rejects.toMatchObject({ code: 'DISK_FULL' })
    isFull = false
    await two.delete({ tenant: 'none', id: 1 })
    await two.flush()
    const found = await open('memory', {
      settings,
      components: { fs: memory.crash('drop'), env, probe: probeOf(2) },
    })
    expect(await (await found.table(events)).count()).toBe(1)
    expect(await (await found.table(users)).count()).toBe(40)
    await found.close()
  })

  test('of one table wait for the writes of other tables that came before', async () => {
    const memory = new MemoryFs()
    const db = await openMemory(memory, { settings: QUIET, components: { probe: probeOf(1) } })
    const one = await db.table(events)
    const two = await db.table(users)
    await one.put(name(1), { durability: 'buffered' })
    await two.put({ tenant: 'a', id: 1, name: 'Ann' }, { durability: 'buffered' })
    await two.flush()
    const found = await openMemory(memory.crash('drop'), { seed: 2, components: { probe: probeOf(2) } })
    expect(await (await found.table(users)).count()).toBe(1)
    expect(await (await found.table(events)).count()).toBe(1)
    await found.close()
  })

  test('do not cut the log to a segment that is not there yet', async () => {
    const memory = new MemoryFs()
    const gate = new Gate(memory)
    const settings = { ...TINY, ...QUIET, walSegmentBytes: 64 * 1024 }
    const env = new TestEnvironment()
    const db = await open('memory', { settings, components: { fs: gate.fs, env, probe: probeOf(1) } })
    const into = await db.table(users)
    const row = (id: number): { tenant: string; id: number; name: string } => ({
      tenant: 'x'.repeat(7000),
      id,
      name: '',
    })
    for (let n = 0; n < 8; n++) await into.put(row(n))
    const sst = gate.stopAt(creates('.parquet'))
    const segment = gate.stopAt(creates('-0000000002.wal'))
    const flushed = into.flush().catch((error: unknown) => error)
    await sst.arrived
    const put = into.putMany([row(100), row(101), row(102)])
    await segment.arrived
    sst.release()
    for (let turn = 0; turn < 2000; turn++) await Promise.resolve()
    expect(into.stats().files).toBe(1)
    const image = memory.crashImage('drop')
    segment.release()
    await put
    expect(await flushed).toBeUndefined()
    const found = await open('memory', { settings, components: { fs: image, env, probe: probeOf(2) } })
    expect(await (await found.table(users)).count()).toBe(8)
    await found.close()
    await db.close()
  })
})

describe('tables that were dropped', () => {
  test('take no writes, and are empty', async () => {
    const db = await openMemory(new MemoryFs())
    const into = await db.table(events)
    await into.put(name(1))
    using before = db.snapshot()
    await db.dropTable('events', { confirm: 'events' })
    expect(db.tableNames()).toEqual([])
    await expect(into.put(name(2))).rejects.toMatchObject({ code: 'INVALID' })
    await expect(into.delete(1n)).rejects.toMatchObject({ code: 'INVALID' })
    await expect(into.putMany([name(2)])).rejects.toMatchObject({ code: 'INVALID' })
    await expect(into.deleteMany([1n])).rejects.toMatchObject({ code: 'INVALID' })
    expect(await into.get(1n)).toBeUndefined()
    expect(await into.get(1n, { snapshot: before })).toEqual(name(1))
    expect(into.getSync(1n, { snapshot: before })).toEqual(name(1))
    expect(await into.has(1n, { snapshot: before })).toBe(true)
    expect(await into.count({ snapshot: before })).toBe(1)
    expect(await into.scan({ snapshot: before }).toArray()).toEqual([name(1)])
    const anew = await db.table(events)
    expect(await anew.count()).toBe(0)
    await anew.put(name(5))
    expect(await into.count()).toBe(0)
    await db.close()
  })

  test('leave nothing to a table of the same name, its published metadata neither', async () => {
    const memory = new MemoryFs()
    const db = await openMemory(memory)
    const into = await db.table(events)
    await into.put(name(1))
    await into.exportIceberg()
    await db.dropTable('events', { confirm: 'events' })
    const other = await db.table(table('events', { id: t.int(), text: t.string() }, { key: ['id'] }))
    await other.put({ id: 7, text: 'seven' })
    expect(await other.exportIceberg()).toMatchObject({ liveRows: 1 })
    expect(await checkTable(memory, 'tables/events')).toMatchObject({ violations: [] })
    await db.close()
  })
})

describe('files of the in-place Iceberg table', () => {
  test('go when no Iceberg snapshot names them any longer, without a reopening', async () => {
    const memory = new MemoryFs()
    const settings = { ...QUIET, icebergSnapshotsKept: 2 }
    const db = await openMemory(memory, { settings })
    const into = await db.table(events)
    for (let n = 0; n < 6; n++) {
      await into.put(name(n))
      await into.compact()
      await into.exportIceberg()
    }
    expect(await memory.list('tables/events/data')).toHaveLength(2)
    await db.dropTable('events', { confirm: 'events' })
    expect(await memory.list('tables/events/data')).toEqual([])
    await db.close()
  })
})

describe('snapshots', () => {
  test('of another database are refused, not read', async () => {
    const [one, two] = [await openMemory(new MemoryFs()), await openMemory(new MemoryFs())]
    const [here, there] = [await one.table(events), await two.table(events)]
    await there.put(name(1))
    using foreign = two.snapshot()
    await expect(here.get(1n, { snapshot: foreign })).rejects.toThrow(/snapshot/)
    await expect(here.count({ snapshot: foreign })).rejects.toThrow(/snapshot/)
    await Promise.all([one.close(), two.close()])
  })
})

describe('iterators', () => {
  async function filled(): Promise<Database> {
    const db = await openMemory(new MemoryFs(), {
      settings: { layout: { level0: { pageRows: 8 }, deeper: {} } },
    })
    const into = await db.table(events)
    await into.putMany(Array.from({ length: 1000 }, (_, id) => name(id)))
    return db
  }

  test('that are asked several times at once give every row once', async () => {
    const db = await filled()
    const rows = (await db.table(events)).scan()[Symbol.asyncIterator]()
    const results = await Promise.all(Array.from({ length: 1002 }, () => rows.next()))
    expect(results.map((result) => result.value?.at)).toEqual([
      ...Array.from({ length: 1000 }, (_, id) => BigInt(id)),
      undefined,
      undefined,
    ])
    await db.close()
  })

  test('that are left hold nothing', async () => {
    const db = await filled()
    const into = await db.table(events)
    for (let n = 0; n < 10_000; n++) {
      if (n % 2 === 0) {
        for await (const row of into.scan()) if (row.at >= 0n) break
      } else {
        const rows = into.scan()[Symbol.asyncIterator]()
        await rows.next()
        await rows.return?.()
      }
    }
    expect(db.stats().pinnedVersions).toBe(0)
    await db.close()
  })
})

test('1,000 puts at once share a few syncs', async () => {
  const memory = new MemoryFs()
  const traced = new TracedFs(memory)
  const db = await openMemory(memory, { settings: QUIET, components: { fs: traced.fs } })
  const into = await db.table(events)
  traced.clear()
  await Promise.all(Array.from({ length: 1000 }, (_, id) => into.put(name(id))))
  expect(traced.text.match(/^sync /gm)?.length).toBeLessThanOrEqual(2)
  expect(await into.count()).toBe(1000)
  await db.close()
})

describe('writes of one caller', () => {
  test('take effect in the order of the calls, held back or not', async () => {
    const env = new TestEnvironment()
    const stalling = { ...TINY, l0CompactionFiles: 1, l0SlowdownFiles: 1, l0StopFiles: 3 }
    const db = await open('memory', { settings: stalling, components: { fs: new MemoryFs(), env } })
    const into = await db.table(events)
    const other = await db.table(users)
    const ann = { tenant: 'a', id: 1, name: 'Ann' }
    for (let round = 0; round < 50; round++) {
      await env.until(into.put(name(round)))
      const done = [
        into.putMany([name(0, 'many')]),
        into.put(name(0, 'one')),
        db.batch((batch) => batch.put(other, ann).delete(into, 0n)),
        db.batch((batch) => batch.put(into, name(0, 'both')).put(other, ann)),
        into.flush(),
        into.put(name(0, 'after')),
        into.deleteMany([0n]),
        into.put(name(0, 'again')),
        into.delete(0n),
      ]
      await env.until(Promise.all(done))
      expect(await into.get(0n), `round ${round}`).toBeUndefined()
    }
    expect(db.stats().counters.heldWrites).toBeGreaterThan(10)
    await env.until(db.close())
  })

  test('that are held back do not hold the writes of other tables', async () => {
    const env = new TestEnvironment()
    const stuck = { ...TINY, l0CompactionFiles: 1, l0SlowdownFiles: 1, l0StopFiles: 2 }
    const memory = new MemoryFs()
    const gate = new Gate(memory)
    const db = await open('memory', { settings: stuck, components: { fs: gate.fs, env } })
    const into = await db.table(events)
    const other = await db.table(users)
    await env.until(into.put(name(1)))
    await into.flush()
    await env.until(into.put(name(2)))
    const compaction = gate.stopAt(creates('.parquet'))
    void into.flush()
    await compaction.arrived
    const held = Promise.all([into.put(name(3)), into.delete(3n)])
    await other.put({ tenant: 'a', id: 1, name: 'Ann' })
    compaction.release()
    await env.until(held)
    expect(await into.has(3n)).toBe(false)
    await env.until(db.close())
  })
})

import { MemoryFs } from '@meru/fs'
import { type Call, InterceptedFs, TestEnvironment } from '@meru/testkit'
import { PageCache } from '@meru/sst'
import { describe, expect, test } from 'vitest'
import {
  type Database,
  DEFAULT_SETTINGS,
  type EngineEvent,
  open,
  type Settings,
  type Table,
  type Transaction,
} from '../src/index.ts'
import { TINY, type User, users } from './fixture.ts'
import { probeOf } from './session.ts'

type Users = Table<User, Partial<User>, Pick<User, 'tenant' | 'id'>>

/** A database that is looked at while it works. */
class Run {
  readonly memory: MemoryFs = new MemoryFs()
  readonly env: TestEnvironment = new TestEnvironment()
  readonly events: EngineEvent[] = []
  readonly calls: Call[] = []
  sealedMax = 0
  readonly #settings: Partial<Settings>
  #opened: { readonly db: Database; readonly table: Users } | undefined

  constructor(settings: Partial<Settings>) {
    this.#settings = { ...TINY, ...settings }
  }

  get db(): Database {
    return (this.#opened as { db: Database }).db
  }

  get table(): Users {
    return (this.#opened as { table: Users }).table
  }

  async open(): Promise<this> {
    const watched = new InterceptedFs(this.memory, {
      around: (call, run) => {
        this.calls.push(call)
        return run()
      },
      aroundSync: (call, run) => {
        this.calls.push(call)
        return run()
      },
    })
    const components = {
      fs: watched,
      env: this.env,
      onEvent: (event: EngineEvent): void => void this.events.push(event),
    }
    const db = await open('memory', { settings: this.#settings, components })
    this.#opened = { db, table: (await db.table(users)) as never }
    return this
  }

  /** Puts rows, one batch after the other; later batches replace some rows of earlier ones. */
  async write(batches: number, rows = 20): Promise<void> {
    for (let n = 0; n < batches; n++) {
      const all = Array.from({ length: rows }, (_, i) => this.row((n * rows * 7 + i * 3) % 1000))
      await this.env.until(this.table.putMany(all))
      this.sealedMax = Math.max(this.sealedMax, this.table.stats().memtables.sealed)
    }
  }

  row(id: number): User {
    return { tenant: 't', id, name: `name ${id % 10} ${'x'.repeat(20)}`, age: id % 7, score: null }
  }

  /** Waits until the background has nothing to do. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await this.env.until(this.table.flush())
  }

  count(kind: EngineEvent['kind'], state?: 'slowdown' | 'stop', reason = ''): number {
    return this.events.filter((event) => {
      if (event.kind !== 'stall') return event.kind === kind
      return (
        event.kind === kind && (state === undefined || event.state === state) && event.reason.includes(reason)
      )
    }).length
  }

  calling(operation: Call['operation'], part: string): Call[] {
    return this.calls.filter((call) => call.operation === operation && call.path.includes(part))
  }

  async close(): Promise<void> {
    await this.env.until(this.db.close())
  }
}

interface Effect {
  /** Measured with this. */
  readonly less: Partial<Settings>
  /** Measures more than with `less`. */
  readonly more: Partial<Settings>
  readonly measure: (run: Run) => Promise<number>
}

const written = (measure: (run: Run) => number): Effect['measure'] => {
  return async (run) => {
    await run.write(60)
    await run.settle()
    return measure(run)
  }
}

const sum = (calls: readonly Call[]): number => calls.reduce((total, call) => total + (call.length ?? 0), 0)
const QUIET: Partial<Settings> = { autoCompaction: false }
const compacted = (measure: (run: Run) => number): Effect['measure'] => {
  return async (run) => {
    await run.write(20)
    await run.env.until(run.table.compact())
    return measure(run)
  }
}

async function readsOfRepeatedGets(run: Run): Promise<number> {
  await run.write(20)
  await run.env.until(run.table.compact())
  const gets = async (): Promise<void> => {
    for (const id of [3, 563, 843]) expect(await run.table.has({ tenant: 't', id })).toBe(true)
  }
  await gets()
  const before = run.calling('read', '.parquet').length
  await gets()
  return run.calling('read', '.parquet').length - before
}

async function exportedFilesKept(run: Run): Promise<number> {
  for (let n = 0; n < 8; n++) {
    await run.write(1)
    await run.env.until(run.table.compact())
    await run.env.until(run.table.exportIceberg())
  }
  return (await run.memory.list('tables/users/data')).length
}

/** Transactions that are committed although many memtables were flushed while they ran. */
async function committedBesideManyFlushes(run: Run): Promise<number> {
  const body = async (tx: Transaction): Promise<void> => {
    await run.write(30)
    tx.put(run.table, run.row(9999))
  }
  const done = run.db.transaction(body, { retries: 0 })
  await run.env.until(done.catch(() => undefined))
  return run.db.stats().counters.transactions
}

async function walWritesOfPuts(run: Run): Promise<number> {
  const before = run.calling('write', 'wal/').length
  await run.env.until(Promise.all(Array.from({ length: 100 }, (_, id) => run.table.put(run.row(id)))))
  return run.calling('write', 'wal/').length - before
}

async function filesOfLoad(run: Run): Promise<number> {
  const rows = Array.from({ length: 400 }, (_, id) => run.row(id))
  await run.env.until(run.table.ingest(rows.toReversed()))
  return run.calling('create', '.parquet').length
}

const EFFECTS: Record<Exclude<keyof Settings, 'walBytesMax' | 'workers' | 'inlineFlushBytes'>, Effect> = {
  memtableBytesMax: {
    less: { memtableBytesMax: 64 * 1024 },
    more: { memtableBytesMax: 2048 },
    measure: written((run) => run.db.stats().counters.flushes),
  },
  memtablesSealedMax: {
    less: { ...QUIET, memtableBytesMax: 1024, memtablesSealedMax: 1 },
    more: { ...QUIET, memtableBytesMax: 1024, memtablesSealedMax: 5 },
    measure: written((run) => run.sealedMax),
  },
  walSegmentBytes: {
    less: { walSegmentBytes: 1024 * 1024 },
    more: { walSegmentBytes: 64 * 1024 },
    measure: written((run) => run.calling('create', '.wal').length),
  },
  walPreallocate: {
    less: { walPreallocate: false },
    more: { walPreallocate: true },
    measure: written((run) => sum(run.calling('write', 'wal/'))),
  },
  groupBytesMax: {
    less: { groupBytesMax: 1024 * 1024 },
    more: { groupBytesMax: 1 },
    measure: walWritesOfPuts,
  },
  ingestBytesMax: {
    less: { ingestBytesMax: 256 * 1024 },
    more: { ingestBytesMax: 4096 },
    measure: filesOfLoad,
  },
  autoCompaction: {
    less: { autoCompaction: false },
    more: { autoCompaction: true },
    measure: written((run) => run.db.stats().counters.compactions),
  },
  l0CompactionFiles: {
    less: { l0CompactionFiles: 8 },
    more: { l0CompactionFiles: 2 },
    measure: written((run) => run.db.stats().counters.compactions),
  },
  l0SlowdownFiles: {
    less: { l0CompactionFiles: 2, l0SlowdownFiles: 12 },
    more: { l0CompactionFiles: 2, l0SlowdownFiles: 2 },
    measure: written((run) => run.count('stall', 'slowdown', 'level 0')),
  },
  l0StopFiles: {
    less: { l0CompactionFiles: 2, l0SlowdownFiles: 2, l0StopFiles: 12 },
    more: { l0CompactionFiles: 2, l0SlowdownFiles: 2, l0StopFiles: 3 },
    measure: written((run) => run.count('stall', 'stop', 'level 0')),
  },
  pendingSlowdownBytes: {
    less: { l0CompactionFiles: 2 },
    more: { l0CompactionFiles: 2, pendingSlowdownBytes: 1, pendingStopBytes: 1 << 20 },
    measure: written((run) => run.count('stall', 'slowdown', 'due')),
  },
  pendingStopBytes: {
    less: { l0CompactionFiles: 2, pendingSlowdownBytes: 1 },
    more: { l0CompactionFiles: 2, pendingSlowdownBytes: 1, pendingStopBytes: 2 },
    measure: written((run) => run.count('stall', 'stop', 'due')),
  },
  levelRatio: {
    less: { l0CompactionFiles: 2, levelRatio: 1.01 },
    more: { l0CompactionFiles: 2, levelRatio: 1000 },
    measure: written((run) => run.db.stats().counters.compactedBytes),
  },
  fileBytesTarget: {
    less: { ...QUIET, fileBytesTarget: 1024 * 1024 },
    more: { ...QUIET, fileBytesTarget: 2048 },
    measure: compacted((run) => run.table.stats().files),
  },
  deadFractionMax: {
    less: { deadFractionMax: 0.01 },
    more: { deadFractionMax: 1 },
    measure: async (run) => {
      await run.write(20)
      await run.env.until(run.table.compact())
      for (let id = 0; id < 400; id++) await run.env.until(run.table.delete({ tenant: 't', id }))
      await run.settle()
      return run.table.stats().deadRows
    },
  },
  pageCacheBytes: {
    less: { pageCacheBytes: 1024 * 1024 },
    more: { pageCacheBytes: 0 },
    measure: readsOfRepeatedGets,
  },
  manifestEditsPerState: {
    less: { manifestEditsPerState: 1 },
    more: { manifestEditsPerState: 50 },
    measure: written((run) => run.memory.listSync('manifest').length),
  },
  publish: {
    less: { ...QUIET, publish: { every: 'never' } },
    more: { ...QUIET, publish: { every: 'flush' } },
    measure: written((run) => run.calling('create', 'version-hint').length),
  },
  icebergSnapshotsKept: {
    less: { ...QUIET, icebergSnapshotsKept: 2 },
    more: { ...QUIET, icebergSnapshotsKept: 10 },
    measure: exportedFilesKept,
  },
  obsoleteGraceMs: {
    less: { ...QUIET, icebergSnapshotsKept: 2 },
    more: { ...QUIET, icebergSnapshotsKept: 2, obsoleteGraceMs: 1e9 },
    measure: exportedFilesKept,
  },
  conflictHistoryBytesMax: {
    less: { conflictHistoryBytesMax: 1024 },
    more: { conflictHistoryBytesMax: 1024 * 1024 },
    measure: committedBesideManyFlushes,
  },
  layout: {
    less: {
      ...QUIET,
      layout: { level0: {}, deeper: { compression: 'zstd', dictionary: true, filterBits: 4 } },
    },
    more: {
      ...QUIET,
      layout: { level0: {}, deeper: { compression: 'none', dictionary: false, filterBits: 40 } },
    },
    measure: compacted((run) => run.table.stats().bytes),
  },
}

async function measured(settings: Partial<Settings>, effect: Effect): Promise<number> {
  const run = await new Run(settings).open()
  const value = await effect.measure(run)
  const ids = new Set((await run.env.until(run.table.scan().toArray())).map(({ id }) => id))
  expect(ids.size).toBe(await run.env.until(run.table.count()))
  await run.close()
  return value
}

describe('a setting has the effect that it says', () => {
  test.each(Object.entries(EFFECTS))('%s', async (_, effect) => {
    const less = await measured(effect.less, effect)
    const more = await measured(effect.more, effect)
    expect(more).toBeGreaterThan(less)
  })

  test('and every setting is covered, here or in the tests of the log and of the workers', () => {
    expect([...Object.keys(EFFECTS), 'walBytesMax', 'workers', 'inlineFlushBytes'].toSorted()).toEqual(
      Object.keys(DEFAULT_SETTINGS).toSorted(),
    )
  })

  test('layout: level 0 has a layout of its own, and every size counts', async () => {
    const bytesOf = async (level0: Settings['layout']['level0']): Promise<number> => {
      const run = await new Run({
        ...QUIET,
        memtableBytesMax: 1 << 20,
        layout: { level0, deeper: {} },
      }).open()
      await run.write(10)
      await run.env.until(run.table.flush())
      const { bytes } = run.table.stats()
      await run.close()
      return bytes
    }
    for (const changed of [
      { pageRows: 16 },
      { pageBytes: 64 },
      { rowPageBytes: 1 },
      { rowGroupRows: 64 },
      { rowGroupBytes: 64 },
      { compression: 'zstd' },
      { dictionary: true },
      { filterBits: 60 },
    ] as const) {
      const base = { pageRows: 64, rowGroupRows: 1024 }
      expect(await bytesOf({ ...base, ...changed }), `${JSON.stringify(changed)}`).not.toBe(
        await bytesOf(base),
      )
    }
  })
})

describe('components', () => {
  test('fs, env and onEvent are used, for every file, time and report', async () => {
    const run = await new Run({}).open()
    await run.write(30)
    await run.settle()
    expect(run.calls.length).toBeGreaterThan(100)
    expect(run.memory.listSync('')).toEqual(
      expect.arrayContaining(['LOCK', 'epoch', 'manifest', 'tables', 'wal']),
    )
    const lock = new TextDecoder().decode(await run.memory.readFile('LOCK'))
    expect(lock).toContain(new Date(run.env.now()).toISOString().slice(0, 10))
    expect(run.count('backgroundError')).toBe(0)
    expect(run.count('flush')).toBe(run.db.stats().counters.flushes)
    expect(run.count('compaction')).toBe(run.db.stats().counters.compactions)
    await run.close()
  })

  test('probe tells who is alive', async () => {
    const fs = new MemoryFs()
    const asked: number[] = []
    const first = await open('memory', {
      components: { fs, env: new TestEnvironment({ seed: 1 }), probe: probeOf(5) },
    })
    const probe = { ...probeOf(6), isAlive: (pid: number) => asked.push(pid) > 0 }
    await expect(
      open('memory', { components: { fs, env: new TestEnvironment({ seed: 2 }), probe } }),
    ).rejects.toMatchObject({ code: 'LOCKED' })
    expect(asked).toEqual([5])
    await first.close()
  })

  test('cache: one for several databases bounds them together', async () => {
    const cache = new PageCache({ bytesMax: 4096 })
    const databases = await Promise.all(
      [1, 2].map(async () => {
        const db = await open('memory', {
          settings: TINY,
          components: { fs: new MemoryFs(), env: new TestEnvironment(), cache },
        })
        const into = await db.table(users)
        await into.putMany(Array.from({ length: 50 }, (_, id) => ({ tenant: 't', id, name: 'x'.repeat(50) })))
        await into.flush()
        return { db, into }
      }),
    )
    for (let id = 0; id < 50; id++) {
      for (const { into } of databases) expect(await into.get({ tenant: 't', id })).toMatchObject({ id })
    }
    const stats = databases.map(({ db }) => db.stats().pageCache)
    expect(stats[0]).toEqual(stats[1])
    expect(stats[0]).toMatchObject({ bytes: expect.any(Number) as number })
    expect(stats[0].bytes).toBeLessThanOrEqual(4096)
    for (const { db } of databases) await db.close()
  })
})

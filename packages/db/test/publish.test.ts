import { MemoryFs } from '@meru/fs'
import { checkTable } from '@meru/iceberg'
import { type Call, InterceptedFs, TestEnvironment } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { type Database, type EngineEvent, open, type Settings, t, table } from '../src/index.ts'

const NOTES = table('notes', { id: t.int(), text: t.string() }, { key: ['id'] })
const QUIET = { workers: 0, autoCompaction: false, icebergSnapshotsKept: 3 }

/** A database in memory that publishes by itself, and what it did. */
class Publishing {
  readonly fs: MemoryFs = new MemoryFs()
  readonly env: TestEnvironment = new TestEnvironment()
  readonly events: EngineEvent[] = []
  readonly calls: Call[] = []
  /** While it is set, links fail: nothing can be published. */
  isBroken = false
  db!: Database

  async open(settings: Partial<Settings>): Promise<this> {
    const fs = new InterceptedFs(this.fs, {
      around: (call, run) => {
        this.calls.push(call)
        if (this.isBroken && call.path.includes('metadata.json')) throw new Error('no space')
        return run()
      },
      aroundSync: (_call, run) => run(),
    })
    const onEvent = (event: EngineEvent): void => void this.events.push(event)
    this.db = await open('memory', {
      settings: { ...QUIET, ...settings },
      components: { fs, env: this.env, onEvent },
    })
    return this
  }

  async write(from: number, to: number): Promise<void> {
    const notes = await this.db.table(NOTES)
    const rows = Array.from({ length: to - from }, (_, i) => ({ id: from + i, text: `note ${from + i}` }))
    await notes.putMany(rows)
    await notes.flush()
  }

  /** Lets everything happen that is planned for the next milliseconds. */
  async pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left >= 0; left--) {
      this.env.advance(1)
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind).filter((kind) => kind.startsWith('publication'))
  }

  async close(): Promise<void> {
    await this.env.until(this.db.close())
    const { violations } = await checkTable(this.fs, 'tables/notes')
    if (violations.length > 0) throw new Error(JSON.stringify(violations[0]))
  }
}

describe('publication by itself', () => {
  test('follows every flush', async () => {
    const run = await new Publishing().open({ publish: { every: 'flush' } })
    await run.write(0, 10)
    await run.pass(30)
    await run.write(10, 20)
    await run.pass(30)
    expect(run.kinds()).toEqual(['publication', 'publication'])
    expect(run.events.at(-1)).toMatchObject({ table: 'notes', report: { liveRows: 20, version: 2 } })
    await run.close()
  })

  test('comes at most once in the given time', async () => {
    const run = await new Publishing().open({ publish: { every: 50 } })
    for (let i = 0; i < 5; i++) await run.write(i, i + 1)
    expect(run.kinds()).toEqual([])
    await run.pass(80)
    expect(run.kinds()).toEqual(['publication'])
    await run.close()
  })

  test('closing publishes what is not published yet', async () => {
    const run = await new Publishing().open({ publish: { every: 1_000_000 } })
    await run.write(0, 7)
    await run.close()
    expect(run.kinds()).toEqual(['publication'])
    expect(run.events.at(-1)).toMatchObject({ report: { liveRows: 7 } })
  })

  test('a failure stops no writer, is told, and is made good', async () => {
    const run = await new Publishing().open({ publish: { every: 'flush' } })
    run.isBroken = true
    await run.write(0, 10)
    await run.pass(30)
    await run.write(10, 20)
    await run.pass(30)
    expect(new Set(run.kinds())).toEqual(new Set(['publicationError']))
    run.isBroken = false
    await run.write(20, 30)
    await run.pass(30)
    expect(run.events.at(-1)).toMatchObject({ kind: 'publication', report: { liveRows: 30 } })
    await run.close()
  })
})

test('a publication writes and reads what changed, however much there is', async () => {
  const run = await new Publishing().open({ publish: { every: 'never' } })
  const notes = await run.db.table(NOTES)
  /** Files that one export of one more flush creates and opens, and the bytes that it writes. */
  const costs: { created: number; opened: number; bytes: number }[] = []
  for (let flush = 0; flush < 400; flush++) {
    await run.write(flush * 2, flush * 2 + 2)
    run.calls.length = 0
    await run.env.until(notes.exportIceberg())
    const made = run.calls.filter(({ path }) => path.includes('/metadata/'))
    costs.push({
      created: made.filter(({ operation }) => operation === 'create').length,
      opened: made.filter(({ operation }) => operation === 'open' || operation === 'readFile').length,
      bytes: made.reduce(
        (sum, { operation, length }) => sum + (operation === 'write' ? (length ?? 0) : 0),
        0,
      ),
    })
  }
  const mean = (from: number, to: number, of: (cost: (typeof costs)[number]) => number): number =>
    costs.slice(from, to).reduce((sum, cost) => sum + of(cost), 0) / (to - from)
  // A manifest, a list, the metadata, the hint; now and then a manifest that replaces eight.
  expect(mean(300, 400, ({ created }) => created)).toBeLessThan(5)
  expect(mean(300, 400, ({ opened }) => opened)).toBeLessThan(mean(4, 40, ({ opened }) => opened) + 4)
  expect(mean(300, 400, ({ bytes }) => bytes)).toBeLessThan(4 * mean(4, 40, ({ bytes }) => bytes))
  await run.close()
}, 120_000)

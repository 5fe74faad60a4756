import { MemoryFs } from '@meru/fs'
import { TestEnvironment } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { type Database, open, type Table } from '../src/index.ts'
import { events, TINY, type Happening } from './fixture.ts'
import { probeOf } from './session.ts'

const GRACE_MS = 5000
const DATA = 'tables/events/data'
type Events = Table<Happening, { at: bigint; what?: string | null | undefined }, bigint>

class Run {
  readonly memory: MemoryFs = new MemoryFs()
  readonly env: TestEnvironment = new TestEnvironment()
  #lives = 0

  async open(): Promise<{ db: Database; into: Events }> {
    const settings = { ...TINY, autoCompaction: false, icebergSnapshotsKept: 2, obsoleteGraceMs: GRACE_MS }
    const components = { fs: this.memory, env: this.env, probe: probeOf(++this.#lives) }
    const db = await this.env.until(open('memory', { settings, components }))
    return { db, into: await this.env.until(db.table(events)) }
  }

  /** Another whole content of the table, published. */
  async publish(into: Events, what: string): Promise<string[]> {
    await this.env.until(into.putMany([1n, 2n, 3n].map((at) => ({ at, what }))))
    await this.env.until(into.compact())
    await this.env.until(into.exportIceberg())
    return this.memory.list(DATA)
  }

  /** Moves the clock on, and lets what comes due be done. */
  async pass(milliseconds: number): Promise<string[]> {
    this.env.advance(milliseconds)
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    return this.memory.list(DATA)
  }
}

describe('a file that an Iceberg snapshot named', () => {
  test('stays for its grace after that snapshot is gone, and goes without anybody writing', async () => {
    const run = new Run()
    const { db, into } = await run.open()
    const [first] = await run.publish(into, 'one')
    await run.publish(into, 'two')
    expect(await run.publish(into, 'three')).toHaveLength(3)
    expect(await run.pass(GRACE_MS - 1)).toContain(first)
    expect(await run.pass(2)).toHaveLength(2)
    await db.close()
    expect(run.env.waiting).toBe(0)
  })

  test('is removed by a later opening, and one that was never published goes at once', async () => {
    const run = new Run()
    const { db, into } = await run.open()
    const published = new Set<string>()
    for (const what of ['one', 'two', 'three'])
      for (const name of await run.publish(into, what)) published.add(name)
    await run.env.until(into.put({ at: 9n, what: 'x' }))
    await run.env.until(into.compact())
    await run.env.until(into.put({ at: 9n, what: 'y' }))
    await run.env.until(into.compact())
    expect((await run.memory.list(DATA)).filter((name) => !published.has(name))).toHaveLength(1)
    await run.env.until(db.close())
    const again = await run.open()
    expect(await run.memory.list(DATA)).toHaveLength(3)
    await run.env.until(again.db.close())
  })

  test('stays as long as a snapshot of ours reads it, grace or not', async () => {
    const run = new Run()
    const { db, into } = await run.open()
    await run.publish(into, 'one')
    const snapshot = db.snapshot()
    for (const what of ['two', 'three', 'four']) await run.publish(into, what)
    await run.pass(10 * GRACE_MS)
    expect(await run.env.until(into.scan({ snapshot }).toArray())).toMatchObject([
      { what: 'one' },
      { what: 'one' },
      { what: 'one' },
    ])
    const before = await run.memory.list(DATA)
    snapshot.close()
    expect(await run.pass(0)).toHaveLength(before.length - 1)
    await run.env.until(db.close())
  })
})

describe('a table that is dropped', () => {
  test('leaves nothing behind, published or not', async () => {
    const run = new Run()
    const { db, into } = await run.open()
    await run.publish(into, 'one')
    await run.env.until(db.dropTable('events', { confirm: 'events' }))
    expect([...run.memory.snapshotFiles().keys()].filter((path) => path.startsWith('tables/'))).toEqual([])
    expect(await run.memory.list('tables')).toEqual([])
    const again = (await run.env.until(db.table(events))) as Events
    expect(await run.publish(again, 'anew')).toHaveLength(1)
    await run.env.until(db.close())
  })

  test('but what a snapshot reads, until it is closed', async () => {
    const run = new Run()
    const { db, into } = await run.open()
    await run.publish(into, 'one')
    const snapshot = db.snapshot()
    await run.env.until(db.dropTable('events', { confirm: 'events' }))
    expect(await run.memory.list(DATA)).toHaveLength(1)
    snapshot.close()
    expect(await run.pass(0)).toEqual([])
    await run.env.until(db.close())
  })
})

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryFs } from '@meru/fs'
import { checkTable } from '@meru/iceberg'
import { TestEnvironment } from '@meru/testkit'
import { afterAll, describe, expect, test } from 'vitest'
import { checkIceberg, type Database, open, type Table } from '../src/index.ts'
import { events, TINY, type Happening } from './fixture.ts'
import { probeOf } from './session.ts'

const DATA = 'tables/events/data'
const root = mkdtempSync(join(tmpdir(), 'meru-modes-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
type Events = Table<Happening, { at: bigint; what?: string | null | undefined }, bigint>

/** A database in memory that is opened again and again. */
class Run {
  readonly memory: MemoryFs = new MemoryFs()
  readonly target: MemoryFs = Object.assign(new MemoryFs(), { root: 'memory:/target' })
  readonly env: TestEnvironment = new TestEnvironment()
  #lives = 0

  async open(): Promise<{ db: Database; into: Events }> {
    const settings = { ...TINY, autoCompaction: false, icebergSnapshotsKept: 2, obsoleteGraceMs: 0 }
    const components = { fs: this.memory, env: this.env, probe: probeOf(++this.#lives) }
    const db = await this.env.until(open('memory', { settings, components }))
    return { db, into: await this.env.until(db.table(events)) }
  }

  async rewrite(into: Events, what: string): Promise<void> {
    await this.env.until(into.putMany([1n, 2n, 3n].map((at) => ({ at, what }))))
    await this.env.until(into.compact())
  }

  async export(into: Events, mode: 'reference' | 'copy' = 'reference'): Promise<void> {
    await this.env.until(into.exportIceberg({ to: this.target, mode }))
  }

  /** Data files that snapshots of the target name and that are not there. */
  async missing(): Promise<string[]> {
    const { violations } = await checkTable(this.target, '', (uri) => ({
      fs: this.memory,
      path: uri.replace('memory:///files/', ''),
    }))
    return violations.map(({ file, problem }) => `${file}: ${problem}`)
  }

  async data(): Promise<string[]> {
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    return this.memory.list(DATA)
  }
}

describe('files that an export elsewhere refers to', () => {
  test('stay while a snapshot of it names them, and go with the last', async () => {
    const run = new Run()
    const { db, into } = await run.open()
    await run.rewrite(into, 'one')
    await run.export(into)
    const [first] = await run.data()
    for (const what of ['two', 'three', 'four']) await run.rewrite(into, what)
    expect(await run.data()).toHaveLength(2)
    expect(await run.data()).toContain(first)
    expect(await run.missing()).toEqual([])
    await run.export(into)
    expect(await run.data()).toContain(first)
    await run.rewrite(into, 'five')
    await run.export(into)
    expect(await run.data()).not.toContain(first)
    expect(await run.missing()).toEqual([])
    await run.env.until(db.close())
  })

  test('stay across an opening that knows nothing of the target', async () => {
    const run = new Run()
    const life = await run.open()
    await run.rewrite(life.into, 'one')
    await run.export(life.into)
    const [first] = await run.data()
    await run.rewrite(life.into, 'two')
    await run.env.until(life.db.close())
    const again = await run.open()
    await run.rewrite(again.into, 'three')
    expect(await run.data()).toContain(first)
    expect(await run.missing()).toEqual([])
    expect(await again.into.referencedExports()).toEqual([{ location: 'memory:///target', files: 1 }])
    await run.env.until(again.db.close())
  })

  test('stay when the export that was to name others failed', async () => {
    const run = new Run()
    const { db, into } = await run.open()
    await run.rewrite(into, 'one')
    await run.export(into)
    const [first] = await run.data()
    await run.rewrite(into, 'two')
    const aborted = into.exportIceberg({ to: run.target, mode: 'reference', signal: AbortSignal.abort() })
    await expect(run.env.until(aborted)).rejects.toThrow(/aborted/)
    await run.rewrite(into, 'three')
    expect(await run.data()).toContain(first)
    expect(await run.missing()).toEqual([])
    await run.env.until(db.close())
  })

  test('do not stay for an export that was called off before it could name them', async () => {
    const run = new Run()
    const { db, into } = await run.open()
    const calledOff = async (): Promise<void> => {
      const signal = AbortSignal.abort()
      const aborted = into.exportIceberg({ to: run.target, mode: 'reference', signal })
      await expect(run.env.until(aborted)).rejects.toThrow(/aborted/)
    }
    await run.rewrite(into, 'one')
    await calledOff()
    expect(await into.referencedExports()).toEqual([])
    await run.rewrite(into, 'two')
    expect(await run.data()).toHaveLength(1)
    await run.export(into)
    await run.rewrite(into, 'three')
    await calledOff()
    await run.rewrite(into, 'four')
    expect(await run.data()).toHaveLength(2)
    expect(await run.missing()).toEqual([])
    await run.env.until(db.close())
  })

  test('go when the export is forgotten, and when the table is dropped', async () => {
    const run = new Run()
    const { db, into } = await run.open()
    await run.rewrite(into, 'one')
    await run.export(into)
    await run.rewrite(into, 'two')
    expect(await run.data()).toHaveLength(2)
    await run.env.until(into.forgetExport('memory:///target'))
    expect(await run.data()).toHaveLength(1)
    expect(await into.referencedExports()).toEqual([])
    await run.env.until(
      into.exportIceberg({ to: Object.assign(new MemoryFs(), { root: 'memory:/b' }), mode: 'reference' }),
    )
    await run.rewrite(into, 'three')
    await run.env.until(db.dropTable('events', { confirm: 'events' }))
    await run.data()
    expect(await run.memory.list('tables')).toEqual([])
    await run.env.until(db.close())
  })
})

test('a copy needs nothing of the engine', async () => {
  const run = new Run()
  const { db, into } = await run.open()
  await run.rewrite(into, 'one')
  await run.export(into, 'copy')
  for (const what of ['two', 'three']) await run.rewrite(into, what)
  expect(await run.data()).toHaveLength(1)
  expect(await into.referencedExports()).toEqual([])
  expect((await checkTable(run.target, '')).violations).toEqual([])
  await run.env.until(db.close())
})

test('hard links on a disk outlive the files of the engine, and take no room', async () => {
  const directory = join(root, 'linked')
  const settings = { ...TINY, autoCompaction: false, obsoleteGraceMs: 0 }
  const db = await open(join(root, 'db'), { settings })
  const into = await db.table(events)
  await into.putMany([1n, 2n, 3n].map((at) => ({ at, what: 'one' })))
  const { liveRows } = await into.exportIceberg({ to: directory, mode: 'hardlink' })
  expect(liveRows).toBe(3)
  const [file] = readdirSync(join(directory, 'data'))
  expect(statSync(join(directory, 'data', file)).nlink).toBe(2)
  await into.putMany([1n, 2n, 3n].map((at) => ({ at, what: 'two' })))
  await into.compact()
  expect(statSync(join(directory, 'data', file)).nlink).toBe(1)
  await into.exportIceberg({ to: join(root, 'referring'), mode: 'reference' })
  await db.close()
  expect((await checkIceberg(directory)).violations).toEqual([])
  expect(await checkIceberg(join(root, 'referring'))).toMatchObject({ violations: [], dataFiles: 1 })
  rmSync(join(root, 'db'), { recursive: true })
  expect(await checkIceberg(directory)).toMatchObject({ violations: [], dataFiles: 1 })
})

test('options that do not go together are refused', async () => {
  const run = new Run()
  const { db, into } = await run.open()
  const wrong: [object, RegExp][] = [
    [{ mode: 'copy' }, /needs a directory/],
    [{ to: '' }, /path of a directory/],
    [{ to: run.target, mode: 'copy', dataLocation: 's3://x/y' }, /needs mode "reference"/],
    [{ dataLocation: 's3://x/y' }, /needs mode "reference"/],
    [{ too: 'x' }, /no option "too"/],
    [{ to: run.target, mode: 'move' }, /one of hardlink, copy, reference/],
  ]
  for (const [options, message] of wrong) {
    await expect(run.env.until(into.exportIceberg(options))).rejects.toThrow(message)
    await expect(run.env.until(into.exportIceberg(options))).rejects.toThrow(TypeError)
  }
  await run.env.until(db.close())
})

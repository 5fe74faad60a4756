import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Environment, nodeEnvironment } from '@meru/fs'
import { Random } from '@meru/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Database, DEFAULT_SETTINGS, open, type Settings, type Table } from '../src/index.ts'
import { TINY, users, type User } from './fixture.ts'

let directory = ''
let threads = 0
const countThread = (): void => void threads++

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meru-workers-'))
  threads = 0
  subscribe('worker_threads', countThread)
})

afterEach(() => {
  unsubscribe('worker_threads', countThread)
  rmSync(directory, { recursive: true, force: true })
})

async function openWith(
  settings: Partial<Settings>,
): Promise<{ db: Database; table: Table<User, User, Pick<User, 'tenant' | 'id'>> }> {
  const db = await open(directory, { settings: { ...TINY, ...settings } })
  return { db, table: (await db.table(users)) as never }
}

/** A history of puts, deletes, flushes and compactions; gives the rows at its end. */
async function history(workers: number): Promise<User[]> {
  const { db, table } = await openWith({ workers })
  const random = new Random(11)
  for (let step = 0; step < 400; step++) {
    const key = { tenant: `t${random.below(3)}`, id: random.below(200) }
    if (random.oneIn(5)) await table.delete(key, { durability: 'buffered' })
    else {
      const rows = Array.from({ length: 1 + random.below(20) }, (_, i) => {
        return { tenant: key.tenant, id: key.id + i, name: `name ${step}`, age: i, score: null }
      })
      await table.putMany(rows, { durability: 'buffered' })
    }
    if (random.oneIn(40)) await table.flush()
    if (random.oneIn(80)) await table.compact()
  }
  await table.compact()
  const rows = await table.scan().toArray()
  expect(table.stats().liveRows).toBe(rows.length)
  await db.close()
  return rows
}

/** The nice value of each thread of this process: proc(5), `stat`, field 19. */
function niceValues(): number[] {
  const tasks = '/proc/self/task'
  return readdirSync(tasks).map((thread) => {
    const stat = readFileSync(join(tasks, thread, 'stat'), 'latin1')
    // The second field is a name in brackets, which may hold spaces.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])
  })
}

describe('worker threads', () => {
  test(
    'load rows as the calling thread does, and stop when they are called off',
    { timeout: 60_000 },
    async () => {
      const { db, table } = await openWith({
        workers: 2,
        ingestBytesMax: 64 * 1024,
        memtableBytesMax: 1 << 20,
      })
      const random = new Random(5)
      const rows = Array.from({ length: 3000 }, (_, id): User => {
        return {
          tenant: `t${random.below(3)}`,
          id: random.below(800),
          name: `name ${id}`,
          age: id,
          score: null,
        }
      })
      const expected = new Map(rows.map((row) => [`${row.tenant} ${String(row.id).padStart(4, '0')}`, row]))
      const report = await table.ingest(rows)
      expect(report).toMatchObject({ rows: 3000, duplicates: 3000 - expected.size, replaced: 0 })
      const sorted = [...expected].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
      expect(await table.scan().toArray()).toEqual(sorted)
      const controller = new AbortController()
      function* endless(): Generator<User> {
        for (let id = 0; ; id++) {
          if (id === 5000) controller.abort(new Error('enough'))
          yield { tenant: 'x', id, name: 'name', age: null, score: null }
        }
      }
      await expect(table.ingest(endless(), { signal: controller.signal })).rejects.toThrow('enough')
      expect(await table.count()).toBe(sorted.length)
      const files = readdirSync(join(directory, 'tables/users/data'))
      expect(files).toHaveLength(table.stats().files)
      expect(threads).toBeGreaterThan(0)
      await db.close()
    },
  )

  test(
    'do the same work as the calling thread, which without them does it itself',
    { timeout: 60_000 },
    async () => {
      const inline = await history(0)
      expect(threads).toBe(0)
      expect(inline.length).toBeGreaterThan(100)
      rmSync(directory, { recursive: true })
      expect(await history(2)).toEqual(inline)
      expect(threads).toBeGreaterThan(1)
    },
  )

  test.runIf(process.platform === 'linux')('let the other threads go first, on Linux', async () => {
    const base = getPriority()
    const { db, table } = await openWith({ workers: 2 })
    await table.put({ tenant: 't', id: 1, name: 'n', age: 1, score: 1 })
    await table.flush()
    expect(threads).toBeGreaterThan(0)
    // 19 is the last; a run that has it already shows nothing.
    const lower = Math.min(19, base + 10)
    const nice = niceValues()
    expect(nice.filter((value) => value === lower).length).toBe(base === lower ? nice.length : threads)
    expect(nice.filter((value) => value !== lower && value !== base)).toEqual([])
    expect(getPriority()).toBe(base)
    await db.close()
  })

  test('take memtables and lookups that are not small, and leave the small ones', async () => {
    const settings = { inlineFlushBytes: 2048, autoCompaction: false }
    let db = await open(directory, { settings })
    let table = await db.table(users)
    const user = (id: number, name: string): User => ({ tenant: 't', id, name, age: 1, score: 1 })
    const flushed = async (from: number, to: number, name: string): Promise<number> => {
      await table.putMany(Array.from({ length: to - from }, (_, i) => user(from + i, name)))
      await table.flush()
      return threads
    }
    expect(await flushed(0, 10, 'small')).toBe(0)
    // Two of these keys are in the file before.
    expect(await flushed(8, 12, 'small, with dead rows')).toBe(0)
    expect(await flushed(11, 500, 'large')).toBe(1)
    expect(table.stats().bytes).toBeGreaterThan(16 * 2048)
    // Small, and looked up in files that are not, with the dead rows that the calling thread found before.
    await db.close()
    db = await open(directory, { settings })
    table = await db.table(users)
    expect(await flushed(0, 20, 'small, in all files')).toBe(2)
    expect(table.stats()).toMatchObject({ files: 2, liveRows: 500 })
    const names = (await table.scan().toArray()).map(({ name }) => name)
    expect(names.slice(0, 20)).toEqual(Array(20).fill('small, in all files'))
    expect(names.slice(20)).toEqual(Array(480).fill('large'))
    await db.close()
  })

  test.each([
    { inlineFlushBytes: DEFAULT_SETTINGS.inlineFlushBytes, started: 0 },
    { inlineFlushBytes: 0, started: 1 },
  ])('with inlineFlushBytes $inlineFlushBytes, $started start for a row', async (settings) => {
    const db = await open(directory, { settings: { inlineFlushBytes: settings.inlineFlushBytes } })
    const table = await db.table(users)
    await table.put({ tenant: 't', id: 1, name: 'n', age: 1, score: 1 })
    await table.flush()
    expect(threads).toBe(settings.started)
    await db.close()
  })

  test('do not start for a process that writes little and ends', async () => {
    const timers = new Set<() => void>()
    const env = nodeEnvironment()
    const after: Environment['after'] = (milliseconds, task) => {
      if (milliseconds !== 1000) return env.after(milliseconds, task)
      timers.add(task)
      return () => timers.delete(task)
    }
    const components = { env: { ...env, after } }
    for (let use = 0; use < 8; use++) {
      const db = await open(directory, { components })
      const table = await db.table(users)
      await table.put({ tenant: 't', id: use, name: 'n', age: 1, score: 1 })
      expect(table.stats().files).toBe(use)
      expect(timers.size).toBe(use < 4 ? 0 : 1)
      await db.close()
      expect(timers.size).toBe(0)
    }
    expect(threads).toBe(0)
    // What has been due since then begins in a process that stays, even if it only reads.
    const db = await open(directory, { components })
    const table = await db.table(users)
    for (const begin of timers) begin()
    for (let wait = 0; wait < 1000 && table.stats().files > 1; wait++) await sleep(10)
    expect(table.stats().files).toBe(1)
    expect(threads).toBe(1)
    expect(await table.count()).toBe(8)
    await db.close()
  })

  test('end what they merge for many short uses, so that files do not add up', async () => {
    for (let use = 0; use < 30; use++) {
      const db = await open(directory, { settings: { l0SlowdownFiles: 6 } })
      const table = await db.table(users)
      expect(table.stats().levels.find(({ level }) => level === 0)?.files ?? 0).toBeLessThanOrEqual(6)
      await table.put({ tenant: 't', id: use, name: 'n', age: 1, score: 1 })
      await db.close()
    }
    expect(threads).toBeGreaterThan(2)
    expect(threads).toBeLessThan(10)
  })

  test('damage that a worker meets is the same error as without one', { timeout: 60_000 }, async () => {
    const first = await openWith({ workers: 1, autoCompaction: false })
    await first.table.putMany(
      Array.from({ length: 500 }, (_, id) => ({ tenant: 't', id, name: 'n', age: 1, score: 1 })),
    )
    await first.db.close()
    const data = join(directory, 'tables/users/data')
    const path = join(data, readdirSync(data)[0])
    const bytes = readFileSync(path)
    bytes[60] ^= 4
    writeFileSync(path, bytes)
    const again = await openWith({ workers: 1, autoCompaction: false })
    const failure = { code: 'CORRUPT', file: expect.stringContaining('tables/users/data/') as string }
    await expect(again.table.compact()).rejects.toMatchObject(failure)
    await again.db.close()
  })

  test('closing cancels a merge and leaves no file behind', { timeout: 60_000 }, async () => {
    const { db, table } = await openWith({ workers: 1, autoCompaction: false, memtableBytesMax: 1 << 20 })
    for (let part = 0; part < 4; part++) {
      const rows = Array.from({ length: 4000 }, (_, i) => {
        return { tenant: 't', id: i * 4 + part, name: `some name ${i}`, age: i, score: i }
      })
      await table.putMany(rows, { durability: 'buffered' })
      await table.flush()
    }
    const compaction = table.compact().then(
      () => 'done',
      (error: unknown) => (error as { code?: string }).code,
    )
    await new Promise((resolve) => setTimeout(resolve, 100))
    await db.close()
    expect(['done', 'CLOSED']).toContain(await compaction)
    const again = await openWith({ workers: 1, autoCompaction: false })
    expect(await again.table.count()).toBe(16_000)
    const files = again.table.stats().files
    expect(readdirSync(join(directory, 'tables/users/data'))).toHaveLength(files)
    await again.db.close()
  })
})

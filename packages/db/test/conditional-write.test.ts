import { MemoryFs } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import type { ConflictError, Database, SeqNo, Table } from '../src/index.ts'
import { events, type Happening, openMemory } from './fixture.ts'

type Events = Table<Happening, { at: bigint; what?: string | null | undefined }, bigint>

interface Opened {
  readonly db: Database
  readonly log: Events
}

async function opened(fs = new MemoryFs(), settings = {}): Promise<Opened> {
  const db = await openMemory(fs, { settings })
  return { db, log: (await db.table(events)) as never }
}

const MOVES: readonly (readonly [string, (opened: Opened, fs: MemoryFs) => Promise<Opened>])[] = [
  ['in memory', (all) => Promise.resolve(all)],
  ['in level 0', async (all) => (await all.log.flush(), all)],
  ['in a deeper level', async (all) => (await all.log.compact(), all)],
  [
    'after reopening',
    async ({ db }, fs) => {
      await db.close()
      return opened(fs)
    },
  ],
]

const failure = (done: PromiseLike<unknown>): Promise<ConflictError> =>
  Promise.resolve(done).then(
    () => expect.fail('it was written'),
    (error: unknown) => error as ConflictError,
  )

describe.each(MOVES)('conditions on a row that is %s', (_, move) => {
  test('ifAbsent puts only where there is no row', async () => {
    const fs = new MemoryFs()
    let all = await opened(fs)
    const version = await all.log.put({ at: 1n, what: 'first' }, { ifAbsent: true })
    all = await move(all, fs)
    const error = await failure(all.log.put({ at: 1n, what: 'second' }, { ifAbsent: true }))
    expect(error).toMatchObject({
      name: 'ConflictError',
      code: 'CONFLICT',
      table: 'events',
      key: 1n,
      version,
    })
    expect(error.message).toBe(
      `table "events", key 1n: no row expected, version ${version} found; read it again`,
    )
    expect(await all.log.get(1n)).toEqual({ at: 1n, what: 'first' })
    await all.log.delete(1n)
    all = await move(all, fs)
    await all.log.put({ at: 1n, what: 'third' }, { ifAbsent: true })
    expect(await all.log.get(1n)).toEqual({ at: 1n, what: 'third' })
    await all.db.close()
  })

  test('ifVersion writes only over that version, which stays the same wherever the row goes', async () => {
    const fs = new MemoryFs()
    let all = await opened(fs)
    await all.log.putMany([{ at: 1n, what: 'a' }, { at: 2n }, { at: 3n, what: 'c' }])
    const read = await all.log.getWithVersion(1n)
    const version = read?.version as SeqNo
    expect(read).toEqual({ row: { at: 1n, what: 'a' }, version: 1 })
    all = await move(all, fs)
    expect(await all.log.getWithVersion(1n)).toEqual(read)
    expect(await all.log.getWithVersion(1n, { select: ['what'] })).toEqual({ row: { what: 'a' }, version })
    expect(await all.log.getWithVersion(3n)).toEqual({ row: { at: 3n, what: 'c' }, version: 3 })
    expect(await all.log.getWithVersion(4n)).toBeUndefined()

    expect(await failure(all.log.put({ at: 1n, what: 'no' }, { ifVersion: version + 1 }))).toMatchObject({
      version,
    })
    const next = await all.log.put({ at: 1n, what: 'b' }, { ifVersion: version })
    expect(await all.log.getWithVersion(1n)).toEqual({ row: { at: 1n, what: 'b' }, version: next })
    all = await move(all, fs)
    expect(await failure(all.log.put({ at: 1n, what: 'no' }, { ifVersion: version }))).toMatchObject({
      version: next,
    })
    expect(await failure(all.log.delete(1n, { ifVersion: version }))).toMatchObject({
      key: 1n,
      version: next,
    })
    await all.log.delete(1n, { ifVersion: next })
    all = await move(all, fs)
    expect(await failure(all.log.delete(1n, { ifVersion: next }))).toMatchObject({ version: undefined })
    expect(await failure(all.log.put({ at: 1n }, { ifVersion: next }))).toMatchObject({ version: undefined })
    expect(await all.log.count()).toBe(2)
    await all.db.close()
  })

  test('a snapshot keeps the version of its moment', async () => {
    const fs = new MemoryFs()
    let all = await opened(fs)
    await all.log.put({ at: 1n, what: 'a' })
    all = await move(all, fs)
    using snapshot = all.db.snapshot()
    const before = await all.log.getWithVersion(1n)
    await all.log.put({ at: 1n, what: 'b' })
    expect(await all.log.getWithVersion(1n, { snapshot })).toEqual(before)
    expect((await all.log.getWithVersion(1n))?.version).toBeGreaterThan(before?.version as SeqNo)
    snapshot.close()
    await all.db.close()
  })
})

describe('a conditional write', () => {
  test('is decided at its place among writes that were asked for at the same time', async () => {
    const { db, log } = await opened()
    const outcomes = await Promise.allSettled([
      log.put({ at: 1n, what: 'plain' }),
      log.put({ at: 1n, what: 'too late' }, { ifAbsent: true }),
      log.put({ at: 2n, what: 'first' }, { ifAbsent: true }),
      log.put({ at: 2n, what: 'second' }, { ifAbsent: true }),
      log.delete(2n),
      log.put({ at: 2n, what: 'third' }, { ifAbsent: true }),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ])
    expect(await log.scan().toArray()).toEqual([
      { at: 1n, what: 'plain' },
      { at: 2n, what: 'third' },
    ])
    await db.close()
  })

  test('of many with one version, one is written', async () => {
    const { db, log } = await opened()
    await log.put({ at: 1n, what: 'start' })
    await log.compact()
    const version = (await log.getWithVersion(1n))?.version as SeqNo
    const done = Array.from({ length: 50 }, (_, n) =>
      log.put({ at: 1n, what: `${n}` }, { ifVersion: version }),
    )
    const outcomes = await Promise.allSettled(done)
    const written = outcomes.flatMap((outcome, n) => (outcome.status === 'fulfilled' ? [n] : []))
    expect(written).toHaveLength(1)
    expect(await log.get(1n)).toEqual({ at: 1n, what: `${written[0]}` })
    await db.close()
  })

  test('counts up without losing one, whatever is flushed and forgotten meanwhile', async () => {
    for (const conflictHistoryBytesMax of [0, 1 << 20]) {
      const { db, log } = await opened(new MemoryFs(), { memtableBytesMax: 1024, conflictHistoryBytesMax })
      await log.put({ at: 0n, what: '0' })
      const count = async (): Promise<void> => {
        for (let left = 10; left > 0;) {
          const read = await log.getWithVersion(0n)
          const what = String(Number(read?.row.what) + 1)
          const put = log.put({ at: 0n, what }, { ifVersion: read?.version as SeqNo })
          left -= await put.then(
            () => 1,
            () => 0,
          )
        }
      }
      const fill = async (): Promise<void> => {
        for (let at = 1n; at < 200n; at++) await log.put({ at, what: 'x'.repeat(100) })
      }
      await Promise.all([count(), count(), count(), count(), fill()])
      expect(await log.get(0n)).toEqual({ at: 0n, what: '40' })
      await log.compact()
      expect(db.stats().conflictHistory).toEqual({ holders: 0, bytes: 0 })
      expect(db.stats().pinnedVersions).toBe(0)
      await db.close()
    }
  })

  test('buffered gives a handle', async () => {
    const { db, log } = await opened()
    const handle = log.put({ at: 1n }, { ifAbsent: true, durability: 'buffered' })
    const version = await handle
    await handle.durable
    expect(await log.getWithVersion(1n)).toMatchObject({ version })
    await log.delete(1n, { ifVersion: version, durability: 'buffered' })
    expect(await log.count()).toBe(0)
    await db.close()
  })

  test('takes the row as it was in the call', async () => {
    const { db, log } = await opened()
    await log.put({ at: 5n, what: 'old' })
    await log.compact()
    const row = { at: 1n, what: 'mine' }
    const done = log.put(row, { ifAbsent: true })
    row.what = 'changed'
    await done
    expect(await log.get(1n)).toEqual({ at: 1n, what: 'mine' })
    await db.close()
  })

  test('that makes no sense is a TypeError, and nothing is written', async () => {
    const { db, log } = await opened()
    const wrong: PromiseLike<unknown>[] = [
      log.put({ at: 1n }, { ifAbsent: 'yes' as never }),
      log.put({ at: 1n }, { ifAbsent: true, ifVersion: 3 }),
      log.put({ at: 1n }, { ifVersion: 0 }),
      log.put({ at: 1n }, { ifVersion: undefined } as never),
      log.delete(1n, { ifVersion: undefined } as never),
      log.put({ at: 1n }, { ifVersion: 1n as never }),
      log.put({ at: 1n }, { ifAbsent: true, durability: 'later' as never }),
      log.delete(1n, { ifAbsent: true } as never),
      log.putMany([{ at: 1n }], { ifAbsent: true } as never),
      log.deleteMany([1n], { ifVersion: 1 } as never),
      db.batch((batch) => void batch.put(log, { at: 1n }), { ifAbsent: true } as never),
    ]
    for (const done of wrong) expect(await failure(done)).toBeInstanceOf(TypeError)
    expect(await failure(log.put({ at: 'x' as never }, { ifAbsent: true }))).toMatchObject({
      code: 'INVALID',
    })
    await log.put({ at: 1n }, { ifAbsent: false })
    await log.put({ at: 1n }, { ifAbsent: undefined })
    expect(await log.count()).toBe(1)
    await db.dropTable('events', { confirm: 'events' })
    expect(await failure(log.put({ at: 1n }, { ifAbsent: true }))).toMatchObject({ code: 'INVALID' })
    await db.close()
    expect(await failure(log.put({ at: 1n }, { ifAbsent: true }))).toMatchObject({ code: 'CLOSED' })
  })
})

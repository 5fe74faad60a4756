import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MemoryFs } from '@meru/fs'
import { type Call, InterceptedFs, Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import type { Where } from '../src/index.ts'
import { openMemory, TINY, users, type User } from './fixture.ts'

type Truth = boolean | undefined

/** A `where` and what it means. */
function randomWhere(random: Random, depth = 0): { where: Where<User>; holds: (row: User) => Truth } {
  const of = (age: number | null, holds: (age: number) => boolean): Truth =>
    age === null ? undefined : holds(age)
  const n = random.below(60)
  switch (random.below(depth < 2 ? 8 : 6)) {
    case 0:
      return { where: { age: { gt: n } }, holds: ({ age }) => of(age, (value) => value > n) }
    case 1:
      return {
        where: { age: { lte: n, ne: 5 } },
        holds: ({ age }) => of(age, (value) => value <= n && value !== 5),
      }
    case 2:
      return { where: { age: null }, holds: ({ age }) => age === null }
    case 3:
      return { where: { tenant: 'b', id: { gte: n } }, holds: ({ tenant, id }) => tenant === 'b' && id >= n }
    case 4:
      return { where: { name: { prefix: `n${n % 10}` } }, holds: ({ name }) => name.startsWith(`n${n % 10}`) }
    case 5:
      return { where: { id: { in: [n, n + 1, 7] } }, holds: ({ id }) => [n, n + 1, 7].includes(id) }
    case 6: {
      const part = randomWhere(random, depth + 1)
      const holds = (row: User): Truth =>
        part.holds(row) === undefined ? undefined : part.holds(row) === false
      return { where: { not: part.where }, holds }
    }
    default: {
      const parts = [randomWhere(random, depth + 1), randomWhere(random, depth + 1)]
      const holds = (row: User): Truth => {
        const results = parts.map((part) => part.holds(row))
        return results.includes(true) || (results.includes(undefined) ? undefined : false)
      }
      return { where: { or: parts.map(({ where }) => where) }, holds }
    }
  }
}

describe('where', () => {
  test.each([1, 2, 3])(
    'gives the rows for which it is true, whatever form they have; seed %i',
    async (seed) => {
      const random = new Random(seed)
      const db = await openMemory(new MemoryFs(), { settings: { ...TINY, workers: 0 } })
      const table = await db.table(users)
      for (let round = 0; round < 6; round++) {
        const row = (): User => {
          const id = random.below(60)
          const tenant = random.pick(['a', 'b', 'c'])
          return { tenant, id, name: `n${id}`, age: random.oneIn(4) ? null : random.below(60), score: null }
        }
        await table.putMany(Array.from({ length: 80 }, row))
        await table.delete({ tenant: 'a', id: random.below(60) })
        if (round % 3 === 1) await table.flush()
        if (round === 4) await table.compact()
        const all = await table.scan().toArray()
        for (let n = 0; n < 12; n++) {
          const { where, holds } = randomWhere(random)
          const expected = all.filter((one) => holds(one) === true)
          expect(await table.scan({ where }).toArray()).toEqual(expected)
          expect(await table.scan({ where, reverse: true, limit: 3 }).toArray()).toEqual(
            expected.toReversed().slice(0, 3),
          )
          const some = await table.scan({ where, gte: { tenant: 'b' }, select: ['id'] }).toArray()
          expect(some).toEqual(expected.filter(({ tenant }) => tenant >= 'b').map(({ id }) => ({ id })))
          expect(await table.count({ where })).toBe(expected.length)
          expect(await table.scan({ where }).first()).toEqual(expected[0])
        }
      }
      await db.close()
    },
  )

  test.each([false, true])('reads only pages that may have a match; reverse: %s', async (reverse) => {
    let bytes = 0
    const count = (call: Call): void => void (bytes += call.operation === 'read' ? (call.length ?? 0) : 0)
    const fs = new InterceptedFs(new MemoryFs(), {
      around: (call, run) => (count(call), run()),
      aroundSync: (call, run) => (count(call), run()),
    })
    const db = await openMemory(new MemoryFs(), {
      settings: { ...TINY, workers: 0, pageCacheBytes: 0, fileBytesTarget: 1 << 20 },
      components: { fs },
    })
    const table = await db.table(users)
    await table.putMany(
      Array.from({ length: 2000 }, (_, id) => ({ tenant: 'a', id, name: `n${id}`, age: id >> 2 })),
    )
    await table.compact()
    expect(table.stats().files).toBe(1)
    const read = async (where: Where<User>): Promise<[rows: number, bytes: number]> => {
      bytes = 0
      const rows = await table.scan({ where, reverse }).toArray()
      return [rows.length, bytes]
    }
    const statistics = (await read({ age: { lt: -1 } }))[1]
    const [all, allBytes] = await read({ age: { gte: 0 } })
    expect(all).toBe(2000)
    const [few, fewBytes] = await read({ age: { gte: 100, lt: 103 } })
    expect(few).toBe(12)
    expect(fewBytes - statistics).toBeLessThan((allBytes - statistics) / 20)
    expect((await read({ or: [{ age: 3 }, { age: 480 }] }))[0]).toBe(8)
    await db.close()
  })

  test('is for a transaction too, over its own writes', async () => {
    const db = await openMemory(new MemoryFs())
    const table = await db.table(users)
    await table.putMany([1, 2, 3].map((id) => ({ tenant: 'a', id, name: `n${id}`, age: id })))
    await db.transaction(async (tx) => {
      tx.put(table, { tenant: 'a', id: 2, name: 'two', age: 20 })
      const rows = await tx.scan(table, { where: { age: { gte: 3 } } }).toArray()
      expect(rows.map(({ id }) => id)).toEqual([2, 3])
    })
    await db.close()
  })

  test('refuses columns and operators that there are not', async () => {
    const db = await openMemory(new MemoryFs())
    const table = await db.table(users)
    expect(() => table.scan({ where: { nme: 'x' } } as never)).toThrow(TypeError)
    expect(() => table.scan({ where: { name: { like: 'x' } } } as never)).toThrow('no operator "like"')
    // @ts-expect-error: a text is no number
    expect(() => table.scan({ where: { id: '1' } })).toThrow(/"id"/)
    await db.close()
  })
})

describe('what a scan holds', () => {
  test('ten thousand iterators that nobody can reach any more leave nothing pinned', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const db = await openMemory(new MemoryFs(), { settings: { autoCompaction: false } })
    const table = await db.table(users)
    await table.putMany(Array.from({ length: 400 }, (_, id) => ({ tenant: 'a', id, name: 'x' })))
    await table.flush()
    const begin = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const rows = table.scan()[Symbol.asyncIterator]()
        expect((await rows.next()).value?.id).toBe(0)
        if (i % 100 === 0) await table.scan().batches().next()
      }
    }
    await begin(10_000)
    expect(db.stats().pinnedVersions).toBeGreaterThan(0)
    for (let i = 0; i < 200 && db.stats().pinnedVersions > 0; i++) {
      collect()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(db.stats().pinnedVersions).toBe(0)
    await db.close()
  })

  test('is let go at once by break, return and abort, and not held at all by a scan of one piece', async () => {
    const db = await openMemory(new MemoryFs(), { settings: { autoCompaction: false } })
    const table = await db.table(users)
    await table.putMany(Array.from({ length: 400 }, (_, id) => ({ tenant: 'a', id, name: 'x' })))
    const pinned = (): number => db.stats().pinnedVersions
    for await (const row of table.scan()) {
      expect([row.id, pinned()]).toEqual([0, 1])
      break
    }
    expect(pinned()).toBe(0)
    const few = table.scan({ limit: 5 })[Symbol.asyncIterator]()
    await few.next()
    expect(pinned()).toBe(0)
    await table.flush()
    const controller = new AbortController()
    const waiting = table.scan({ signal: controller.signal }).batches()
    const batch = waiting.next()
    expect(pinned()).toBe(1)
    controller.abort(new Error('enough'))
    await expect(batch).rejects.toThrow('enough')
    expect(pinned()).toBe(0)
    const left = table.scan().batches()
    const pending = left.next()
    await left.return?.()
    expect(pinned()).toBe(0)
    expect((await pending).done).toBe(true)
    await db.close()
  })
})

test('an SST that is missing is damage, as a missing log is', async () => {
  const fs = new MemoryFs()
  const db = await openMemory(fs)
  const table = await db.table(users)
  await table.put({ tenant: 'a', id: 1, name: 'x' })
  await table.flush()
  await db.close()
  const [file] = await fs.list('tables/users/data')
  await fs.remove(`tables/users/data/${file}`)
  await expect(openMemory(fs)).rejects.toMatchObject({ code: 'CORRUPT', file: `tables/users/data/${file}` })
})

test('options of point reads that there are not are refused', async () => {
  const db = await openMemory(new MemoryFs())
  const table = await db.table(users)
  const key = { tenant: 'a', id: 1 }
  const options = { columns: ['name'] } as never
  expect(() => table.getSync(key, options)).toThrow(TypeError)
  await expect(table.get(key, options)).rejects.toThrow('no option "columns"')
  await expect(table.getMany([key], options)).rejects.toThrow(TypeError)
  await expect(table.has(key, options)).rejects.toThrow(TypeError)
  await db.close()
})

import { MemoryFs } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import { events, openMemory, rowsOf, users } from './fixture.ts'

const ann = { tenant: 'a', id: 1, name: 'Ann', age: 30, score: 1.5 }
const bob = { tenant: 'a', id: 2, name: 'Bob', age: null, score: null }
const eve = { tenant: 'b', id: 1, name: 'Eve', age: 5, score: -0.5 }

describe('a table', () => {
  test('gives back what was put, before and after a flush, a compaction and a reopening', async () => {
    const fs = new MemoryFs()
    const db = await openMemory(fs)
    const table = await db.table(users)
    await table.putMany([eve, bob, ann])
    const check = async (from: typeof table): Promise<void> => {
      expect(await from.get({ tenant: 'a', id: 1 })).toEqual(ann)
      expect(from.getSync({ tenant: 'a', id: 2 })).toEqual(bob)
      expect(await from.get({ tenant: 'z', id: 1 })).toBeUndefined()
      expect(await from.has({ tenant: 'b', id: 1 })).toBe(true)
      expect(await rowsOf(from.scan())).toEqual([ann, bob, eve])
      expect(await from.scan({ prefix: { tenant: 'a' }, reverse: true }).toArray()).toEqual([bob, ann])
      expect(await from.scan({ gt: { tenant: 'a', id: 1 }, limit: 1, select: ['name'] }).toArray()).toEqual([
        { name: 'Bob' },
      ])
      expect(await from.count()).toBe(3)
      expect(
        await from.getMany([
          { tenant: 'b', id: 1 },
          { tenant: 'b', id: 2 },
        ]),
      ).toEqual([eve, undefined])
    }
    await check(table)
    await table.flush()
    await check(table)
    await table.compact()
    await check(table)
    await db.close()
    const again = await openMemory(fs)
    await check(await again.table(users))
    await again.close()
  })

  test('a delete hides older files, and an update is seen once', async () => {
    const db = await openMemory(new MemoryFs())
    const table = await db.table(users)
    await table.putMany([ann, bob, eve])
    await table.flush()
    await table.delete({ tenant: 'a', id: 1 })
    await table.put({ ...eve, name: 'Eva' })
    const expected = [bob, { ...eve, name: 'Eva' }]
    expect(await table.scan().toArray()).toEqual(expected)
    await table.flush()
    expect(await table.scan().toArray()).toEqual(expected)
    expect(table.stats()).toMatchObject({ files: 2, deadRows: 2, liveRows: 2 })
    await table.compact()
    expect(await table.scan().toArray()).toEqual(expected)
    expect(table.stats()).toMatchObject({ files: 1, deadRows: 0, liveRows: 2 })
    await db.close()
  })

  test('a batch over two tables is seen as one, and a snapshot keeps its moment', async () => {
    const db = await openMemory(new MemoryFs())
    const one = await db.table(users)
    const two = await db.table(events)
    await db.batch((batch) => batch.put(one, ann).put(two, { at: 1n, what: 'in' }))
    using before = db.snapshot()
    await db.batch((batch) => batch.delete(one, { tenant: 'a', id: 1 }).put(two, { at: 2n }))
    await db.compact()
    expect(await one.get({ tenant: 'a', id: 1 })).toBeUndefined()
    expect(await one.get({ tenant: 'a', id: 1 }, { snapshot: before })).toEqual(ann)
    expect(await two.count()).toBe(2)
    expect(await two.count({ snapshot: before })).toBe(1)
    expect(await two.scan({ snapshot: before }).toArray()).toEqual([{ at: 1n, what: 'in' }])
    await db.close()
  })
})

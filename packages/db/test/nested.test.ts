import { MemoryFs } from '@meru/fs'
import { TestEnvironment } from '@meru/testkit'
import { expect, expectTypeOf, test } from 'vitest'
import { type Database, open, t, table } from '../src/index.ts'

const orders = table(
  'orders',
  {
    id: t.int(),
    lines: t.list(t.struct({ sku: t.string(), n: t.long({ mode: 'number' }), at: t.timestamp().nullable() })),
    tags: t.map(t.string(), t.string().nullable(), { mode: 'object' }).default({ new: null }),
    home: t.struct({ city: t.string() }).nullable(),
  },
  { key: ['id'] },
)

function openOn(fs: MemoryFs): Promise<Database> {
  return open('db', { components: { fs, env: new TestEnvironment() }, settings: { workers: 0 } })
}

const rowOf = (id: number): (typeof orders)['$row'] => ({
  id,
  lines: Array.from({ length: id % 4 }, (_, i) => ({
    sku: `s${id}-${i}`,
    n: id * i,
    at: i === 1 ? null : new Date(id),
  })),
  tags: id % 3 === 0 ? {} : { [`k${id}`]: id % 2 === 0 ? null : 'v' },
  home: id % 5 === 0 ? null : { city: `c${id}` },
})

test('nested columns are written, read, merged and there after reopening', async () => {
  const fs = new MemoryFs()
  const rows = Array.from({ length: 200 }, (_, i) => rowOf(i))
  {
    await using db = await openOn(fs)
    const stored = await db.table(orders)
    await stored.putMany(rows.slice(0, 150))
    expect(await stored.get(7)).toEqual(rows[7])
    await db.flush()
    await stored.putMany(rows.slice(100))
    await stored.delete(3)
    await stored.put({ id: 200, lines: [], home: { city: 'x' } })
    expect(await stored.get(200)).toEqual({ id: 200, lines: [], tags: { new: null }, home: { city: 'x' } })
    await stored.delete(200)
    expect(await stored.get(7)).toEqual(rows[7])
  }
  await using db = await openOn(fs)
  const stored = await db.table(orders)
  const left = rows.filter(({ id }) => id !== 3)
  for (const step of ['after reopening', 'flushed', 'compacted']) {
    if (step === 'flushed') await db.flush()
    if (step === 'compacted') await stored.compact()
    const read = {
      step,
      all: await stored.scan().toArray(),
      tags: await stored.scan({ select: ['tags'], gte: 190 }).toArray(),
      homeless: await stored.count({ where: { home: null } }),
      one: await stored.get(18),
      another: stored.getSync(19),
    }
    expect(read).toEqual({
      step,
      all: left,
      tags: left.slice(189).map(({ tags }) => ({ tags })),
      homeless: 40,
      one: rows[18],
      another: rows[19],
    })
  }
  const batches = stored.scan({ select: ['home'], lt: 50 }).batches()
  const homes: unknown[] = []
  for await (const batch of batches) homes.push(...batch.values('home'))
  expect(homes).toEqual(left.slice(0, 49).map(({ home }) => home))
  expect(() => stored.scan({ where: { home: { city: 'c1' } as never } })).toThrow(
    'where does not compare nested columns, and "home" is a struct',
  )
  await expect(stored.put({ ...rowOf(1), lines: [{ sku: 'a', n: 1.5 }] })).rejects.toThrow(
    'table "orders", column "lines.element.n": 1.5 is not a safe integer',
  )
})

test('fields change while the table is open; snapshots keep theirs, with modes by field id', async () => {
  const fs = new MemoryFs()
  await using db = await openOn(fs)
  const before = await db.table(orders)
  await before.putMany([rowOf(1), rowOf(2)])
  await db.flush()
  await before.put(rowOf(3))
  using snapshot = db.snapshot()
  const after = await before.alter((a) =>
    a
      .within('lines', (s) =>
        s.rename({ sku: 'code', n: 'count' }).drop('at').add('note', t.string().nullable()),
      )
      .within('home', (s) => s.makeNullable('city')),
  )
  expectTypeOf(after.get(1)).resolves.exclude<undefined>().toEqualTypeOf<{
    id: number
    lines: { code: string; count: number; note: string | null }[]
    tags: Record<string, string | null>
    home: { city: string | null } | null
  }>()
  await after.put({
    id: 9,
    lines: [
      { code: 'x', count: 1, note: 'n' },
      { code: 'y', count: 2 },
    ],
    home: {},
  })
  const later = [1, 2, 3].map((id) => ({
    ...rowOf(id),
    lines: rowOf(id).lines.map(({ sku, n }) => ({ code: sku, count: n, note: null })),
  }))
  const last = {
    id: 9,
    lines: [
      { code: 'x', count: 1, note: 'n' },
      { code: 'y', count: 2, note: null },
    ],
    tags: { new: null },
    home: { city: null },
  }
  expect(await after.scan().toArray()).toEqual([...later, last])
  expect(await before.scan({ snapshot }).toArray()).toEqual([1, 2, 3].map(rowOf))
  expect(await after.at(snapshot).scan({ snapshot }).toArray()).toEqual([1, 2, 3].map(rowOf))
  await db.flush()
  await after.compact()
  expect(await after.scan().toArray()).toEqual([...later, last])
})

test('a declaration that differs within a column says how to resolve it; nested columns are added on request', async () => {
  const fs = new MemoryFs()
  await using db = await openOn(fs)
  const stored = await db.table(orders)
  await stored.put(rowOf(1))
  const columns = {
    id: t.int(),
    lines: t.list(
      t.struct({
        sku: t.string(),
        n: t.long({ mode: 'number' }),
        at: t.timestamp().nullable(),
        more: t.int().nullable(),
      }),
    ),
    tags: t.map(t.string(), t.string().nullable(), { mode: 'object' }).default({ new: null }),
    home: t.struct({ city: t.string() }).nullable(),
  }
  await expect(db.table(table('orders', columns, { key: ['id'] }))).rejects.toThrow(
    '.within("lines", (s) => s.add("more", t.int().nullable()))',
  )
  const grown = table(
    'orders',
    {
      ...columns,
      lines: t.list(
        t.struct({ sku: t.string(), n: t.long({ mode: 'number' }), at: t.timestamp().nullable() }),
      ),
      flags: t.list(t.boolean()).nullable(),
    },
    { key: ['id'] },
  )
  const added = await db.table(grown, { evolve: 'add' })
  expect(await added.get(1)).toEqual({ ...rowOf(1), flags: null })
})

import { MemoryFs } from '@meru/fs'
import { describe, expect, test } from 'vitest'
import { type Database, type MeruError, t, type Table, table } from '../src/index.ts'
import { openMemory } from './fixture.ts'

const people = table(
  'people',
  {
    id: t.int(),
    name: t.string(),
    nick: t.string().nullable(),
    age: t.int().nullable(),
    score: t.float(),
    born: t.date(),
    paid: t.decimal(9, 2),
  },
  { key: ['id'] },
)
type People = Table<(typeof people)['$row'], (typeof people)['$insert'], (typeof people)['$key']>
type Person = (typeof people)['$row']
type Rows = Record<string, unknown>

function person(id: number): Person {
  return {
    id,
    name: `name ${id}`,
    nick: id % 3 === 0 ? null : `n${id}`,
    age: id % 4 === 0 ? null : id * 1000,
    score: id / 2,
    born: `19${String(10 + (id % 80))}-02-28`,
    paid: `${id}.25`,
  }
}

const ROWS = 90

/** Rows in files of a deeper level and of level 0, and in memory. */
async function begin(fs: MemoryFs): Promise<{ db: Database; before: People }> {
  const db = await openMemory(fs, { settings: { memtableBytesMax: 64 * 1024, autoCompaction: false } })
  const before = await db.table(people)
  await before.putMany(Array.from({ length: 30 }, (_, i) => person(i)))
  await before.compact()
  await before.putMany(Array.from({ length: 30 }, (_, i) => person(30 + i)))
  await before.flush()
  await before.putMany(Array.from({ length: 30 }, (_, i) => person(60 + i)))
  return { db, before }
}

async function check(from: Table<never, never, never>, expected: readonly Rows[], key = 'id'): Promise<void> {
  const table = from as unknown as Table<Rows, Rows>
  const keys = expected.map((row) => row[key] as never)
  expect(await table.scan().toArray()).toEqual(expected)
  expect(await table.scan({ reverse: true }).toArray()).toEqual(expected.toReversed())
  expect(await table.getMany(keys)).toEqual(expected)
  for (const row of expected) {
    expect(await table.get(row[key] as never)).toEqual(row)
    expect(table.getSync(row[key] as never)).toEqual(row)
  }
  for (const name of Object.keys(expected[0])) {
    const selected = expected.map((row) => ({ [name]: row[name] }))
    expect(await table.scan({ select: [name] }).toArray()).toEqual(selected)
    expect(await table.scan({ gte: keys[5], limit: 70, select: [name] }).toArray()).toEqual(
      selected.slice(5, 75),
    )
    expect(await table.get(keys[3], { select: [name] })).toEqual(selected[3])
    expect(await table.get(keys[40], { select: [name] })).toEqual(selected[40])
  }
  expect(await table.count()).toBe(expected.length)
  expect(await table.count({ gte: keys[10], lt: keys[50] })).toBe(40)
}

interface Kind {
  readonly name: string
  readonly change: (before: People) => Promise<Table<never, never, never>>
  readonly project: (row: Rows) => Rows
  /** A row under the new schema, and how it is read. */
  readonly added: readonly [written: Rows, read: Rows]
  readonly key?: string
}

function without<R, N extends keyof R>(row: R, name: N): Omit<R, N> {
  const { [name]: _gone, ...rest } = row
  return rest
}

const whole = { ...person(500) }
function kind<R, I, K>(
  name: string,
  change: (before: People) => Promise<Table<R, I, K>>,
  rest: Pick<Kind, 'project' | 'added' | 'key'>,
): Kind {
  return { name, change: change as never, ...rest }
}

const KINDS: readonly Kind[] = [
  kind('a nullable column', (p) => p.alter((a) => a.add('note', t.string().nullable())), {
    project: (row) => ({ ...row, note: null }),
    added: [whole, { ...whole, note: null }],
  }),
  kind('a required column with a default', (p) => p.alter((a) => a.add('level', t.int().default(3))), {
    project: (row) => ({ ...row, level: 3 }),
    added: [whole, { ...whole, level: 3 }],
  }),
  kind(
    'a nullable column with a default',
    (p) => p.alter((a) => a.add('tag', t.string().nullable().default('x'))),
    {
      project: (row) => ({ ...row, tag: 'x' }),
      added: [
        { ...whole, tag: null },
        { ...whole, tag: null },
      ],
    },
  ),
  kind(
    'another default from now on',
    (p) => p.alter((a) => a.add('level', t.int().default(3)).setDefault('level', 4)),
    {
      project: (row) => ({ ...row, level: 3 }),
      added: [whole, { ...whole, level: 4 }],
    },
  ),
  kind('a dropped column', (p) => p.alter((a) => a.drop('nick')), {
    project: (row) => without(row, 'nick'),
    added: [whole, without(whole, 'nick')],
  }),
  kind(
    'a column dropped and added',
    (p) => p.alter((a) => a.drop('nick').add('nick', t.string().nullable())),
    {
      project: (row) => ({ ...row, nick: null }),
      added: [whole, whole],
    },
  ),
  kind('two names swapped', (p) => p.alter((a) => a.rename({ name: 'nick', nick: 'name' })), {
    project: (row) => ({ ...row, name: row['nick'], nick: row['name'] }),
    added: [whole, whole],
  }),
  kind('the key renamed', (p) => p.alter((a) => a.rename({ id: 'key' })), {
    project: ({ id, ...row }) => ({ key: id, ...row }),
    added: [{ ...whole, id: undefined, key: 500 }, (({ id, ...row }) => ({ key: id, ...row }))(whole)],
    key: 'key',
  }),
  kind('another order', (p) => p.alter((a) => a.move('paid', 'first').move('id', { after: 'name' })), {
    project: (row) => row,
    added: [whole, whole],
  }),
  kind(
    'wider types',
    (p) =>
      p.alter((a) =>
        a
          .widen('age', t.long())
          .widen('score', t.double())
          .widen('paid', t.decimal(30, 2))
          .widen('born', t.timestampNs()),
      ),
    {
      project: (row) => ({
        ...row,
        age: row['age'] === null ? null : BigInt(row['age'] as number),
        born: BigInt(Date.parse(row['born'] as string)) * 1_000_000n,
      }),
      added: [
        { ...whole, age: 2n ** 40n, score: 0.1, paid: '123456789012.50', born: 1n },
        { ...whole, age: 2n ** 40n, score: 0.1, paid: '123456789012.50', born: 1n },
      ],
    },
  ),
  kind('a column that may be null', (p) => p.alter((a) => a.makeNullable('name')), {
    project: (row) => row,
    added: [
      { ...whole, name: null },
      { ...whole, name: null },
    ],
  }),
]

describe('rows written before a change are read right after it', () => {
  test.each(KINDS)('$name', async ({ change, project, added, key }) => {
    const fs = new MemoryFs()
    const { db, before } = await begin(fs)
    const rows = Array.from({ length: ROWS }, (_, id) => person(id) as unknown as Rows)
    using snapshot = db.snapshot()
    const after = await change(before)
    const expected = rows.map(project)
    await check(after, expected, key)
    expect(await before.scan({ snapshot }).toArray()).toEqual(rows)
    const [written, read] = added
    const names = Object.keys(read)
    const row = Object.fromEntries(Object.entries(written).filter(([name]) => names.includes(name)))
    await (after as unknown as Table<Rows, Rows>).put(row)
    expected.push(read)
    await check(after, expected, key)
    const crashed = await openMemory(
      fs.crashImage('drop', () => 0),
      { takeover: true },
    )
    await check((await crashed.storedTable('people')) as never, expected, key)
    await crashed.close()
    await after.flush()
    await check(after, expected, key)
    expect(await before.get(7, { snapshot })).toEqual(person(7))
    await after.compact()
    await check(after, expected, key)
    expect(await before.scan({ snapshot }).toArray()).toEqual(rows)
    await db.close()
    const again = await openMemory(fs)
    await check((await again.storedTable('people')) as never, expected, key)
    await again.close()
  })
})

describe('a change', () => {
  test('after which whole stretches of an older file are dead', async () => {
    const settings = { memtableBytesMax: 1 << 20, fileBytesTarget: 1 << 20, autoCompaction: false }
    const db = await openMemory(new MemoryFs(), { settings })
    const before = await db.table(people)
    await before.putMany(Array.from({ length: 1000 }, (_, id) => person(id)))
    await before.compact()
    const after = await before.alter((a) =>
      a.widen('score', t.double()).widen('age', t.long()).add('level', t.int().default(2)),
    )
    await after.deleteMany(Array.from({ length: 800 }, (_, id) => id + 100))
    await after.flush()
    const expected = Array.from({ length: 1000 }, (_, id) => person(id))
      .filter(({ id }) => id < 100 || id >= 900)
      .map((row) => ({ ...row, age: row.age === null ? null : BigInt(row.age), level: 2 }))
    for (const reverse of [false, true]) {
      const rows: unknown[] = []
      for await (const batch of after.scan({ reverse }).batches()) rows.push(...batch.rows())
      expect(rows).toEqual(reverse ? expected.toReversed() : expected)
    }
    await after.compact()
    expect(await after.scan().toArray()).toEqual(expected)
    await db.close()
  })

  test('that came before a column was dropped brings nothing of it back', async () => {
    const { db, before } = await begin(new MemoryFs())
    const dropped = await before.alter((a) => a.drop('nick'))
    await dropped.put(without(person(90), 'nick'))
    const back = await dropped.alter((a) => a.add('nick', t.string().nullable()))
    await back.put({ ...person(91), nick: 'new' })
    const nicks = await back.scan({ select: ['nick'] }).toArray()
    expect(nicks.slice(0, 91).every((row) => row.nick === null)).toBe(true)
    expect(nicks[91]).toEqual({ nick: 'new' })
    await db.close()
  })

  test('leaves handles of before with snapshots of before, and nothing else', async () => {
    const { db, before } = await begin(new MemoryFs())
    const snapshot = db.snapshot()
    const after = await before.alter((a) => a.add('note', t.string().nullable()))
    const stale = {
      code: 'INVALID',
      message: expect.stringContaining('this handle is of schema 0: use the handle'),
    }
    await expect(before.get(1)).rejects.toMatchObject(stale)
    expect(() => before.getSync(1)).toThrow('use the handle that alter() returned')
    await expect(before.scan().toArray()).rejects.toMatchObject(stale)
    await expect(before.count()).rejects.toMatchObject(stale)
    await expect(before.has(1)).rejects.toMatchObject(stale)
    await expect(before.put(person(1))).rejects.toMatchObject(stale)
    await expect(before.putMany([person(1)])).rejects.toMatchObject(stale)
    await expect(before.delete(1)).rejects.toMatchObject(stale)
    await expect(db.batch((batch) => batch.put(before, person(1)))).rejects.toMatchObject(stale)
    await expect(before.alter((a) => a.drop('nick'))).rejects.toMatchObject(stale)
    expect(await before.get(1, { snapshot })).toEqual(person(1))
    await expect(after.get(1, { snapshot })).rejects.toThrow(
      'read it with a handle of that schema, or by table.at',
    )
    expect(await after.at(snapshot).get(1, { snapshot })).toEqual(person(1))
    expect(await after.get(1)).toEqual({ ...person(1), note: null })
    snapshot.close()
    await db.close()
  })

  test('that changes nothing is none', async () => {
    const { db, before } = await begin(new MemoryFs())
    expect(await before.alter((a) => a.rename({}))).toBe(before)
    expect(before.schema.schemaId).toBe(0)
    await expect(before.alter((() => undefined) as () => never)).rejects.toThrow('returns what it was given')
    await expect(before.alter((a) => a.drop('id'))).rejects.toThrow('part of the key')
    expect(await before.get(1)).toEqual(person(1))
    await db.close()
  })

  test('takes its place among writes: those before are under the schema before, held ones are refused', async () => {
    const { db, before } = await begin(new MemoryFs())
    const first = before.put(person(100))
    const changing = before.alter((a) => a.rename({ name: 'label' }))
    const late = before.put(person(101))
    await first
    const after = await changing
    await expect(late).rejects.toMatchObject({ code: 'INVALID' } satisfies Partial<MeruError>)
    const rows = await after.scan({ gte: 100, select: ['id', 'label'] }).toArray()
    expect(rows).toEqual([{ id: 100, label: 'name 100' }])
    await db.close()
  })

  test('refuses a transaction that began before it, and a conditional write of a handle of before', async () => {
    const { db, before } = await begin(new MemoryFs())
    const stale = {
      code: 'INVALID',
      message: expect.stringContaining('this handle is of schema 0') as string,
    }
    const moving = db.transaction(async (tx) => {
      expect(await tx.get(before, 1)).toEqual(person(1))
      tx.put(before, person(1))
      await before.alter((a) => a.drop('nick'))
      expect(await tx.get(before, 2)).toEqual(person(2))
    })
    await expect(moving).rejects.toMatchObject(stale)
    await expect(before.put(person(300), { ifAbsent: true })).rejects.toMatchObject(stale)
    await db.close()
  })

  test('of two at once, only the first is made', async () => {
    const { db, before } = await begin(new MemoryFs())
    const changes = await Promise.allSettled([
      before.alter((a) => a.drop('nick')),
      before.alter((a) => a.drop('name')),
    ])
    expect(changes.map((change) => change.status)).toEqual(['fulfilled', 'rejected'])
    await db.close()
  })

  test('of a merge under way lets it end under the schema before', async () => {
    const { db, before } = await begin(new MemoryFs())
    const merging = before.compact()
    const after = await before.alter((a) => a.add('level', t.int().default(9)))
    await merging
    expect((await after.scan().toArray()).every((row) => row.level === 9)).toBe(true)
    await after.compact()
    expect(await after.count()).toBe(ROWS)
    await db.close()
  })

  test('to a timestamp is refused while a date is beyond it, and made when it is gone', async () => {
    const { db, before } = await begin(new MemoryFs())
    await before.put({ ...person(7), born: '2262-04-12' })
    const widen = (): Promise<unknown> => before.alter((a) => a.widen('born', t.timestampNs()))
    await expect(widen()).rejects.toThrow('change those rows, call compact(), and try again')
    await before.put(person(7))
    await before.compact()
    await widen()
    await db.close()
  })
})

describe('opening with a declaration', () => {
  const wider = table(
    'people',
    {
      id: t.int(),
      note: t.string().nullable(),
      name: t.string(),
      nick: t.string().nullable(),
      age: t.int().nullable(),
      score: t.float(),
      born: t.date(),
      paid: t.decimal(9, 2),
      level: t.int().default(1),
    },
    { key: ['id'] },
  )

  test('that has more columns is refused with the change that resolves it, and applied on request', async () => {
    const fs = new MemoryFs()
    const { db } = await begin(fs)
    await expect(db.table(wider)).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining(
        'table.alter((a) => a.add("note", t.string().nullable()).add("level", t.int().default(1))' +
          '.move("note", { after: "id" }))\nor open it with { evolve: \'add\' }',
      ),
    })
    const after = await db.table(wider, { evolve: 'add' })
    expect(await after.get(3)).toEqual({ ...person(3), note: null, level: 1 })
    expect(Object.keys((await after.get(3)) as object)[1]).toBe('note')
    expect(after.schema.schemaId).toBe(1)
    await db.close()
    const again = await openMemory(fs)
    expect((await again.table(wider, { evolve: 'add' })).schema.schemaId).toBe(1)
    expect(await (await again.table(wider)).get(70)).toEqual({ ...person(70), note: null, level: 1 })
    await again.close()
  })

  test('that differs otherwise is refused, also on request', async () => {
    const { db } = await begin(new MemoryFs())
    const other = table('people', { id: t.int(), name: t.string() }, { key: ['id'] })
    await expect(db.table(other, { evolve: 'add' })).rejects.toThrow('a.drop("nick").drop("age")')
    await expect(db.table(people, { evolve: 'all' as never })).rejects.toThrow('"add" expected')
    await expect(db.table(people, { grow: true } as never)).rejects.toThrow('has no option "grow"')
    await db.close()
  })
})

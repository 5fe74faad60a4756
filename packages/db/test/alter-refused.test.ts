import { MemoryFs } from '@meru/fs'
import { expect, test } from 'vitest'
import { type Database, t, type Table, table } from '../src/index.ts'
import { openMemory } from './fixture.ts'

const columns = {
  tenant: t.string(),
  id: t.int(),
  count: t.long(),
  price: t.decimal(9, 2),
  born: t.date(),
  note: t.string().nullable(),
  place: t.struct({ shelf: t.int() }).nullable(),
}
const key = ['tenant', 'id'] as const
const items = table('items', columns, { key })
type Items = Table<(typeof items)['$row'], (typeof items)['$insert'], (typeof items)['$key']>
interface At {
  readonly db: Database
  readonly items: Items
}

/** Each kind of change that is refused: how it is tried, why it is refused, and the way out. */
const REFUSED: readonly (readonly [string, (at: At) => unknown, reason: string, wayOut: string])[] = [
  [
    'a key column is dropped',
    (at) => at.items.alter((a) => a.drop('id')),
    'column "id" is part of the key, by which the rows are told apart',
    'make another table',
  ],
  [
    'a key column is widened',
    (at) => at.items.alter((a) => a.widen('id', t.long())),
    'column "id" is part of the key, whose bytes order the files',
    'make another table',
  ],
  [
    'a key column may be null',
    (at) => at.items.alter((a) => a.makeNullable('id')),
    'column "id" is part of the key, which has no nulls',
    'make another table',
  ],
  [
    'the key is another one',
    (at) => at.db.table(table('items', columns, { key: ['id', 'tenant'] })),
    'the key',
    'another table',
  ],
  [
    'a column is narrowed',
    (at) => at.items.alter((a) => a.widen('count', t.int())),
    'cannot go from long to int',
    'add a column of the other type',
  ],
  [
    'a decimal has fewer digits',
    (at) => at.items.alter((a) => a.widen('price', t.decimal(5, 2))),
    'cannot go from decimal(9, 2) to decimal(5, 2)',
    'widens to a decimal of more digits',
  ],
  [
    'a declaration narrows',
    (at) => at.db.table(table('items', { ...columns, count: t.int() }, { key })),
    '"count" cannot go from long to int',
    'add another column and copy into it',
  ],
  [
    'a nullable column becomes required',
    (at) => at.db.table(table('items', { ...columns, note: t.string() }, { key })),
    '"note" may hold null and cannot become required',
    'declare it nullable',
  ],
  [
    'a required column comes without a default',
    (at) => at.items.alter((a) => a.add('size', t.int())),
    'column "size" is required',
    'give it a default, or make it nullable',
  ],
  [
    'a nested column comes with a default',
    (at) => at.items.alter((a) => a.add('tags', t.list(t.string()).default([]))),
    'column "tags"',
    'add it nullable without one, and call setDefault',
  ],
  [
    'a field comes with a default',
    (at) =>
      at.items.alter((a) =>
        a.within('place', (s) => (s as never as AnyStruct).add('row', t.int().default(1))),
      ),
    'field "row" has a default',
    'make the field nullable',
  ],
  [
    'a field comes required',
    (at) => at.items.alter((a) => a.within('place', (s) => (s as never as AnyStruct).add('row', t.int()))),
    'field "row" of "place" is required, but values that are there lack it',
    'nullable',
  ],
  [
    'a date that is there is no timestamp',
    async (at) => {
      await at.items.put({ tenant: 'a', id: 2, count: 1n, price: '0.10', born: '2262-04-12' })
      await at.items.alter((a) => a.widen('born', t.timestampNs()))
    },
    'column "born": file',
    'change those rows, call compact(), and try again',
  ],
  [
    'the handle is of the schema before',
    async (at) => {
      await at.items.alter((a) => a.drop('note'))
      await at.items.alter((a) => a.drop('count'))
    },
    'table "items" has schema 1; this handle is of schema 0',
    'use the handle that alter() returned',
  ],
  [
    'an export of version 2 would need a default of rows that are there',
    async (at) => {
      const after = await at.items.alter((a) => a.add('size', t.int().default(7)))
      await after.exportIceberg({ formatVersion: 2 })
    },
    'table items, column size: Iceberg version 2 has no default for rows written before',
    'or with { rewrite: true }',
  ],
]

interface AnyStruct {
  add(name: string, column: unknown): never
}

test.each(REFUSED)('refused: %s', async (_, attempt, reason, wayOut) => {
  const db = await openMemory(new MemoryFs())
  const at = { db, items: await db.table(items) }
  await at.items.put({ tenant: 'a', id: 1, count: 1n, price: '0.10', born: '2024-01-01' })
  await at.items.flush()
  const before = await at.items.scan().toArray()
  const error: unknown = await (async () => attempt(at))().catch((failure: unknown) => failure)
  expect(error).toBeInstanceOf(Error)
  expect((error as Error).message).toContain(reason)
  expect((error as Error).message).toContain(wayOut)
  // What was there before is read as before, by a handle of the schema that there is.
  const [stored] = (await (await db.storedTable('items'))?.scan({ limit: 1 }).toArray()) ?? []
  expect(before[0]).toMatchObject({ id: stored['id'], count: stored['count'], price: stored['price'] })
  await db.close()
})

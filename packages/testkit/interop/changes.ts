import { t, table, type TableDefinition } from '@meru/core'
import type { AnyAlteration } from '../src/index.ts'

/** A table whose columns can be changed in every way. */
export const PEOPLE: TableDefinition = table(
  'people',
  {
    id: t.int(),
    name: t.string(),
    nick: t.string().nullable(),
    age: t.int(),
    score: t.float(),
    paid: t.decimal(9, 2),
    born: t.date(),
    homes: t.list(t.struct({ street: t.string().nullable(), number: t.int() })),
  },
  { key: ['id'] },
)

export function person(id: number): Record<string, unknown> {
  return {
    id,
    name: `name ${id}`,
    nick: id % 3 ? `n${id}` : null,
    age: id * 10,
    score: id / 4,
    paid: `${id}.50`,
    born: `20${String(id % 90).padStart(2, '0')}-02-28`,
    homes: Array.from({ length: id % 3 }, (_, i) => ({
      street: i === 0 ? `street ${id}` : null,
      number: id + i,
    })),
  }
}

/** A change of `PEOPLE`. */
export interface NamedChange {
  readonly name: string
  readonly apply: (people: AnyAlteration) => unknown
  /** Version 2 can only tell of it where rows of older files are written anew. */
  readonly needsRewrite?: true
  /** Not every reader follows a date that becomes a moment, which is a change of version 3 alone. */
  readonly widensDate?: true
}

/** Every kind of change. */
export const CHANGES: readonly NamedChange[] = [
  { name: 'a nullable column', apply: (a) => a.add('note', t.string().nullable()) },
  { name: 'a dropped column', apply: (a) => a.drop('nick') },
  {
    name: 'a column dropped and added',
    apply: (a) => a.drop('nick').add('nick', t.string().nullable()),
  },
  { name: 'a renamed column', apply: (a) => a.rename({ age: 'years' }) },
  { name: 'two names swapped', apply: (a) => a.rename({ name: 'nick', nick: 'name' }) },
  { name: 'another order', apply: (a) => a.move('paid', 'first').move('id', 'last') },
  {
    name: 'wider types',
    apply: (a) => a.widen('age', t.long()).widen('score', t.double()).widen('paid', t.decimal(18, 2)),
  },
  { name: 'a column that may be null', apply: (a) => a.makeNullable('name') },
  {
    name: 'a field of structs added',
    apply: (a) => a.within('homes', (s) => s.add('town', t.string().nullable())),
  },
  { name: 'a field of structs dropped', apply: (a) => a.within('homes', (s) => s.drop('street')) },
  {
    name: 'fields of structs renamed, widened and moved',
    apply: (a) =>
      a.within('homes', (s) =>
        s.rename({ street: 'road' }).widen('number', t.long()).move('number', 'first'),
      ),
  },
  {
    name: 'a required column with a default',
    apply: (a) => a.add('level', t.int().default(7)),
    needsRewrite: true,
  },
  {
    name: 'a date that becomes a timestamp',
    apply: (a) => a.widen('born', t.timestamp()),
    needsRewrite: true,
    widensDate: true,
  },
  {
    name: 'a nullable column with a default',
    apply: (a) => a.add('tag', t.string().nullable().default('x')),
    needsRewrite: true,
  },
]

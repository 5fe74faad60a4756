import { describe, expectTypeOf, test } from 'vitest'
import {
  type Alteration,
  startsWith,
  t,
  table,
  type InferInsert,
  type InferKey,
  type InferRow,
  type KeyRange,
  type TableDefinition,
} from '../src/index.ts'

const users = table(
  'users',
  {
    id: t.long(),
    n: t.long({ mode: 'number' }),
    name: t.string(),
    age: t.int().nullable(),
    at: t.timestamptz(),
    exact: t.timestamp({ mode: 'bigint' }).nullable(),
    nanos: t.timestamptzNs(),
    price: t.decimal(18, 2),
    raw: t.binary(),
    ok: t.boolean(),
  },
  { key: ['id'] },
)
const visits = table(
  'visits',
  { city: t.string(), at: t.int(), raw: t.fixed(4), x: t.double() },
  {
    key: ['city', 'at', 'raw'],
  },
)

describe('types follow from a table', () => {
  test('rows have every column', () => {
    expectTypeOf<InferRow<typeof users>>().toEqualTypeOf<{
      id: bigint
      n: number
      name: string
      age: number | null
      at: Date
      exact: bigint | null
      nanos: bigint
      price: string
      raw: Uint8Array
      ok: boolean
    }>()
    expectTypeOf(users.name).toEqualTypeOf<'users'>()
  })

  test('inserts may leave out what may be null', () => {
    expectTypeOf<InferInsert<typeof users>>().toEqualTypeOf<{
      id: bigint
      n: number
      name: string
      at: Date
      nanos: bigint
      price: string
      raw: Uint8Array
      ok: boolean
      age?: number | null | undefined
      exact?: bigint | null | undefined
    }>()
    expectTypeOf<InferRow<typeof users>>().toExtend<InferInsert<typeof users>>()
    expectTypeOf<{ city: string; at: number; raw: Buffer; x: number }>().toExtend<
      InferInsert<typeof visits>
    >()
  })

  test('a key is a value, or an object for several columns', () => {
    expectTypeOf<InferKey<typeof users>>().toEqualTypeOf<bigint>()
    expectTypeOf<InferKey<typeof visits>>().toEqualTypeOf<{ city: string; at: number; raw: Uint8Array }>()
  })

  test('a key must be made of declared columns', () => {
    const columns = { a: t.int() }
    // @ts-expect-error -- no such column
    const declare = (): unknown => table('x', columns, { key: ['b'] })
    // @ts-expect-error -- no key column
    const keyless = (): unknown => table('x', columns, { key: [] })
    expectTypeOf(declare).toBeFunction()
    expectTypeOf(keyless).toBeFunction()
  })

  test('any table is a TableDefinition', () => {
    expectTypeOf(users).toExtend<TableDefinition>()
    expectTypeOf(visits).toExtend<TableDefinition>()
  })

  test('ranges take values, or leading columns', () => {
    expectTypeOf({ gt: 1n, lte: 5n }).toExtend<KeyRange<InferKey<typeof users>>>()
    expectTypeOf({ gt: 1 }).not.toExtend<KeyRange<InferKey<typeof users>>>()
    expectTypeOf({ prefix: 1n }).not.toExtend<KeyRange<bigint>>()
    expectTypeOf({ prefix: 'jo', gte: 'joe' }).toExtend<KeyRange<string>>()
    expectTypeOf({ gte: { city: 'a' }, lt: { city: 'b', at: 1 } }).toExtend<
      KeyRange<InferKey<typeof visits>>
    >()
    expectTypeOf({ gte: { city: 1 } }).not.toExtend<KeyRange<InferKey<typeof visits>>>()
    expectTypeOf({ prefix: { city: startsWith('a') } }).toExtend<KeyRange<InferKey<typeof visits>>>()
    expectTypeOf({ prefix: { city: 'a', at: startsWith('1') } }).not.toExtend<
      KeyRange<InferKey<typeof visits>>
    >()
    const role: KeyRange<'admin' | 'user'> = { prefix: 'admin', gt: 'user' }
    expectTypeOf(role).toExtend<KeyRange<'admin' | 'user'>>()
  })
})

describe('types follow from changes of a table', () => {
  type Visits = Alteration<InferRow<typeof visits>, InferInsert<typeof visits>, InferKey<typeof visits>>
  type Users = Alteration<InferRow<typeof users>, InferInsert<typeof users>, InferKey<typeof users>>
  const typed: (code: (visits: Visits, users: Users) => unknown) => void = () => undefined
  interface Visit {
    city: string
    at: number
    raw: Uint8Array
    x: number
  }

  test('added columns: null where they may be, left out where they have a default', () => {
    typed((a) => {
      const after = a.add('note', t.string().nullable()).add('level', t.int().default(1))
      expectTypeOf(after.$row).toEqualTypeOf<{
        city: string
        at: number
        raw: Uint8Array
        x: number
        note: string | null
        level: number
      }>()
      expectTypeOf(after.$insert).toEqualTypeOf<{
        city: string
        at: number
        raw: Uint8Array
        x: number
        note?: string | null | undefined
        level?: number | undefined
      }>()
      // @ts-expect-error a column of that name is there
      a.add('city', t.string().nullable())
      // @ts-expect-error the default is of another type
      t.int().default('x')
    })
  })

  test('dropped, renamed and swapped columns, also in a key of several', () => {
    typed((a) => {
      expectTypeOf(a.drop('x').$row).toEqualTypeOf<Omit<Visit, 'x'>>()
      const renamed = a.rename({ city: 'town', at: 'x', x: 'at' })
      expectTypeOf(renamed.$row).toEqualTypeOf<{ town: string; x: number; raw: Uint8Array; at: number }>()
      expectTypeOf(renamed.$key).toEqualTypeOf<{ town: string; x: number; raw: Uint8Array }>()
      // @ts-expect-error there is no such column
      a.drop('nobody')
      // @ts-expect-error it was dropped
      a.drop('x').makeNullable('x')
    })
    typed((_, a) => {
      expectTypeOf(a.rename({ id: 'key' }).$key).toEqualTypeOf<bigint>()
    })
  })

  test('widened columns keep that they may be null or left out', () => {
    typed((_, a) => {
      const after = a.widen('age', t.long())
      expectTypeOf(after.$row.age).toEqualTypeOf<bigint | null>()
      expectTypeOf(after.$insert.age).toEqualTypeOf<bigint | null | undefined>()
      expectTypeOf(a.widen('age', t.long({ mode: 'number' })).$row.age).toEqualTypeOf<number | null>()
    })
  })

  test('columns that may be null, and defaults', () => {
    typed((a) => {
      const nullable = a.makeNullable('x')
      expectTypeOf(nullable.$row.x).toEqualTypeOf<number | null>()
      expectTypeOf(nullable.$insert.x).toEqualTypeOf<number | null | undefined>()
      const lazy = a.setDefault('x', 1)
      expectTypeOf(lazy.$row).toEqualTypeOf<Visit>()
      expectTypeOf(lazy.$insert.x).toEqualTypeOf<number | undefined>()
      expectTypeOf(lazy.dropDefault('x').$insert).toEqualTypeOf<Visit>()
      // @ts-expect-error the default is of another type
      a.setDefault('x', 'one')
    })
  })

  test('a declared default may be left out too', () => {
    const jobs = table('jobs', { id: t.int(), state: t.string().default('new') }, { key: ['id'] })
    expectTypeOf<InferRow<typeof jobs>>().toEqualTypeOf<{ id: number; state: string }>()
    expectTypeOf<InferInsert<typeof jobs>>().toEqualTypeOf<{ id: number; state?: string | undefined }>()
  })
})

test('nested columns are arrays, objects and maps', () => {
  const nested = table(
    'nested',
    {
      id: t.int(),
      tags: t.list(t.string()),
      gaps: t.list(t.int().nullable()).nullable(),
      home: t.struct({ street: t.string(), zip: t.int().nullable() }),
      counts: t.map(t.date(), t.long({ mode: 'number' }).nullable()),
      byName: t.map(t.string(), t.list(t.boolean()), { mode: 'object' }),
    },
    { key: ['id'] },
  )
  expectTypeOf<InferRow<typeof nested>>().toEqualTypeOf<{
    id: number
    tags: string[]
    gaps: (number | null)[] | null
    home: { street: string; zip: number | null }
    counts: Map<string, number | null>
    byName: Record<string, boolean[]>
  }>()
  expectTypeOf<InferInsert<typeof nested>>().toEqualTypeOf<{
    id: number
    tags: readonly string[]
    gaps?: readonly (number | null)[] | null | undefined
    home: { street: string; zip?: number | null | undefined }
    counts: ReadonlyMap<string, number | null>
    byName: Readonly<Record<string, readonly boolean[]>>
  }>()
})

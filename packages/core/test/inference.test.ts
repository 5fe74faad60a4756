import { describe, expectTypeOf, test } from 'vitest'
import {
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

import { MemoryFs } from '@meru/fs'
import { describe, expectTypeOf, test } from 'vitest'
import {
  type Batch,
  type Database,
  type InferInsert,
  type InferKey,
  type InferRow,
  open,
  openTable,
  type RowBatch,
  type RowScan,
  t,
  type SeqNo,
  type Table,
  table,
  type Transaction,
  type Vector,
  type WriteHandle,
} from '../src/index.ts'

// Checked by the compiler; nothing of it runs but the imports.

const orders = table(
  'orders',
  {
    shop: t.string(),
    id: t.long(),
    count: t.long({ mode: 'number' }),
    at: t.timestamptz(),
    micros: t.timestamp({ mode: 'bigint' }),
    total: t.decimal(10, 2).nullable(),
    note: t.string().nullable(),
    image: t.binary(),
    isPaid: t.boolean(),
  },
  { key: ['shop', 'id'] },
)
const counters = table('counters', { name: t.string(), value: t.double() }, { key: ['name'] })

interface Order {
  shop: string
  id: bigint
  count: number
  at: Date
  micros: bigint
  total: string | null
  note: string | null
  image: Uint8Array
  isPaid: boolean
}
interface OrderKey {
  shop: string
  id: bigint
}
declare const db: Database
declare const into: Table<InferRow<typeof orders>, InferInsert<typeof orders>, InferKey<typeof orders>>
declare const counts: Table<
  InferRow<typeof counters>,
  InferInsert<typeof counters>,
  InferKey<typeof counters>
>

/** Gives the compiler code that must not run. */
const typed: (code: () => unknown) => void = () => undefined

describe('types of a table', () => {
  test('follow from its declaration', () => {
    expectTypeOf<InferRow<typeof orders>>().toEqualTypeOf<Order>()
    expectTypeOf<InferKey<typeof orders>>().toEqualTypeOf<OrderKey>()
    expectTypeOf<InferKey<typeof counters>>().toEqualTypeOf<string>()
    expectTypeOf<InferInsert<typeof counters>>().toEqualTypeOf<{ name: string; value: number }>()
    expectTypeOf<Omit<Order, 'total' | 'note'>>().toExtend<InferInsert<typeof orders>>()
    typed(() => {
      expectTypeOf(open('x')).toEqualTypeOf<Promise<Database>>()
      expectTypeOf(db.table(counters)).resolves.toEqualTypeOf<typeof counts>()
      expectTypeOf(openTable('x', orders)).resolves.toEqualTypeOf<typeof into>()
    })
  })

  test('of writes: what may be null may be left out, a buffered one gives a handle', () => {
    typed(() => {
      expectTypeOf(counts.put({ name: 'x', value: 1 })).toEqualTypeOf<Promise<number>>()
      expectTypeOf(
        counts.put({ name: 'x', value: 1 }, { durability: 'buffered' }),
      ).toEqualTypeOf<WriteHandle>()
      expectTypeOf(counts.delete('x')).toEqualTypeOf<Promise<number>>()
      expectTypeOf(counts.delete('x', { durability: 'buffered' })).toEqualTypeOf<WriteHandle>()
      expectTypeOf<WriteHandle['durable']>().toEqualTypeOf<Promise<number>>()
      expectTypeOf(counts.putMany([])).toEqualTypeOf<Promise<number>>()
      // @ts-expect-error A column is missing.
      void counts.put({ name: 'x' })
      // @ts-expect-error There is no such column.
      void counts.put({ name: 'x', value: 1, extra: 1 })
      // @ts-expect-error A number is not a bigint.
      void into.delete({ shop: 'x', id: 1 })
      // @ts-expect-error A key of two columns needs both.
      void into.delete({ shop: 'x' })
      // @ts-expect-error There is no such durability.
      void counts.put({ name: 'x', value: 1 }, { durability: 'sync' })
    })
  })

  test('of reads: all columns, or those selected', () => {
    const key: OrderKey = { shop: 'x', id: 1n }
    typed(() => {
      expectTypeOf(into.get(key)).resolves.toEqualTypeOf<Order | undefined>()
      expectTypeOf(into.get(key, { select: ['note', 'id'] })).resolves.toEqualTypeOf<
        Pick<Order, 'note' | 'id'> | undefined
      >()
      expectTypeOf(into.getSync(key, { select: ['at'] })).toEqualTypeOf<Pick<Order, 'at'> | undefined>()
      expectTypeOf(into.getMany([key])).resolves.toEqualTypeOf<(Order | undefined)[]>()
      expectTypeOf(into.has(key)).resolves.toEqualTypeOf<boolean>()
      expectTypeOf(into.scan().toArray()).resolves.toEqualTypeOf<Order[]>()
      expectTypeOf(into.scan({ select: ['count'] }).first()).resolves.toEqualTypeOf<
        Pick<Order, 'count'> | undefined
      >()
      expectTypeOf(into.scan({ limit: 3, reverse: true }).toArray()).resolves.toEqualTypeOf<Order[]>()
      expectTypeOf(into.count()).resolves.toEqualTypeOf<number>()
      // @ts-expect-error There is no such column.
      void into.get(key, { select: ['nothing'] })
      // @ts-expect-error There is no such option.
      into.scan({ from: key })
      // @ts-expect-error A bound has the type of the key.
      counts.scan({ gt: 5 })
    })
  })

  test('of ranges: a leading part of a composite key will do', () => {
    typed(() => {
      expectTypeOf(into.scan({ prefix: { shop: 'x' } })).toEqualTypeOf<RowScan<Order>>()
      into.scan({ gte: { shop: 'x', id: 1n }, lt: { shop: 'y' } })
      counts.scan({ gt: 'a', lte: 'b', limit: 1 })
      // @ts-expect-error Not a column of the key.
      into.scan({ prefix: { note: 'x' } })
    })
  })

  test('of batches', () => {
    typed(() => {
      void db.batch((batch) => {
        expectTypeOf(batch).toEqualTypeOf<Batch>()
        batch.put(counts, { name: 'x', value: 1 }).delete(into, { shop: 'x', id: 1n })
        // @ts-expect-error The row of another table.
        batch.put(counts, { shop: 'x' })
        // @ts-expect-error The key of another table.
        batch.delete(into, 'x')
      })
      void (async () => {
        for await (const rows of into.scan({ select: ['total'] }).batches()) {
          expectTypeOf(rows).toEqualTypeOf<RowBatch<Pick<Order, 'total'>>>()
          expectTypeOf(rows.column('total')).toEqualTypeOf<Vector>()
          // @ts-expect-error Not selected.
          rows.column('note')
        }
        for await (const row of counts.scan())
          expectTypeOf(row).toEqualTypeOf<{ name: string; value: number }>()
      })()
    })
  })

  test('of transactions and conditional writes', () => {
    const key: OrderKey = { shop: 'x', id: 1n }
    typed(() => {
      const done = db.transaction(async (tx) => {
        expectTypeOf(tx).toEqualTypeOf<Transaction>()
        expectTypeOf(tx.get(into, key)).resolves.toEqualTypeOf<Order | undefined>()
        expectTypeOf(tx.get(into, key, { select: ['note'] })).resolves.toEqualTypeOf<
          Pick<Order, 'note'> | undefined
        >()
        expectTypeOf(tx.getMany(counts, ['x'], { select: ['value'] })).resolves.toEqualTypeOf<
          ({ value: number } | undefined)[]
        >()
        expectTypeOf(tx.has(counts, 'x')).resolves.toEqualTypeOf<boolean>()
        expectTypeOf(tx.scan(into, { prefix: { shop: 'x' }, select: ['at'], limit: 1 })).toEqualTypeOf<
          RowScan<Pick<Order, 'at'>>
        >()
        expectTypeOf(tx.scan(counts)).toEqualTypeOf<RowScan<{ name: string; value: number }>>()
        expectTypeOf(tx.count(counts, { gt: 'x' })).resolves.toEqualTypeOf<number>()
        tx.put(counts, { name: 'x', value: 1 }).delete(into, key).putMany(counts, [])
        // @ts-expect-error The row of another table.
        tx.put(counts, { shop: 'x' })
        // @ts-expect-error The key of another table.
        void tx.get(into, 'x')
        // @ts-expect-error A transaction reads its own moment.
        void tx.get(counts, 'x', { snapshot: db.snapshot() })
        return 'done' as const
      })
      expectTypeOf(done).toEqualTypeOf<Promise<'done'>>()
      expectTypeOf(
        db.transaction(() => 1, { isolation: 'snapshot', retries: 2 }),
      ).resolves.toEqualTypeOf<number>()
      expectTypeOf(counts.getWithVersion('x')).resolves.toEqualTypeOf<
        { readonly row: { name: string; value: number }; readonly version: SeqNo } | undefined
      >()
      expectTypeOf(into.getWithVersion(key, { select: ['at'] })).resolves.toEqualTypeOf<
        { readonly row: Pick<Order, 'at'>; readonly version: SeqNo } | undefined
      >()
      expectTypeOf(counts.put({ name: 'x', value: 1 }, { ifAbsent: true })).toEqualTypeOf<Promise<SeqNo>>()
      expectTypeOf(
        counts.put({ name: 'x', value: 1 }, { ifVersion: 3, durability: 'buffered' }),
      ).toEqualTypeOf<WriteHandle>()
      expectTypeOf(counts.delete('x', { ifVersion: 3 })).toEqualTypeOf<Promise<SeqNo>>()
      // @ts-expect-error A batch has no conditions.
      void counts.putMany([], { ifAbsent: true })
    })
  })

  test('of a table that no code declared', () => {
    typed(() => {
      expectTypeOf(db.storedTable('x')).resolves.toEqualTypeOf<Table | undefined>()
      void open('x', { components: { fs: new MemoryFs() }, settings: { workers: 0 }, takeover: true })
      // @ts-expect-error There is no such setting.
      void open('x', { settings: { worker: 0 } })
    })
  })

  test('of a changed table follow from the change', () => {
    typed(async () => {
      const after = await into.alter((a) =>
        a
          .add('level', t.int().default(1))
          .rename({ note: 'remark', shop: 'store' })
          .drop('image')
          .widen('total', t.decimal(20, 2))
          .makeNullable('isPaid'),
      )
      const row = await after.get({ store: 'a', id: 1n })
      expectTypeOf(row).toEqualTypeOf<
        | {
            store: string
            id: bigint
            count: number
            at: Date
            micros: bigint
            total: string | null
            remark: string | null
            isPaid: boolean | null
            level: number
          }
        | undefined
      >()
      await after.put({ store: 'a', id: 1n, count: 1, at: new Date(), micros: 1n })
      // @ts-expect-error the column has another name
      await after.put({ shop: 'a', id: 1n, count: 1, at: new Date(), micros: 1n })
      // @ts-expect-error a change must be returned
      await into.alter((a) => void a.drop('note'))
    })
  })
})

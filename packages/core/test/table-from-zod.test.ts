import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import {
  ByteWriter,
  RowCodec,
  t,
  tableFromZod,
  type InferInsert,
  type InferKey,
  type InferRow,
} from '../src/index.ts'

const Person = z.object({
  id: z.uuid(),
  guid: z.guid(),
  email: z.email(),
  safe: z.int(),
  checkedSafe: z.number().int().min(0),
  int: z.int32(),
  unsigned: z.uint32(),
  big: z.bigint(),
  int64: z.int64().optional(),
  real: z.number(),
  bounded: z.float64().min(0).max(1),
  single: z.float32(),
  yes: z.boolean(),
  at: z.date(),
  day: z.iso.date(),
  moment: z.iso.datetime(),
  role: z.enum(['admin', 'user']),
  kind: z.literal('person'),
  bytes: z.instanceof(Uint8Array),
  nick: z.string().nullable(),
  note: z.string().min(1).nullish(),
  fixed: z.string().readonly().optional(),
})

const people = tableFromZod('people', Person, { key: ['role', 'id'] })

describe('a zod object as a table', () => {
  test('gives each property a column', () => {
    expect(
      people.schema.columns.map(({ name, type, required }) => `${name} ${type.kind}${required ? '' : '?'}`),
    ).toEqual([
      'id uuid',
      'guid uuid',
      'email string',
      'safe long',
      'checkedSafe long',
      'int int',
      'unsigned long',
      'big long',
      'int64 long?',
      'real double',
      'bounded double',
      'single float',
      'yes boolean',
      'at timestamptz',
      'day date',
      'moment string',
      'role string',
      'kind string',
      'bytes binary',
      'nick string?',
      'note string?',
      'fixed string?',
    ])
    expect(people.modes).toEqual({ safe: 'number', checkedSafe: 'number', unsigned: 'number' })
    expect(people.schema.key).toEqual([26, 10])
  })

  test('takes what the object parses', () => {
    const person = Person.parse({
      id: '0b0c9a6e-2f3d-4c5e-8a7b-1d2e3f405162',
      guid: '0b0c9a6e-2f3d-4c5e-8a7b-1d2e3f405162',
      email: 'jo@example.org',
      safe: 2 ** 40,
      checkedSafe: 1,
      int: -5,
      unsigned: 2 ** 32 - 1,
      big: 5n,
      real: 1.5,
      bounded: 0.5,
      single: 0.25,
      yes: true,
      at: new Date(0),
      day: '2024-02-29',
      moment: '2024-02-29T00:00:00Z',
      role: 'user',
      kind: 'person',
      bytes: Uint8Array.of(1),
      nick: null,
    })
    const codec = RowCodec.compile(people.name, people.schema, people.modes)
    const out = new ByteWriter()
    const keyLength = codec.encodeRow(person, out)
    const row = codec.decodeRow(out.bytes, 0, keyLength, keyLength, out.length)
    expect(row).toEqual({ ...person, int64: null, note: null, fixed: null })
  })

  test('takes overrides, which win', () => {
    const orders = tableFromZod(
      'orders',
      z.object({
        id: z.string(),
        price: z.string(),
        tags: z.array(z.string()),
        at: z.date().default(new Date(0)),
      }),
      {
        key: ['id'],
        columns: {
          price: t.decimal(12, 2),
          tags: t.binary().nullable(),
          at: t.timestamp({ mode: 'bigint' }),
        },
      },
    )
    expect(orders.schema.columns.map((column) => column.type.kind)).toEqual([
      'string',
      'decimal',
      'binary',
      'timestamp',
    ])
    expect(orders.modes).toEqual({ at: 'bigint' })
    expectTypeOf<InferRow<typeof orders>>().toEqualTypeOf<{
      id: string
      price: string
      tags: Uint8Array | null
      at: bigint
    }>()
  })

  test.each([
    [z.string().default('x'), 'a default, which is not applied on write'],
    [z.string().prefault('x'), 'a default'],
    [z.coerce.number(), 'coercion, which is not applied on write'],
    [z.coerce.date(), 'coercion'],
    [z.string().transform((text) => text.length), 'a zod pipe'],
    [z.tuple([z.string()]), 'a zod tuple'],
    [z.set(z.string()), 'a zod set'],
    [z.union([z.string(), z.number()]), 'a zod union'],
    [z.unknown(), 'a zod unknown'],
    [z.uint64(), 'uint64 exceeds a long'],
    [z.enum({ A: 1, B: 2 }), 'an enum of numbers'],
    [z.literal(1), 'a literal that is no string'],
    [z.instanceof(Map), 'a custom check'],
    [z.tuple([z.string()]).optional(), 'a zod tuple'],
    [z.null(), 'a zod null'],
  ])('refuses what has no column: %#', (type, message) => {
    const declare = (): unknown => tableFromZod('x', z.object({ id: z.string(), odd: type }), { key: ['id'] })
    expect(declare).toThrow(TypeError)
    expect(declare).toThrow(`table "x", column "odd": ${message}`)
    expect(declare).toThrow('give one as columns: { "odd": … }')
  })

  test('takes properties named like members of every object', () => {
    const teams = tableFromZod('teams', z.object({ constructor: z.string() }), {
      key: ['constructor'],
      columns: {},
    })
    expect(teams.schema.columns[0].type).toEqual({ kind: 'string' })
  })

  test('refuses overrides of nothing', () => {
    const object = z.object({ id: z.string() })
    const columns = { nope: t.int() } as object
    expect(() => tableFromZod('x', object, { key: ['id'], columns })).toThrow(
      'table "x": the override "nope" is no property of the zod object',
    )
  })

  test('types rows, inserts and keys', () => {
    type Row = InferRow<typeof people>
    expectTypeOf<Row['id']>().toEqualTypeOf<string>()
    expectTypeOf<Row['safe']>().toEqualTypeOf<number>()
    expectTypeOf<Row['int64']>().toEqualTypeOf<bigint | null>()
    expectTypeOf<Row['role']>().toEqualTypeOf<'admin' | 'user'>()
    expectTypeOf<Row['note']>().toEqualTypeOf<string | null>()
    expectTypeOf<Row['at']>().toEqualTypeOf<Date>()
    expectTypeOf<InferInsert<typeof people>['note']>().toEqualTypeOf<string | null | undefined>()
    expectTypeOf<InferKey<typeof people>>().toEqualTypeOf<{ role: 'admin' | 'user'; id: string }>()
    expectTypeOf<z.output<typeof Person>>().toExtend<InferInsert<typeof people>>()
  })
})

test('arrays, objects, maps and records become nested columns', () => {
  const Order = z.object({
    id: z.int32(),
    tags: z.array(z.string()),
    lines: z.array(z.object({ sku: z.string(), note: z.string().optional() })).nullish(),
    counts: z.map(z.string(), z.number()),
    extra: z.record(z.string(), z.int32().nullable()),
  })
  const orders = tableFromZod('orders', Order, { key: ['id'] })
  expectTypeOf<InferRow<typeof orders>>().toEqualTypeOf<{
    id: number
    tags: string[]
    lines: { sku: string; note: string | null }[] | null
    counts: Map<string, number>
    extra: Record<string, number | null>
  }>()
  const codec = RowCodec.compile('orders', orders.schema, orders.modes)
  const out = new ByteWriter()
  const row: InferInsert<typeof orders> = Order.parse({
    id: 1,
    tags: ['a'],
    lines: [{ sku: 'x' }],
    counts: new Map([['n', 0.5]]),
    extra: { z: 1, y: null },
  })
  const keyLength = codec.encodeRow(row, out)
  expect(codec.decodeRow(out.bytes, 0, keyLength, keyLength, out.length)).toEqual({
    ...row,
    lines: [{ sku: 'x', note: null }],
  })
  const bad = z.object({ id: z.int32(), c: z.array(z.object({ u: z.union([z.string(), z.int()]) })) })
  expect(() => tableFromZod('bad', bad, { key: ['id'] })).toThrow(
    'column "c.element.u": a zod union has no column type',
  )
  const wide = z.object({ id: z.int32(), c: z.record(z.enum(['a', 'b']), z.int()) })
  expect(() => tableFromZod('wide', wide, { key: ['id'] })).toThrow(
    'a record whose keys are not plain strings',
  )
})

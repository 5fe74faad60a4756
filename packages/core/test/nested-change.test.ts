import { describe, expect, expectTypeOf, test } from 'vitest'
import {
  Alteration,
  ByteWriter,
  describeResolution,
  projectionBetween,
  RowCodec,
  schemaChangeProblem,
  Shredder,
  t,
  table,
  type Column,
  type ColumnDef,
  type SchemaProjection,
  type StructAlteration,
  type TableSchema,
} from '../src/index.ts'
import { failureOf } from './failure.ts'
import { Random, randomPart } from './random.ts'

type Fields = Record<string, unknown>
type AnyStruct = StructAlteration<Fields, Fields>

/** A field of the struct that is changed, and what its column is. */
interface Field {
  readonly name: string
  readonly column: Column
}

/** A change of a struct and what it makes of its values. */
interface Change {
  readonly fields: readonly Field[]
  readonly apply: (struct: AnyStruct) => AnyStruct
  readonly project: (value: Fields) => Fields
}

const START: readonly Field[] = [
  { name: 'a', column: t.int() },
  { name: 'b', column: t.string().nullable() },
  { name: 'c', column: t.list(t.float().nullable()) },
  { name: 'd', column: t.struct({ x: t.decimal(7, 2), y: t.boolean().nullable() }).nullable() },
]

function randomChange(random: Random, fields: readonly Field[], made: number): Change {
  const { name, column } = random.pick(fields)
  const replace = (next: Field): Field[] => fields.map((field) => (field.name === name ? next : field))
  switch (random.below(6)) {
    case 0: {
      const added = `n${made}`
      const kind = random.pick([
        t.int(),
        t.string(),
        t.map(t.string(), t.int()),
        t.list(t.struct({ z: t.date() })),
      ])
      return {
        fields: [...fields, { name: added, column: kind.nullable() }],
        apply: (s) => s.add(added, kind.nullable()) as never,
        project: (value) => ({ ...value, [added]: null }),
      }
    }
    case 1:
      if (fields.length === 1) break
      return {
        fields: fields.filter((field) => field.name !== name),
        apply: (s) => s.drop(name) as never,
        project: ({ [name]: _gone, ...value }) => value,
      }
    case 2: {
      const renamed = `r${made}`
      return {
        fields: replace({ name: renamed, column }),
        apply: (s) => s.rename({ [name]: renamed }) as never,
        project: ({ [name]: value, ...others }) => ({ ...others, [renamed]: value }),
      }
    }
    case 3:
      if (column.type.kind !== 'int') break
      return {
        fields: replace({ name, column: column.isNullable ? t.long().nullable() : t.long() }),
        apply: (s) => s.widen(name, t.long()) as never,
        project: (value) => ({
          ...value,
          [name]: value[name] === null ? null : BigInt(value[name] as number),
        }),
      }
    case 4:
      if (column.isNullable) break
      return {
        fields: replace({ name, column: column.nullable() }),
        apply: (s) => s.makeNullable(name) as never,
        project: (value) => value,
      }
    default:
      return { fields, apply: (s) => s.move(name, random.pick(['first', 'last'])), project: (value) => value }
  }
  return { fields, apply: (s) => s, project: (value) => value }
}

/** How a struct may lie in a column. */
const HOLDERS: readonly (readonly [
  name: string,
  column: (struct: Column) => Column,
  map: (value: never, project: (value: Fields) => Fields) => unknown,
])[] = [
  ['a struct', (struct) => struct.nullable(), (value, project) => value && project(value)],
  [
    'elements of a list',
    (struct) => t.list(struct.nullable()),
    (value: (Fields | null)[], project) => value.map((one) => one && project(one)),
  ],
  [
    'values of a map in a list',
    (struct) => t.list(t.map(t.string(), struct)),
    (value: Map<string, Fields>[], project) =>
      value.map((map) => new Map([...map].map(([key, one]) => [key, project(one)]))),
  ],
]

/** The values of one column under a later schema, read as rows and as vectors. */
function readUnder(from: TableSchema, to: TableSchema, values: readonly unknown[]): unknown[] {
  const [before, after] = [RowCodec.compile('t', from), RowCodec.compile('t', to)]
  const projection = projectionBetween(from, to) as SchemaProjection
  const shredder = new Shredder(from)
  const rows = values.map((value, id) => {
    const out = new ByteWriter()
    const keyLength = before.encodeRow({ id, c: value }, out)
    shredder.append(out.bytes, 0, keyLength, keyLength, out.length)
    const projected = new ByteWriter()
    projected.append(out.bytes.subarray(0, keyLength))
    projection.rows.append(out.bytes, keyLength, out.length, projected)
    return after.decodeRow(projected.bytes, 0, keyLength, keyLength, projected.length)
  })
  const columns = projection.columns(after.all.columnIds)
  const stored = shredder.finish()
  const sources = columns.sourceIds.map((id) => stored[from.columns.findIndex((column) => column.id === id)])
  expect(after.rowsOf(columns.project(sources, values.length), 0, values.length)).toEqual(rows)
  return rows.map(({ c }) => c)
}

describe('changes within nested columns', () => {
  test.each(HOLDERS.flatMap((holder) => Array.from({ length: 30 }, (_, seed) => [...holder, seed] as const)))(
    'earlier values under a later type: %s',
    (_, holder, map, seed) => {
      const random = new Random(seed)
      const struct = t.struct(Object.fromEntries(START.map(({ name, column }) => [name, column])))
      const { schema } = table('t', { id: t.int(), c: holder(struct) }, { key: ['id'] })
      let fields = START
      let project = (value: Fields): Fields => value
      const alteration = new Alteration<Fields, Fields, unknown>('t', schema, {})
      alteration.add('extra', t.int().nullable())
      for (let i = 0; i < 1 + random.below(8); i++) {
        const change = randomChange(random, fields, i)
        alteration.within('c', (s) => change.apply(s as never) as never)
        fields = change.fields
        const before = project
        project = (value) => change.project(before(value))
      }
      const after = alteration.finish().schema
      expect(schemaChangeProblem(schema, after)).toBeUndefined()
      const { type, required } = schema.columns[1]
      const values = Array.from({ length: 12 }, () => randomPart(random, { id: 0, type, required }))
      const expected = values.map((value) => map(value as never, project))
      expect(readUnder(schema, after, values)).toEqual(expected)
    },
  )

  test('a whole nested column widens, and its default with it', () => {
    const { schema, modes } = table(
      't',
      { id: t.int(), c: t.map(t.string(), t.list(t.int())).default(new Map([['k', [1, -1]]])) },
      { key: ['id'] },
    )
    const { schema: after } = new Alteration<Fields, Fields, unknown>('t', schema, modes)
      .widen('c', t.map(t.string(), t.list(t.long())))
      .finish()
    expect(readUnder(schema, after, [new Map([['x', [5]]]), new Map()])).toEqual([
      new Map([['x', [5n]]]),
      new Map(),
    ])
    const codec = RowCodec.compile('t', after)
    const out = new ByteWriter()
    const keyLength = codec.encodeRow({ id: 1 }, out)
    expect(codec.decodeRow(out.bytes, 0, keyLength, keyLength, out.length)).toEqual({
      id: 1,
      c: new Map([['k', [1n, -1n]]]),
    })
  })

  test('a field dropped and added again brings no value back', () => {
    const { schema } = table('t', { id: t.int(), c: t.struct({ a: t.int(), b: t.int() }) }, { key: ['id'] })
    const { schema: after } = new Alteration<Fields, Fields, unknown>('t', schema, {})
      .within('c', (s) => s.drop('a').add('a' as never, t.int().nullable()) as never)
      .finish()
    expect(after.schemaId).toBe(1)
    expect(readUnder(schema, after, [{ a: 1, b: 2 }])).toEqual([{ b: 2, a: null }])
  })
})

describe('changes that are refused', () => {
  const base = table(
    't',
    {
      id: t.int(),
      s: t.struct({ a: t.int(), day: t.date(), inner: t.struct({ x: t.int() }) }),
      m: t.map(t.int(), t.int()),
      n: t.list(t.int()),
    },
    { key: ['id'] },
  )
  const begin = (): Alteration<Fields, Fields, unknown> => new Alteration('t', base.schema, {})
  const within = (change: (s: AnyStruct) => unknown) => (): unknown => begin().within('s', change as never)
  test.each([
    [within((s) => s.add('b', t.int())), 'field "b" of "s" is required, but values that are there lack it'],
    [within((s) => s.add('a', t.int().nullable())), 'two fields of "s" would be named "a"'],
    [within((s) => s.add('b', t.int().default(1))), 'field "b" has a default'],
    [within((s) => s.drop('zip')), '"s" has no field "zip"; it has a, day, inner'],
    [
      within((s) => s.within('inner', (i) => i.drop('x' as never) as never)),
      'field "x" is the last one of "s.inner"',
    ],
    [within((s) => s.widen('a', t.string())), 'cannot go from int to string: int widens to long'],
    [within((s) => s.widen('day', t.timestamp())), 'a date widens only as a column of its own'],
    [within((s) => s.within('a', (i) => i as never)), '"s.a" is int; within changes the fields of a struct'],
    [within(() => undefined), 'within() takes a function that returns what it was given'],
    [() => begin().widen('m', t.map(t.long(), t.int())), 'cannot go from map<int, int> to map<long, int>'],
    [() => begin().widen('n', t.list(t.string())), 'cannot go from list<int> to list<string>'],
    [() => begin().add('l', t.list(t.int()).default([])), 'add it nullable without one, and call setDefault'],
  ])('%#', (change, message) => {
    const error = failureOf(change)
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).toContain(message)
  })

  test('by the rules of manifests, too', () => {
    const { schema } = base
    const withType = (index: number, type: ColumnDef['type']): TableSchema => ({
      ...schema,
      schemaId: 1,
      lastColumnId: 40,
      columns: schema.columns.map((column, i) => (i === index ? { ...column, type } : column)),
    })
    const list = schema.columns[3].type as Extract<ColumnDef['type'], { kind: 'list' }>
    expect(
      schemaChangeProblem(schema, withType(3, { ...list, element: { ...list.element, id: 33 } })),
    ).toContain('is another one than before')
    const struct = schema.columns[1].type as Extract<ColumnDef['type'], { kind: 'struct' }>
    const grown = (id: number, required: boolean): TableSchema =>
      withType(1, {
        ...struct,
        fields: [...struct.fields, { id, name: 'z', type: { kind: 'int' }, required }],
      })
    expect(schemaChangeProblem(schema, grown(12, false))).toContain('field ids are never reused')
    expect(schemaChangeProblem(schema, grown(33, true))).toContain(
      'is required, but values that are there lack it',
    )
    expect(schemaChangeProblem(schema, grown(33, false))).toBeUndefined()
  })
})

test('the call that resolves a difference goes into structs', () => {
  const stored = table(
    't',
    { id: t.int(), c: t.list(t.struct({ a: t.int(), b: t.string(), old: t.int() })) },
    { key: ['id'] },
  )
  const declared = table(
    't',
    {
      id: t.int(),
      c: t.list(
        t.struct({ b: t.string().nullable(), a: t.long(), 'n w': t.map(t.string(), t.int()).nullable() }),
      ),
      more: t.struct({ x: t.int() }).nullable().default({ x: 1 }),
    },
    { key: ['id'] },
  )
  expect(describeResolution(stored.schema, declared.schema, declared.modes)).toBe(
    `table.alter((a) => a.within("c", (s) => s.makeNullable("b").widen("a", t.long())` +
      `.add("n w", t.map(t.string(), t.int()).nullable()).drop("old").move("b", 'first'))` +
      `.add("more", t.struct({ x: t.int() }).nullable()).setDefault("more", { x: 1 }))`,
  )
})

test('types follow a change within a column', () => {
  const orders = table(
    'orders',
    { id: t.int(), lines: t.list(t.struct({ sku: t.string(), n: t.int() })).nullable() },
    { key: ['id'] },
  )
  const altered = new Alteration<
    (typeof orders)['$row'],
    (typeof orders)['$insert'],
    (typeof orders)['$key']
  >(orders.name, orders.schema, orders.modes).within('lines', (s) =>
    s.rename({ sku: 'code' }).widen('n', t.long()).add('note', t.string().nullable()),
  )
  expectTypeOf(altered.$row).toEqualTypeOf<{
    id: number
    lines: { code: string; n: bigint; note: string | null }[] | null
  }>()
  expect(altered.finish().schema.lastColumnId).toBe(15)
})

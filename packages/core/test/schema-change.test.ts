import { describe, expect, test } from 'vitest'
import {
  addedColumns,
  Alteration,
  describeResolution,
  describeSchemaDifference,
  schemaChangeProblem,
  t,
  table,
  type Columns,
  type TableDefinition,
  type TableSchema,
} from '../src/index.ts'

const users = table(
  'users',
  {
    id: t.long(),
    name: t.string(),
    age: t.int().nullable(),
    score: t.float(),
    paid: t.decimal(9, 2),
    born: t.date(),
    tag: t.string().default('new'),
  },
  { key: ['id'] },
)
type Users = Alteration<(typeof users)['$row'], (typeof users)['$insert'], (typeof users)['$key']>

function begin(): Users {
  return new Alteration(users.name, users.schema, users.modes)
}

function altered(change: (a: Users) => { finish(): { schema: TableSchema } }): TableSchema {
  return change(begin()).finish().schema
}

function columnsOf(schema: TableSchema): (readonly [number, string])[] {
  return schema.columns.map((column) => [column.id, column.name] as const)
}

describe('a change of a schema', () => {
  test('adds under new ids, at the end, and counts the schema up', () => {
    const after = altered((a) => a.add('email', t.string().nullable()).add('level', t.int().default(3)))
    expect(after).toMatchObject({ schemaId: 1, lastColumnId: 18, key: [10] })
    expect(after.columns.slice(7)).toEqual([
      { id: 17, name: 'email', type: { kind: 'string' }, required: false },
      {
        id: 18,
        name: 'level',
        type: { kind: 'int' },
        required: true,
        initialDefault: '03000000',
        writeDefault: '03000000',
      },
    ])
  })

  test('never gives an id twice: a column that is dropped and added is another', () => {
    const after = altered((a) => a.drop('age').add('age', t.int().nullable()))
    expect(columnsOf(after)).toEqual([
      [10, 'id'],
      [11, 'name'],
      [13, 'score'],
      [14, 'paid'],
      [15, 'born'],
      [16, 'tag'],
      [17, 'age'],
    ])
  })

  test('swaps two names in one renaming, and ids stay', () => {
    const after = altered((a) => a.rename({ name: 'tag', tag: 'name' }))
    expect(columnsOf(after).filter(([, name]) => name === 'tag' || name === 'name')).toEqual([
      [11, 'tag'],
      [16, 'name'],
    ])
  })

  test('keeps the modes with their columns', () => {
    const events = table('events', { id: t.long({ mode: 'number' }), n: t.int() }, { key: ['id'] })
    const after = new Alteration<{ id: number; n: number }, never, number>(
      'events',
      events.schema,
      events.modes,
    )
      .rename({ id: 'key' })
      .widen('n', t.long({ mode: 'number' }))
      .finish()
    expect(after.modes).toEqual({ key: 'number', n: 'number' })
  })

  test('widens, with the defaults of the column', () => {
    const first = altered((a) => a.add('level', t.int().default(-3)).add('share', t.float().default(0.5)))
    const after = new Alteration<Record<string, unknown>, Record<string, unknown>, unknown>(
      'users',
      first,
      {},
    )
      .widen('level', t.long())
      .widen('share', t.double())
      .finish().schema
    expect(after.columns.slice(7)).toMatchObject([
      { type: { kind: 'long' }, initialDefault: 'fdffffffffffffff', writeDefault: 'fdffffffffffffff' },
      { type: { kind: 'double' }, initialDefault: '000000000000e03f', writeDefault: '000000000000e03f' },
    ])
  })

  test('moves columns', () => {
    const after = altered((a) =>
      a
        .move('tag', 'first')
        .move('id', 'last')
        .move('born', { before: 'name' })
        .move('age', { after: 'paid' }),
    )
    expect(after.columns.map((column) => column.name)).toEqual([
      'tag',
      'born',
      'name',
      'score',
      'paid',
      'age',
      'id',
    ])
  })

  test('changes write defaults and nothing of what rows hold that are there', () => {
    const after = altered((a) => a.setDefault('tag', 'old').setDefault('age', 7))
    expect(after.columns[6]).toEqual({
      id: 16,
      name: 'tag',
      type: { kind: 'string' },
      required: true,
      writeDefault: '6f6c64',
    })
    expect(after.columns[2]).toMatchObject({ writeDefault: '07000000' })
    expect(altered((a) => a.dropDefault('tag')).columns[6]).not.toHaveProperty('writeDefault')
  })

  test('that changes nothing is the schema as it was', () => {
    expect(altered((a) => a.rename({}))).toBe(users.schema)
    expect(altered((a) => a.rename({ name: 'x' }).rename({ x: 'name' }))).toBe(users.schema)
  })

  test.each<[what: string, change: (a: Users) => unknown, message: string]>([
    [
      'a required column without default',
      (a) => a.add('x', t.int()),
      'give it a default, or make it nullable',
    ],
    [
      'a column that is there',
      (a) => a.add('age' as never, t.int().nullable()),
      'two columns would be named "age"',
    ],
    [
      'a default that is no value',
      (a) => a.add('x', t.int().default(0.5)),
      'column "x": 0.5 is not an integer',
    ],
    ['a reserved name', (a) => a.add('_seqno', t.int().nullable()).finish(), 'is reserved'],
    [
      'to drop a key column',
      (a) => a.drop('id'),
      'is part of the key, by which the rows are told apart; make another table',
    ],
    [
      'to drop what is not there',
      (a) => a.drop('nobody' as never),
      'there is no column "nobody"; the columns are id, name',
    ],
    ['to rename onto another column', (a) => a.rename({ name: 'age' }), 'two columns would be named "age"'],
    ['to rename what is not there', (a) => a.rename({ nobody: 'x' } as never), 'there is no column "nobody"'],
    ['to widen the key', (a) => a.widen('id', t.long()), 'column "id" is long already'],
    [
      'to narrow',
      (a) => a.widen('paid', t.decimal(5, 2)),
      'decimal(9, 2) widens to a decimal of more digits and scale 2',
    ],
    [
      'another scale',
      (a) => a.widen('paid', t.decimal(12, 3)),
      'cannot go from decimal(9, 2) to decimal(12, 3)',
    ],
    [
      'int to double',
      (a) => a.widen('age', t.double()),
      'int widens to long; add a column of the other type',
    ],
    [
      'date to timestamptz',
      (a) => a.widen('born', t.timestamptz()),
      'date widens to timestamp or timestamp_ns',
    ],
    ['string to binary', (a) => a.widen('name', t.binary()), 'string widens to nothing'],
    [
      'a nullable key',
      (a) => a.makeNullable('id'),
      'is part of the key, which has no nulls; make another table',
    ],
    ['to make nullable twice', (a) => a.makeNullable('age'), 'is nullable already'],
    ['a column beside itself', (a) => a.move('age', { after: 'age' as never }), 'cannot stand beside itself'],
    ['a default of another type', (a) => a.setDefault('age', 'x' as never), '"x" is not an integer'],
    [
      'a default of null',
      (a) => a.add('x', t.int().default(null as never)),
      'a default is a value, not null',
    ],
    ['a default of the key', (a) => a.setDefault('id', 1n).finish(), 'key column "id" has a default'],
  ])('is refused: %s', (_, change, message) => {
    expect(() => change(begin())).toThrow(message)
  })

  test('widening the key is refused', () => {
    const byInt = table('t', { id: t.int(), x: t.int() }, { key: ['id'] })
    const change = new Alteration<{ id: number }, never, number>('t', byInt.schema, {})
    expect(() => change.widen('id', t.long())).toThrow(
      'part of the key, whose bytes order the files; make another',
    )
  })
})

describe('a schema that follows another', () => {
  const [id, name, age] = users.schema.columns
  const after = (change: Partial<TableSchema>): TableSchema => ({ ...users.schema, schemaId: 1, ...change })
  const widened = { ...age, type: { kind: 'long' } } as const

  test.each<[TableSchema, string | undefined]>([
    [after({}), undefined],
    [after({ columns: [id, name, widened] }), undefined],
    [after({ schemaId: 2 }), 'schema id 2 must be 1'],
    [after({ lastColumnId: 15 }), 'column ids are never reused'],
    [after({ key: [10, 11] }), 'by which the files are sorted'],
    [after({ columns: [{ ...id, type: { kind: 'string' } }] }), 'is part of the key and cannot change'],
    [after({ columns: [id, { ...name, type: { kind: 'long' } }] }), 'cannot change from string to long'],
    [after({ columns: [id, { ...age, required: true }] }), 'may hold null and cannot become required'],
    [after({ columns: [id, { ...name, initialDefault: '61' }] }), 'has another initial default'],
    [after({ columns: [id, { ...name, id: 17 }], lastColumnId: 17 }), 'no value for it'],
  ])('%#', (schema, problem) => {
    expect(schemaChangeProblem(users.schema, schema) ?? 'none').toContain(problem ?? 'none')
  })

  test('may not bring a dropped column back', () => {
    const dropped = after({ columns: [id, name] })
    const back = { ...users.schema, schemaId: 2 }
    expect(schemaChangeProblem(dropped, back)).toContain('was dropped from the table')
  })
})

describe('a declared schema beside the stored one', () => {
  const stored: Columns = { id: t.long(), name: t.string(), n: t.int() }
  const declare = (columns: Columns): TableDefinition => table('users', columns, { key: ['id'] })
  const resolution = (columns: Columns): string => {
    const declared = declare(columns)
    return describeResolution(declare(stored).schema, declared.schema, declared.modes)
  }

  test.each<[columns: Columns, resolution: string]>([
    [{ ...stored, age: t.int().nullable() }, 'table.alter((a) => a.add("age", t.int().nullable()))'],
    [
      { ...stored, x: t.decimal(4, 1).default('1.5') },
      'table.alter((a) => a.add("x", t.decimal(4, 1).default("1.5")))',
    ],
    [
      { ...stored, n: t.long({ mode: 'number' }) },
      `table.alter((a) => a.widen("n", t.long({ mode: 'number' })))`,
    ],
    [{ id: t.long(), name: t.string() }, 'table.alter((a) => a.drop("n"))'],
    [{ ...stored, n: t.int().nullable() }, 'table.alter((a) => a.makeNullable("n"))'],
    [{ ...stored, n: t.int().default(4) }, 'table.alter((a) => a.setDefault("n", 4))'],
    [{ n: t.int(), id: t.long(), name: t.string() }, `table.alter((a) => a.move("n", 'first'))`],
    [
      { id: t.long(), age: t.int().nullable(), name: t.string(), n: t.int() },
      'table.alter((a) => a.add("age", t.int().nullable()).move("age", { after: "id" }))',
    ],
    [
      { ...stored, n: t.string() },
      'column "n" cannot go from int to string; add another column and copy into it',
    ],
    [{ ...stored, x: t.int() }, 'column "x" is required; give it a default or make it nullable'],
  ])('the alter that resolves it: %#', (columns, expected) => {
    expect(resolution(columns)).toContain(expected)
  })

  test('a rename looks like a drop and an addition, and is hinted at', () => {
    const text = resolution({ id: t.long(), name: t.string(), m: t.int().default(0) })
    expect(text).toContain('if "m" is "n" under another name')
    expect(text).toContain('.rename({ "n": "m" })')
  })

  test('another key has no resolution', () => {
    const declared = table('users', stored, { key: ['name'] })
    expect(describeResolution(declare(stored).schema, declared.schema)).toContain(
      'the key of a table cannot change',
    )
  })

  test('defaults belong to what is compared', () => {
    const withDefault = declare({ ...stored, n: t.int().default(4) })
    expect(describeSchemaDifference(declare(stored).schema, withDefault.schema)).toBe(
      'column "n" is stored as int but declared as int, default 4',
    )
  })

  test.each<[columns: Columns, added: string[] | undefined]>([
    [{ ...stored, age: t.int().nullable(), x: t.int().default(1) }, ['age', 'x']],
    [{ age: t.int().nullable(), ...stored }, ['age']],
    [stored, []],
    [{ ...stored, x: t.int() }, undefined],
    [{ ...stored, n: t.long(), age: t.int().nullable() }, undefined],
    [{ id: t.long(), name: t.string(), age: t.int().nullable() }, undefined],
  ])('an extension is known as one: %#', (columns, added) => {
    const found = addedColumns(declare(stored).schema, declare(columns).schema)
    expect(found?.map((column) => column.name)).toEqual(added)
  })
})

import { describe, expect, test } from 'vitest'
import {
  checkTableName,
  describeSchemaDifference,
  parseTableSchema,
  sameSchema,
  schemaSchema,
  t,
  table,
  typeName,
  type Columns,
  type TableSchema,
} from '../src/index.ts'
import { EVERY_COLUMN } from './every-type.ts'

function declare(columns: Columns, ...key: string[]): TableSchema {
  return table('users', columns, { key: key as [string] }).schema
}

describe('a table definition', () => {
  test('numbers its columns in order and keeps modes apart from the schema', () => {
    const users = table(
      'users',
      { id: t.long({ mode: 'number' }), name: t.string().nullable(), at: t.timestamp({ mode: 'bigint' }) },
      { key: ['at', 'id'] },
    )
    expect(users).toEqual({
      name: 'users',
      modes: { id: 'number', at: 'bigint' },
      schema: {
        schemaId: 0,
        lastColumnId: 12,
        key: [12, 10],
        columns: [
          { id: 10, name: 'id', type: { kind: 'long' }, required: true },
          { id: 11, name: 'name', type: { kind: 'string' }, required: false },
          { id: 12, name: 'at', type: { kind: 'timestamp' }, required: true },
        ],
      },
    })
  })

  test.each([
    [{}, [], 'it has no columns'],
    [{ a: t.int() }, [], 'it has no key'],
    [{ a: t.int() }, ['b'], 'key column "b" is not declared; the columns are a'],
    [{ a: t.int() }, ['a', 'a'], 'a column is named twice in the key'],
    [{ a: t.int().nullable() }, ['a'], 'key column "a" may be null; key columns are required'],
    [{ a: t.float() }, ['a'], 'key column "a" is a float, which has no order fit for a key'],
    [{ a: t.double() }, ['a'], 'key column "a" is a double'],
    [{ '': t.int() }, [''], 'column name "" is empty'],
    [{ 'a\nb': t.int() }, ['a\nb'], 'column name "a\\nb" holds a control character'],
    [{ 'a\u0085': t.int() }, ['a\u0085'], 'holds a control character'],
    [{ '\ud800': t.int() }, ['\ud800'], 'holds half of a surrogate pair'],
    [{ _seqno: t.int() }, ['_seqno'], 'column name "_seqno" is reserved'],
    [{ _Row: t.int() }, ['_Row'], 'is reserved'],
    [{ _row_id: t.int() }, ['_row_id'], 'is reserved'],
    [{ _last_updated_sequence_number: t.int() }, ['_last_updated_sequence_number'], 'is reserved'],
    [{ ['__proto__']: t.int() }, ['__proto__'], 'is reserved'],
  ] as const)('%o with key %j is misuse', (columns, key, message) => {
    expect(() => declare(columns, ...key)).toThrow(TypeError)
    expect(() => declare(columns, ...key)).toThrow('table "users": ')
    expect(() => declare(columns, ...key)).toThrow(message)
  })

  test.each(['_private', 'a b', 'größe', 'constructor', 'toString', '1', "it's", 'a.b', '__row'])(
    'a column may be named %s',
    (name) => {
      expect(declare({ [name]: t.int() }, name).columns[0].name).toBe(name)
    },
  )

  test.each(['', 'a b', 'a/b', '..', 'ä', 'a'.repeat(129), 'a\n', '.'])(
    'a table may not be named %j',
    (name) => {
      expect(() => checkTableName(name)).toThrow(TypeError)
      expect(() => table(name, { a: t.int() }, { key: ['a'] })).toThrow('is not 1 to 128 letters, digits')
    },
  )

  test.each(['a', 'A-b_9', '0', 'a'.repeat(128)])('a table may be named %s', (name) => {
    expect(table(name, { a: t.int() }, { key: ['a'] }).name).toBe(name)
  })
})

describe('column builders', () => {
  test('refuse sizes and modes that do not exist', () => {
    expect(() => t.decimal(39, 0)).toThrow('decimal precision 39 is not an integer from 1 to 38')
    expect(() => t.decimal(0, 0)).toThrow(TypeError)
    expect(() => t.decimal(5, 6)).toThrow('decimal scale 6 is not an integer from 0 to the precision 5')
    expect(() => t.decimal(5.5, 2)).toThrow(TypeError)
    expect(() => t.fixed(0)).toThrow('fixed length 0')
    expect(() => t.fixed(NaN)).toThrow(TypeError)
    expect(() => t.long({ mode: 'date' as 'number' })).toThrow('mode "date" is not one of bigint, number')
  })

  test('make columns that cannot be changed', () => {
    const column = t.int()
    expect(column.nullable()).not.toBe(column)
    expect([column.isNullable, column.nullable().isNullable]).toEqual([false, true])
    expect(() => Object.assign(column, { mode: 'number' })).toThrow(TypeError)
  })

  test('have a name for each type', () => {
    const schema = declare(EVERY_COLUMN, 'int')
    expect(schema.columns.map((column) => typeName(column.type)).join('; ')).toBe(
      'boolean; int; long; long; float; double; decimal(9, 2); decimal(18, 0); decimal(38, 10); date; time; ' +
        'timestamp; timestamptz; timestamp; timestamp_ns; timestamptz_ns; string; uuid; fixed[5]; binary',
    )
  })
})

describe('a persisted schema', () => {
  const schema = declare(EVERY_COLUMN, 'string', 'int')
  const changed = (change: (json: Record<string, never>) => void): unknown => {
    const json = JSON.parse(JSON.stringify(schema)) as Record<string, never>
    change(json)
    return json
  }
  const column = (json: unknown, i: number): Record<string, unknown> =>
    (json as { columns: Record<string, unknown>[] }).columns[i]

  test('comes back from JSON', () => {
    expect(parseTableSchema(JSON.parse(JSON.stringify(schema)), 'users')).toEqual(schema)
    expect(schemaSchema.parse(schema)).toEqual(schema)
  })

  test.each([
    ['no object', null, 'expected object'],
    ['no columns', changed((json) => delete json.columns), 'columns'],
    ['an unknown property', changed((json) => Object.assign(json, { extra: 1 })), 'extra'],
    [
      'an unknown type',
      changed((json) => Object.assign(column(json, 0), { type: { kind: 'map' } })),
      'columns[0].type',
    ],
    [
      'a decimal too precise',
      changed((json) =>
        Object.assign(column(json, 0), { type: { kind: 'decimal', precision: 39, scale: 0 } }),
      ),
      'columns[0].type',
    ],
    [
      'a scale above the precision',
      changed((json) =>
        Object.assign(column(json, 0), { type: { kind: 'decimal', precision: 3, scale: 4 } }),
      ),
      'columns[0].type',
    ],
    [
      'a fixed without length',
      changed((json) => Object.assign(column(json, 0), { type: { kind: 'fixed' } })),
      'columns[0].type',
    ],
    [
      'a repeated id',
      changed((json) => Object.assign(column(json, 1), { id: 10 })),
      'two columns have the id 10',
    ],
    [
      'a repeated name',
      changed((json) => Object.assign(column(json, 1), { name: 'boolean' })),
      'two columns are named',
    ],
    [
      'an engine id',
      changed((json) => Object.assign(column(json, 1), { id: 2 })),
      'has the id 2, outside 10 to 29',
    ],
    [
      'an id above the last',
      changed((json) => Object.assign(column(json, 1), { id: 99 })),
      'outside 10 to 29',
    ],
    ['a key of no column', changed((json) => Object.assign(json, { key: [77] })), 'column id 77'],
    [
      'a nullable key',
      changed((json) => Object.assign(column(json, 16), { required: false })),
      'may be null',
    ],
    [
      'an id that is a text',
      changed((json) => Object.assign(column(json, 1), { id: '11' })),
      'columns[1].id',
    ],
  ])('with %s is refused', (_, json, message) => {
    expect(() => parseTableSchema(json, 'users')).toThrow(message)
    expect(() => parseTableSchema(json, 'users')).toThrow(expect.objectContaining({ code: 'INVALID' }))
  })
})

describe('a declared schema against the stored one', () => {
  const stored = declare({ id: t.long(), name: t.string(), age: t.int().nullable() }, 'id')

  test('fits if names, types, order and key are the same, whatever the ids', () => {
    const moved = {
      ...stored,
      schemaId: 4,
      lastColumnId: 40,
      columns: stored.columns.map((column) => ({ ...column, id: column.id + 20 })),
      key: stored.key.map((id) => id + 20),
    }
    expect(sameSchema(moved, stored)).toBe(true)
    expect(describeSchemaDifference(moved, stored)).toBe('')
    expect(
      sameSchema(
        stored,
        declare({ id: t.long({ mode: 'number' }), name: t.string(), age: t.int().nullable() }, 'id'),
      ),
    ).toBe(true)
  })

  test.each([
    [
      { id: t.long(), name: t.string(), age: t.long() },
      ['id'],
      'column "age" is stored as int, nullable but declared as long',
    ],
    [{ id: t.long(), name: t.string() }, ['id'], 'column "age" (int, nullable) is stored but not declared'],
    [
      { id: t.long(), name: t.string(), age: t.int().nullable(), at: t.date() },
      ['id'],
      'column "at" (date) is declared but not stored',
    ],
    [
      { name: t.string(), id: t.long(), age: t.int().nullable() },
      ['id'],
      'the columns are stored in the order id, name, age but declared in the order name, id, age',
    ],
    [
      { id: t.long(), name: t.string(), age: t.int().nullable() },
      ['id', 'name'],
      'the key is stored as (id) but declared as (id, name)',
    ],
  ])('differs readably: %#', (columns, key, message) => {
    const declared = declare(columns, ...key)
    expect(sameSchema(stored, declared)).toBe(false)
    expect(describeSchemaDifference(stored, declared)).toBe(message)
  })

  test('names every difference', () => {
    const declared = declare({ id: t.string(), email: t.string() }, 'email')
    expect(describeSchemaDifference(stored, declared).split('\n')).toHaveLength(5)
  })
})

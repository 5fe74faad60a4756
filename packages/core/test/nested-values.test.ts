import { describe, expect, test } from 'vitest'
import {
  Alteration,
  ByteWriter,
  parseTableSchema,
  RowCodec,
  Shredder,
  t,
  table,
  type Column,
} from '../src/index.ts'
import { EVERY_COLUMN } from './every-type.ts'
import { failureOf } from './failure.ts'
import { Random, randomColumn, randomPart } from './random.ts'

const SCALARS: readonly Column[] = Object.values(EVERY_COLUMN).filter(({ mode }) => mode === undefined)

function codecOf(columns: Readonly<Record<string, Column>>): RowCodec {
  const { schema, modes } = table('nested', { id: t.int(), ...columns }, { key: ['id'] })
  return RowCodec.compile('nested', schema, modes)
}

function encode(codec: RowCodec, row: unknown): { bytes: Uint8Array; keyLength: number } {
  const out = new ByteWriter(1)
  const keyLength = codec.encodeRow(row, out)
  return { bytes: out.written().slice(), keyLength }
}

function roundTrip(codec: RowCodec, row: unknown): unknown {
  const { bytes, keyLength } = encode(codec, row)
  return codec.decodeRow(bytes, 0, keyLength, keyLength, bytes.length)
}

describe('nested values come back as they went in', () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'random columns %i, as rows and as vectors',
    (seed) => {
      const random = new Random(seed)
      const columns = Object.fromEntries(
        ['p', 'q', 'r'].map((name) => {
          const column = randomColumn(random, 4, SCALARS)
          return [name, random.below(2) === 0 ? column : column.nullable()] as const
        }),
      )
      const codec = codecOf(columns)
      // The schema survives being written down.
      expect(parseTableSchema(JSON.parse(JSON.stringify(codec.schema)))).toEqual(codec.schema)
      const shredder = new Shredder(codec.schema)
      const rows = Array.from({ length: 30 }, (_, id) => ({
        id,
        ...Object.fromEntries(
          Object.entries(columns).map(([name, { type, isNullable }]) => [
            name,
            randomPart(random, { id: 0, type, required: !isNullable }),
          ]),
        ),
      }))
      for (const row of rows) {
        expect(roundTrip(codec, row)).toStrictEqual(row)
        const { bytes, keyLength } = encode(codec, row)
        shredder.append(bytes, 0, keyLength, keyLength, bytes.length)
      }
      const vectors = shredder.finish()
      expect(codec.rowsOf(vectors, 0, rows.length)).toStrictEqual(rows)
      rows.forEach((row, i) => {
        expect(codec.rowAt(vectors, i)).toStrictEqual(row)
      })
    },
  )

  test('modes reach into them, and maps may be objects', () => {
    const codec = codecOf({
      counts: t.list(t.long({ mode: 'number' }).nullable()),
      at: t.struct({ seen: t.timestamptz({ mode: 'bigint' }) }),
      byName: t.map(t.string(), t.long({ mode: 'number' }), { mode: 'object' }),
      byDay: t.map(t.date(), t.list(t.string())),
    })
    const row = {
      id: 1,
      counts: [1, null, -5],
      at: { seen: 1_700_000_000_000_001n },
      byName: { z: 1, a: 2, ['__proto__']: 3 },
      byDay: new Map([['2024-02-29', ['x', '']]]),
    }
    expect(roundTrip(codec, row)).toStrictEqual(row)
    expect(roundTrip(codec, { ...row, byName: new Map([['a', 2]]) })).toStrictEqual({
      ...row,
      byName: { a: 2 },
    })
  })

  test('fields that may be null may be left out, and a default fills the column', () => {
    const codec = codecOf({
      where: t.struct({ city: t.string(), zip: t.int().nullable() }),
      tags: t.list(t.string()).default(['new']),
    })
    expect(roundTrip(codec, { id: 1, where: { city: 'Bern' } })).toStrictEqual({
      id: 1,
      where: { city: 'Bern', zip: null },
      tags: ['new'],
    })
  })
})

describe('what a nested column refuses', () => {
  const codec = codecOf({
    tags: t.list(t.string()).nullable(),
    home: t.struct({ street: t.string(), zip: t.int().nullable() }).nullable(),
    counts: t.map(t.timestamptz(), t.int()).nullable(),
    deep: t.list(t.struct({ sizes: t.map(t.string(), t.fixed(2)) })).nullable(),
  })
  test.each([
    [{ tags: 'a' }, 'column "tags": "a" is not an array'],
    [{ tags: ['a', 1] }, 'column "tags.element": 1 is not a string'],
    [{ tags: [null] }, 'column "tags.element": null is not a value; null is not allowed here'],
    [{ tags: ['\ud800'] }, 'column "tags.element"'],
    [{ home: ['x'] }, 'column "home": an array of 1 is not an object with street, zip'],
    [{ home: new Map() }, 'column "home": a Map is not an object'],
    [{ home: { zip: 1 } }, 'column "home.street": undefined is not a value; the field is required'],
    [{ home: { street: 'a', zip: 1.5 } }, 'column "home.zip": 1.5 is not an integer'],
    [
      { home: { street: 'a', town: 'b' } },
      'column "home": the object has a field "town"; the fields are street, zip',
    ],
    [{ counts: { a: 1 } }, 'column "counts": an object is not a Map'],
    [{ counts: new Map([[1, 1]]) }, 'column "counts.key": 1 is not a Date'],
    [
      {
        counts: new Map([
          [new Date(5), 1],
          [new Date(5), 2],
        ]),
      },
      'column "counts": 1970-01-01T00:00:00.005Z is not a key of its own',
    ],
    [{ deep: [{ sizes: { a: Uint8Array.of(1) } }] }, 'column "deep.element.sizes.value"'],
  ])('%o', (values, message) => {
    const error = failureOf(() => encode(codec, { id: 1, ...values })) as Error & { code?: string }
    expect(error.code).toBe('INVALID')
    expect(error.message).toContain('table "nested", ')
    expect(error.message).toContain(message)
  })

  test('bytes that are no nested value are CORRUPT, whichever are cut off or too many', () => {
    const row = {
      id: 1,
      tags: ['a', 'b'],
      home: { street: 'x', zip: 4 },
      counts: null,
      deep: [{ sizes: new Map([['k', Uint8Array.of(1, 2)]]) }],
    }
    const { nested } = codec.all.plans[4]
    const out = new ByteWriter()
    nested?.append(out, row.deep)
    const bytes = out.written()
    expect(nested?.read(bytes, 0, bytes.length)).toEqual(row.deep)
    for (let end = 0; end < bytes.length; end++) {
      const error = failureOf(() => nested?.read(bytes, 0, end)) as { code?: string; message: string }
      expect(error.code).toBe('CORRUPT')
      expect(error.message).toContain('table "nested", column "deep"')
    }
    const longer = Uint8Array.of(...bytes, 0)
    expect(failureOf(() => nested?.read(longer, 0, longer.length))).toMatchObject({ code: 'CORRUPT' })
  })
})

describe('which nested types there are', () => {
  const deep = (levels: number): Column => (levels === 0 ? t.int() : t.list(deep(levels - 1)))
  test.each([
    [() => t.struct({}), 'a struct without fields'],
    [() => t.struct({ _row: t.int() }), 'a field whose name "_row" is reserved'],
    [() => t.map(t.string().nullable(), t.int()), 'keys may be null'],
    [() => t.map(t.double(), t.int()), 'a map whose keys are of type double'],
    [() => t.map(t.list(t.int()), t.int()), 'a map whose keys are of type list'],
    [() => deep(33), 'nested more than 32 deep'],
    [() => t.list(t.int().default(1)), 'an element of a list has a default'],
    [() => t.struct({ a: t.int().default(1) }), 'field "a" of a struct has a default'],
    [() => t.map(t.int(), t.int(), { mode: 'object' }), 'a map with keys of type int is no object'],
  ])('refused: %s', (make, message) => {
    const error = failureOf(() => codecOf({ c: make() }))
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).toContain(message)
  })

  test('they are no keys', () => {
    const declare = (): unknown => table('keys', { k: t.list(t.int()) }, { key: ['k'] })
    expect(failureOf(declare)).toMatchObject({
      message: expect.stringContaining('is a list; key columns are scalars'),
    })
  })

  test('where asks of them only whether they are null', () => {
    const codec = codecOf({ home: t.struct({ zip: t.int() }).nullable() })
    for (const where of [{ home: { zip: 1 } }, { home: { eq: { zip: 1 } } }, { home: { in: [] } }]) {
      const error = failureOf(() => codec.filter(where))
      expect(error).toBeInstanceOf(TypeError)
      expect((error as Error).message).toContain(
        'where does not compare nested columns, and "home" is a struct',
      )
    }
    const shredder = new Shredder(codec.schema)
    for (const home of [null, { zip: 1 }, null]) {
      const { bytes, keyLength } = encode(codec, { id: shredder.length, home })
      shredder.append(bytes, 0, keyLength, keyLength, bytes.length)
    }
    const columns = [shredder.finish()[1]]
    expect([...codec.filter({ home: null }).matches(columns, 3)]).toEqual([0, 2])
    expect([...codec.filter({ home: { isNull: false } }).matches(columns, 3)]).toEqual([1])
  })

  test('ids: the columns first, then the parts of each, from the outside in', () => {
    const { schema } = table(
      'ids',
      { id: t.int(), list: t.list(t.struct({ a: t.int(), b: t.map(t.string(), t.int()) })), last: t.int() },
      { key: ['id'] },
    )
    expect(schema.columns.map(({ id }) => id)).toEqual([10, 11, 12])
    expect(
      JSON.stringify(schema.columns[1].type)
        .match(/"id":\d+/g)
        ?.map((id) => Number(id.slice(5))),
    ).toEqual([13, 14, 15, 16, 17])
    expect(schema.lastColumnId).toBe(17)
    const { schema: after } = new Alteration('ids', schema, {})
      .add('more', t.list(t.int()).nullable())
      .finish()
    expect(after.columns[3]).toMatchObject({ id: 18, type: { element: { id: 19 } } })
    expect(after.lastColumnId).toBe(19)
  })
})

import { describe, expect, test } from 'vitest'
import {
  Alteration,
  ByteWriter,
  projectionBetween,
  RowCodec,
  SchemaProjection,
  Shredder,
  t,
  table,
  type Column,
  type TableSchema,
} from '../src/index.ts'
import { EVERY_COLUMN, valueType } from './every-type.ts'
import { failureOf } from './failure.ts'
import { Random, randomValue } from './random.ts'

type Rows = Record<string, unknown>

/** Every column that may be widened, to what, and the value that an old one then is. */
const WIDENED: Readonly<Record<string, readonly [from: Column, to: Column, as: (value: never) => unknown]>> =
  {
    int: [t.int(), t.long(), (value: number) => BigInt(value)],
    intAsNumber: [t.int(), t.long({ mode: 'number' }), (value: number) => value],
    float: [t.float(), t.double(), (value: number) => value],
    decimalInInt: [t.decimal(5, 2), t.decimal(9, 2), (value: string) => value],
    decimalToLong: [t.decimal(9, 2), t.decimal(18, 2), (value: string) => value],
    decimalToBytes: [t.decimal(9, 2), t.decimal(38, 2), (value: string) => value],
    decimalLongToBytes: [t.decimal(18, 3), t.decimal(30, 3), (value: string) => value],
    decimalToMoreBytes: [t.decimal(20, 4), t.decimal(38, 4), (value: string) => value],
    date: [t.date(), t.timestamp(), (value: string) => new Date(`${value}T00:00:00Z`)],
    dateToNanos: [t.date(), t.timestampNs(), (value: string) => BigInt(Date.parse(value)) * 1_000_000n],
  }

/** Dates within what nanoseconds since the epoch can tell. */
const DATES = ['1970-01-01', '1969-12-31', '2024-02-29', '1677-09-22', '2262-04-11'] as const

function valueFor(random: Random, column: Column): unknown {
  if (column.isNullable && random.below(3) === 0) return null
  return column.type.kind === 'date' ? random.pick(DATES) : randomValue(random, valueType(column))
}

/** Rows under the first schema, encoded, and read under the second one by row and by column. */
function readUnder(
  rows: readonly Rows[],
  from: RowCodec,
  to: RowCodec,
): { byRow: unknown[]; byColumn: unknown[] } {
  const projection = new SchemaProjection(from.schema, to.schema)
  const out = new ByteWriter(16)
  const projected = new ByteWriter(16)
  const shredder = new Shredder(from.schema)
  const byRow = rows.map((row) => {
    out.clear()
    const keyLength = from.encodeRow(row, out)
    shredder.append(out.bytes, 0, keyLength, keyLength, out.length)
    projected.clear()
    projected.append(out.bytes.subarray(0, keyLength))
    projection.rows.append(out.bytes, keyLength, out.length, projected)
    return to.decodeRow(projected.bytes, 0, keyLength, keyLength, projected.length)
  })
  const vectors = shredder.finish()
  const columns = projection.columns(to.all.columnIds)
  const sources = columns.sourceIds.map((id) => vectors[from.schema.columns.findIndex((c) => c.id === id)])
  return { byRow, byColumn: to.rowsOf(columns.project(sources, rows.length), 0, rows.length) }
}

describe('rows of an earlier schema', () => {
  const old: Readonly<Record<string, Column>> = {
    id: t.int(),
    ...Object.fromEntries(
      Object.entries(EVERY_COLUMN).map(([name, column]) => [`kept_${name}`, column.nullable()]),
    ),
    ...Object.fromEntries(Object.entries(WIDENED).map(([name, [from]]) => [name, from])),
    ...Object.fromEntries(
      Object.entries(WIDENED).map(([name, [from]]) => [`${name}_maybe`, from.nullable()]),
    ),
    gone: t.string(),
    other: t.binary().nullable(),
  }
  const before = table('all', old, { key: ['id'] })
  const widenAll = (a: Alteration<Rows, Rows, unknown>): Alteration<Rows, Rows, unknown> => {
    for (const [name, [, to]] of Object.entries(WIDENED)) a.widen(name, to).widen(`${name}_maybe`, to)
    return a
  }
  const after = widenAll(new Alteration<Rows, Rows, unknown>('all', before.schema, before.modes))
    .drop('gone')
    .rename({ kept_int: 'kept_string', kept_string: 'kept_int' })
    .add('note', t.string().nullable())
    .add('level', t.int().default(-7))
    .add('label', t.string().default('née'))
    .add('maybe', t.decimal(30, 2).nullable().default('-12.5'))
    .makeNullable('date')
    .move('label', 'first')
    .move('id', 'last')
    .finish()
  const from = RowCodec.compile('all', before.schema, before.modes)
  const to = RowCodec.compile('all', after.schema, after.modes)

  test('read the same by row and by column: kept, renamed, widened, filled', () => {
    const random = new Random(5)
    const rows = Array.from({ length: 300 }, (_, id): Rows => {
      const values = Object.entries(old).map(([name, column]) => [name, valueFor(random, column)])
      return { ...Object.fromEntries(values), id }
    })
    const expected = rows.map((row) => {
      const { gone: _, kept_int, kept_string, ...rest } = row
      const widened = Object.entries(WIDENED).flatMap(([name, [, , as]]) =>
        [name, `${name}_maybe`].map((key) => [key, row[key] === null ? null : as(row[key] as never)]),
      )
      return {
        ...rest,
        ...Object.fromEntries(widened),
        kept_int: kept_string,
        kept_string: kept_int,
        note: null,
        level: -7,
        label: 'née',
        maybe: '-12.50',
      }
    })
    const { byRow, byColumn } = readUnder(rows, from, to)
    expect(byRow).toEqual(expected)
    expect(byColumn).toEqual(expected)
  })

  test('that were cut are damage', () => {
    const projection = new SchemaProjection(before.schema, after.schema)
    const out = new ByteWriter()
    expect(failureOf(() => projection.rows.append(new Uint8Array(3), 0, 3, out))).toMatchObject({
      code: 'CORRUPT',
    })
  })

  test('selected columns are read by id, and those that are not there not at all', () => {
    const projection = new SchemaProjection(before.schema, after.schema)
    const level = after.schema.columns.find((column) => column.name === 'level')!.id
    const ids = [level, 10]
    const columns = projection.columns(ids)
    expect(columns.sourceIds).toEqual([10])
    expect(projection.columns(ids)).toBe(columns)
    expect(projection.columns([level]).project([], 3)).toMatchObject([{ length: 3 }])
  })

  test('of the same schema need no projection', () => {
    expect(projectionBetween(before.schema, before.schema)).toBeUndefined()
  })
})

test.each([
  ['timestamp', t.timestamp({ mode: 'bigint' }), '+292279-01-01'],
  ['timestamp_ns', t.timestampNs(), '2262-04-12'],
] as const)('a date beyond what a %s can tell is refused, not bent', (_, type, day) => {
  const before = table('days', { id: t.int(), at: t.date() }, { key: ['id'] })
  const after = new Alteration<Rows, Rows, number>('days', before.schema, {}).widen('at', type).finish()
  const read = (): unknown =>
    readUnder(
      [{ id: 1, at: day }],
      RowCodec.compile('days', before.schema),
      RowCodec.compile('days', after.schema),
    )
  expect(failureOf(read)).toMatchObject({ code: 'INVALID' })
})

test('a required column without a value for older rows has no projection', () => {
  const before = table('t', { id: t.int() }, { key: ['id'] }).schema
  const column = { id: 11, name: 'x', type: { kind: 'int' }, required: true } as const
  const after: TableSchema = {
    ...before,
    schemaId: 1,
    columns: [...before.columns, column],
    lastColumnId: 11,
  }
  expect(() => new SchemaProjection(before, after)).toThrow('column "x" is required')
})

test('rows that leave a column out get its write default; null stays null', () => {
  const columns = { id: t.int(), n: t.int().default(4), text: t.string().nullable().default('x') }
  const definition = table('t', columns, { key: ['id'] })
  const codec = RowCodec.compile('t', definition.schema)
  const back = (row: object): unknown => {
    const out = new ByteWriter()
    const keyLength = codec.encodeRow(row, out)
    return codec.decodeRow(out.bytes, 0, keyLength, keyLength, out.length)
  }
  expect(back({ id: 1 })).toEqual({ id: 1, n: 4, text: 'x' })
  expect(back({ id: 1, n: 5, text: null })).toEqual({ id: 1, n: 5, text: null })
  expect(() => back({ id: 1, n: null })).toThrow('column is required')
})

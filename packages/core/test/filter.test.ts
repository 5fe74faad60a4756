import { describe, expect, test } from 'vitest'
import {
  ByteWriter,
  encodeSingleValue,
  RowCodec,
  Shredder,
  t,
  table,
  truncateLower,
  truncateUpper,
  type Column,
  type ColumnStats,
  type Vector,
} from '../src/index.ts'
import { EVERY_COLUMN, valueType } from './every-type.ts'
import { failureOf } from './failure.ts'
import { Random, randomValue } from './random.ts'

type Value = string | number | bigint | boolean | Date | Uint8Array | null

/** The columns of rows, in schema order. */
function vectorsOf(codec: RowCodec, rows: readonly unknown[]): Vector[] {
  const shredder = new Shredder(codec.schema)
  const out = new ByteWriter()
  for (const row of rows) {
    out.clear()
    const keyLength = codec.encodeRow(row, out)
    shredder.append(out.bytes, 0, keyLength, keyLength, out.length)
  }
  return shredder.finish()
}

/** Compares values of one column as its type says, from the values alone. */
function compare(column: Column, a: Value, b: Value): number {
  const { kind } = column.type
  if (kind === 'decimal') return compare(t.long() as Column, unscaled(a), unscaled(b))
  if (kind === 'date') return Math.sign(Date.parse(String(a)) - Date.parse(String(b)))
  if (typeof a === 'number' && typeof b === 'number' && (Number.isNaN(a) || Number.isNaN(b))) {
    return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  }
  const left = comparable(a)
  const right = comparable(b)
  if (Array.isArray(left) && Array.isArray(right)) {
    const at = left.findIndex((part, i) => part !== right[i])
    return at < 0
      ? Math.sign(left.length - right.length)
      : at >= right.length || left[at] > right[at]
        ? 1
        : -1
  }
  return left < right ? -1 : left > right ? 1 : 0
}

function unscaled(value: Value): bigint {
  return BigInt(String(value).replace('.', ''))
}

function comparable(value: Value): number | bigint | boolean | number[] {
  if (value instanceof Date) return value.getTime()
  if (value instanceof Uint8Array) return [...value]
  if (typeof value === 'string') return [...new TextEncoder().encode(value)]
  return value as number | bigint | boolean
}

const OPERATORS: Readonly<Record<string, (order: number) => boolean>> = {
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
  gt: (order) => order > 0,
  gte: (order) => order >= 0,
  lt: (order) => order < 0,
  lte: (order) => order <= 0,
}

/** Statistics as an SST has them, of a column of values in any order. */
function statsOf(column: Column, vector: Vector, values: readonly Value[]): ColumnStats {
  const present = values.flatMap((value, i) => (value === null || Number.isNaN(value) ? [] : [{ value, i }]))
  const sorted = present.toSorted((a, b) => compare(column, a.value, b.value))
  const nulls = values.filter((value) => value === null).length
  const isFloat = column.type.kind === 'float' || column.type.kind === 'double'
  const nans = isFloat ? { nans: values.filter((value) => Number.isNaN(value)).length } : {}
  const base = { id: 11, values: values.length, nulls, ...nans, bytes: 1 }
  if (sorted.length === 0) return base
  const lower = encodeSingleValue(column.type, vector, sorted[0].i)
  const upper = truncateUpper(
    column.type,
    encodeSingleValue(column.type, vector, sorted[sorted.length - 1].i),
    2,
  )
  return { ...base, lower: truncateLower(column.type, lower, 2), ...(upper === undefined ? {} : { upper }) }
}

describe.each(Object.entries(EVERY_COLUMN))('conditions on a column of %s', (name, column) => {
  const { schema, modes } = table('t', { id: t.int(), v: column.nullable() }, { key: ['id'] })
  const codec = RowCodec.compile('t', schema, modes)
  const random = new Random(name.length)
  const values: Value[] = [null, null]
  for (let i = 0; i < 40; i++) values.push(randomValue(random, valueType(column)) as Value)
  if (column.type.kind === 'double') values.push(Number.NaN, 0, -0, Infinity, -Infinity, 5e-324, -5e-324)
  if (column.type.kind === 'float') values.push(Number.NaN, 0, -0, 1, 1 + 2 ** -23, 1 - 2 ** -24)
  if (column.type.kind === 'int') values.push(0, 1, -1, 2 ** 31 - 1, 2 ** 31 - 2, -(2 ** 31), -(2 ** 31) + 1)
  if (name === 'long')
    values.push(0n, -1n, 2n ** 32n, 2n ** 32n - 1n, 2n ** 63n - 1n, 2n ** 63n - 2n, -(2n ** 63n))
  if (name === 'string') values.push('', 'a', 'a\0', 'b', '\uff5e', '\u{10000}')
  const vectors = vectorsOf(
    codec,
    values.map((v, id) => ({ id, v })),
  )
  const matches = (where: unknown): number[] => {
    const filter = codec.filter(where)
    const columns = filter.columnIds.map((id) => vectors[id - 10])
    return [...filter.matches(columns, values.length)]
  }
  const places = (holds: (value: Value) => boolean | undefined): number[] =>
    values.flatMap((value, i) => (holds(value) === true ? [i] : []))
  const literals = values.filter((value) => value !== null)

  test('every value against every value, and the contrary', () => {
    for (const [operator, holds] of Object.entries(OPERATORS)) {
      for (const literal of literals) {
        const holdsFor = (value: Value): boolean | undefined =>
          value === null ? undefined : holds(compare(column, value, literal))
        expect(matches({ v: { [operator]: literal } })).toEqual(places(holdsFor))
        // The contrary of what is unknown is unknown.
        const contrary = (value: Value): boolean | undefined =>
          value === null ? undefined : holdsFor(value) === false
        expect(matches({ not: { v: { [operator]: literal } } })).toEqual(places(contrary))
      }
    }
    expect(matches({ v: null })).toEqual([0, 1])
    expect(matches({ v: { isNull: false } })).toEqual(places((value) => value !== null))
    expect(matches({ v: literals[3] })).toEqual(matches({ v: { eq: literals[3] } }))
    const some = literals.slice(0, 3)
    const isSome = (value: Value): boolean =>
      value !== null && some.some((one) => compare(column, value, one) === 0)
    expect(matches({ v: { in: some } })).toEqual(places(isSome))
    expect(matches({ or: some.map((v) => ({ v })) })).toEqual(places(isSome))
    expect(matches({ v: { in: [] } })).toEqual([])
    expect(matches({ and: [{ v: { gte: some[0] } }, { v: { lte: some[0] } }] })).toEqual(
      matches({ v: some[0] }),
    )
    expect(matches({})).toEqual(values.map((_, i) => i))
    expect(matches({ or: [] })).toEqual([])
  })

  test('statistics never leave out a match, and leave out what they can', () => {
    let pruned = 0
    for (let n = 0; n < 300; n++) {
      const from = random.below(values.length)
      const part = values.slice(from, from + 1 + random.below(4))
      const vectorsOfPart = vectorsOf(
        codec,
        part.map((v, id) => ({ id, v })),
      )
      const stats = [statsOf(column, vectorsOfPart[1], part)]
      const literal = literals[random.below(literals.length)]
      const operator = Object.keys(OPERATORS)[random.below(6)]
      const conditions = [{ [operator]: literal }, { in: [literal] }, { isNull: random.below(2) === 0 }]
      const condition = { v: conditions[random.below(3)] }
      const where = random.below(3) === 0 ? { not: condition } : condition
      const filter = codec.filter(where)
      const found = filter.matches([vectorsOfPart[1]], part.length).length
      const mayMatch = filter.mayMatch(stats)
      if (!mayMatch) pruned++
      expect(mayMatch || found === 0).toBe(true)
      expect(filter.mayMatch([])).toBe(true)
    }
    expect(pruned).toBeGreaterThan(10)
  })
})

test('prefixes of texts and bytes, and what statistics say of them', () => {
  const { schema } = table('t', { id: t.int(), v: t.string(), b: t.binary() }, { key: ['id'] })
  const codec = RowCodec.compile('t', schema)
  const texts = ['', 'a', 'ab', 'abc', 'abd', 'b', 'é', 'éa', '\u{10000}']
  const vectors = vectorsOf(
    codec,
    texts.map((v, id) => ({ id, v, b: new TextEncoder().encode(v) })),
  )
  for (const prefix of [...texts, 'abz', 'zz']) {
    const expected = texts.flatMap((text, i) => (text.startsWith(prefix) ? [i] : []))
    const filter = codec.filter({ v: { prefix } })
    expect([...filter.matches([vectors[1]], texts.length)]).toEqual(expected)
    const bytes = codec.filter({ b: { prefix: new TextEncoder().encode(prefix) } })
    expect([...bytes.matches([vectors[2]], texts.length)]).toEqual(expected)
    texts.forEach((text, i) => {
      const bound = encodeSingleValue({ kind: 'string' }, vectors[1], i)
      const mayMatch = filter.mayMatch([
        { id: 11, values: 1, nulls: 0, lower: bound, upper: bound, bytes: 1 },
      ])
      expect(mayMatch).toBe(text.startsWith(prefix))
    })
  }
})

test('mistakes are named', () => {
  const { schema } = table('t', { id: t.int(), v: t.string().nullable() }, { key: ['id'] })
  const codec = RowCodec.compile('t', schema)
  for (const [where, message] of [
    [{ w: 1 }, 'no column "w"'],
    [{ v: { like: 'x' } }, 'no operator "like" (column "v")'],
    [{ v: { eq: null } }, 'isNull'],
    [{ v: { in: 'x' } }, 'a list of values'],
    [{ id: { prefix: '1' } }, 'strings or binaries'],
    [{ or: { id: 1 } }, 'a list of conditions'],
    [{ v: { isNull: 1 } }, 'true or false'],
    ['v = 1', 'an object with conditions'],
  ] as const) {
    expect(() => codec.filter(where)).toThrow(TypeError)
    expect(() => codec.filter(where)).toThrow(message)
  }
  expect(failureOf(() => codec.filter({ id: '1' }))).toMatchObject({ code: 'INVALID' })
})

import { describe, expect, test } from 'vitest'
import {
  ByteWriter,
  encodeKeyVector,
  isPresent,
  RowCodec,
  Shredder,
  t,
  table,
  type Column,
  type Vector,
} from '../src/index.ts'
import { EVERY_COLUMN, KEY_COLUMNS, valueType } from './every-type.ts'
import { failureOf } from './failure.ts'
import { Random, randomValue } from './random.ts'

const columns: Readonly<Record<string, Column>> = {
  ...Object.fromEntries(KEY_COLUMNS.map(([name, column]) => [`key_${name}`, column])),
  ...Object.fromEntries(
    Object.entries(EVERY_COLUMN).map(([name, column]) => [`${name}_maybe`, column.nullable()]),
  ),
  ...EVERY_COLUMN,
}
const { schema, modes } = table('all', columns, {
  key: KEY_COLUMNS.map(([name]) => `key_${name}`) as [string],
})
const codec = RowCodec.compile('all', schema, modes)

function randomRow(random: Random): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [
      name,
      column.isNullable && random.below(2) === 0 ? null : randomValue(random, valueType(column)),
    ]),
  )
}

function shred(shredder: Shredder, by: RowCodec, rows: readonly unknown[]): Vector[] {
  const out = new ByteWriter()
  for (const row of rows) {
    out.clear()
    const keyLength = by.encodeRow(row, out)
    shredder.append(out.bytes, 0, keyLength, keyLength, out.length)
  }
  return shredder.finish()
}

describe('encoded rows become vectors', () => {
  test('that read as the same rows, batch after batch', () => {
    const random = new Random(11)
    const shredder = new Shredder(schema)
    for (const count of [0, 1, 7, 8, 9, 300, 64]) {
      const rows = Array.from({ length: count }, () => randomRow(random))
      const vectors = shred(shredder, codec, rows)
      expect(vectors.map((vector) => vector.length)).toEqual(schema.columns.map(() => count))
      expect(codec.rowsOf(vectors, 0, count)).toStrictEqual(rows)
      rows.forEach((row, i) => expect(codec.rowAt(vectors, i)).toStrictEqual(row))
      const half = count >>> 1
      expect(codec.rowsOf(vectors, half, count)).toStrictEqual(rows.slice(half))
    }
  })

  test('that keys can be made of again', () => {
    const random = new Random(12)
    const out = new ByteWriter()
    const shredder = new Shredder(schema)
    const ends = [0]
    const keys = new ByteWriter()
    for (let i = 0; i < 500; i++) {
      out.clear()
      const keyLength = codec.encodeRow(randomRow(random), out)
      keys.append(out.bytes.subarray(0, keyLength))
      ends.push(keys.length)
      shredder.append(out.bytes, 0, keyLength, keyLength, out.length)
    }
    const vectors = shredder.finish()
    const keyVectors = schema.key.map((id) => vectors[schema.columns.findIndex((column) => column.id === id)])
    const again = encodeKeyVector(schema, keyVectors, 500)
    expect(again.bytes).toEqual(keys.written().slice())
    expect(Array.from(again.offsets)).toEqual(ends)
  })

  test('with validity only where a value is absent', () => {
    const plain = table('p', { k: t.int(), a: t.string().nullable(), b: t.int().nullable() }, { key: ['k'] })
    const byPlain = RowCodec.compile('p', plain.schema)
    const rows = Array.from({ length: 20 }, (_, k) => ({ k, a: 'x', b: k === 17 ? null : k }))
    const [, a, b] = shred(new Shredder(plain.schema), byPlain, rows)
    expect(a.validity).toBeUndefined()
    expect(rows.map((_, i) => isPresent(b, i))).toEqual(rows.map((row) => row.b !== null))
    expect(b.validity).toHaveLength(3)
    // Bits past the end are clear, so that a bitmap can be compared and counted as it is.
    expect(b.validity?.[2]).toBe(0b1101)
  })

  test('with zero in absent slots', () => {
    const plain = table('p', { k: t.int(), b: t.double().nullable(), u: t.uuid().nullable() }, { key: ['k'] })
    const byPlain = RowCodec.compile('p', plain.schema)
    const full = { k: 1, b: NaN, u: 'ffffffff-ffff-ffff-ffff-ffffffffffff' }
    const [, b, u] = shred(new Shredder(plain.schema), byPlain, [full, { k: 2 }, full])
    expect(b).toMatchObject({ values: Float64Array.of(NaN, 0, NaN) })
    expect((u as { values: Uint8Array }).values.subarray(16, 32)).toEqual(new Uint8Array(16))
  })

  test('selected ones read alone', () => {
    const random = new Random(14)
    const rows = Array.from({ length: 10 }, () => randomRow(random))
    const vectors = shred(new Shredder(schema), codec, rows)
    const selection = codec.select(['string', 'key_long'])
    const chosen = selection.columnIds.map(
      (id) => vectors[schema.columns.findIndex((column) => column.id === id)],
    )
    expect(codec.rowsOf(chosen, 2, 4, selection)).toEqual(
      rows.slice(2, 4).map((row) => ({ string: row.string, key_long: row.key_long })),
    )
    expect(() => codec.rowsOf([...chosen].reverse(), 0, 1, selection)).toThrow(
      'a vector of i64 for the bytes column "string" of table "all"',
    )
  })
})

test('damaged bytes are refused or still rows of the schema', () => {
  const plain = table(
    'p',
    { k: t.string(), n: t.long(), a: t.string().nullable(), b: t.binary() },
    { key: ['k', 'n'] },
  )
  const byPlain = RowCodec.compile('p', plain.schema)
  const out = new ByteWriter()
  const keyLength = byPlain.encodeRow({ k: 'k\0', n: 5n, a: 'aa', b: Uint8Array.of(1) }, out)
  const wrong: unknown[] = []
  for (let at = 0; at < out.length; at++) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const bytes = out.written().slice()
      bytes[at] ^= mask
      const shredder = new Shredder(plain.schema)
      const error = failureOf(() => shredder.append(bytes, 0, keyLength, keyLength, bytes.length)) as
        | { code?: string }
        | undefined
      if (error !== undefined && error.code !== 'CORRUPT') wrong.push([at, mask, error])
      if (error === undefined && byPlain.rowsOf(shredder.finish(), 0, 1).length !== 1) wrong.push([at, mask])
    }
  }
  expect(wrong).toEqual([])
  const shredder = new Shredder(plain.schema)
  for (let end = 0; end < keyLength; end++) {
    expect(() => shredder.append(out.bytes, 0, end, keyLength, out.length)).toThrow('key')
  }
  expect(() => shredder.append(out.bytes, 0, keyLength, keyLength, keyLength + 3)).toThrow(
    'shorter than its fixed part',
  )
  expect(() => shredder.append(out.bytes, 0, keyLength, keyLength, out.length - 1)).toThrow(
    'column "b" ends outside',
  )
})

test('data that ends before it starts is refused', () => {
  const plain = table('p', { k: t.int(), a: t.string(), b: t.string() }, { key: ['k'] })
  const byPlain = RowCodec.compile('p', plain.schema)
  const out = new ByteWriter()
  const keyLength = byPlain.encodeRow({ k: 1, a: 'aa', b: 'bb' }, out)
  out.bytes[keyLength + 4] = 1
  expect(() => byPlain.decodeRow(out.bytes, 0, keyLength, keyLength, out.length)).toThrow(
    'ends outside of its row',
  )
  expect(() => new Shredder(plain.schema).append(out.bytes, 0, keyLength, keyLength, out.length)).toThrow(
    'column "b" ends outside of its row',
  )
})

test('key vectors that do not fit the schema are misuse', () => {
  const pair = table('p', { a: t.int(), b: t.string() }, { key: ['a', 'b'] })
  const ints: Vector = { physical: 'i32', length: 1, values: Int32Array.of(1) }
  expect(() => encodeKeyVector(pair.schema, [ints], 1)).toThrow('1 vectors for a key of 2 columns')
  expect(() => encodeKeyVector(pair.schema, [ints, ints], 1)).toThrow(
    'key column "b" needs 1 values of bytes',
  )
  expect(() => encodeKeyVector(pair.schema, [ints, ints], 2)).toThrow('key column "a" needs 2 values of i32')
})

import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { ByteWriter, MeruError, RowCodec, rowLayout, t, table, type Column } from '../src/index.ts'
import { EVERY_COLUMN, KEY_COLUMNS, valueType } from './every-type.ts'
import { failureOf } from './failure.ts'
import { Random, randomValue } from './random.ts'

const NAMES = Object.keys(EVERY_COLUMN) as (keyof typeof EVERY_COLUMN)[]

function randomRow(random: Random, columns: Readonly<Record<string, Column>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [
      name,
      column.isNullable && random.below(3) === 0 ? null : randomValue(random, valueType(column)),
    ]),
  )
}

function roundTrip(codec: RowCodec, row: unknown): unknown {
  const out = new ByteWriter(1)
  const keyLength = codec.encodeRow(row, out)
  return codec.decodeRow(out.bytes, 0, keyLength, keyLength, out.length)
}

describe('rows come back as they went in', () => {
  test('every type, required', () => {
    const { schema, modes } = table('all', EVERY_COLUMN, { key: ['string', 'int'] })
    const codec = RowCodec.compile('all', schema, modes)
    const random = new Random(1)
    for (let i = 0; i < 3_000; i++) {
      const row = randomRow(random, EVERY_COLUMN)
      expect(roundTrip(codec, row)).toStrictEqual(row)
    }
  })

  test('every type, nullable', () => {
    const columns = {
      id: t.int(),
      ...Object.fromEntries(NAMES.map((name) => [name, EVERY_COLUMN[name].nullable()])),
    }
    const { schema, modes } = table('all', columns, { key: ['id'] })
    const codec = RowCodec.compile('all', schema, modes)
    const random = new Random(2)
    for (let i = 0; i < 3_000; i++) {
      const row = randomRow(random, columns)
      expect(roundTrip(codec, row)).toStrictEqual(row)
    }
  })

  test.each(KEY_COLUMNS)('a key of %s', (name, column) => {
    const { schema, modes } = table('keys', { v: t.int(), k: column }, { key: ['k'] })
    const codec = RowCodec.compile('keys', schema, modes)
    const random = new Random(name.length)
    for (let i = 0; i < 500; i++) {
      const k = randomValue(random, valueType(column))
      expect(roundTrip(codec, { k, v: i })).toStrictEqual({ v: i, k })
      const out = new ByteWriter()
      out.u32(7)
      codec.encodeKey(k, out)
      expect(codec.decodeKey(out.bytes, 4, out.length)).toStrictEqual(k)
      const again = new ByteWriter()
      codec.encodeKey({ k }, again)
      expect(again.written()).toEqual(out.written().subarray(4))
    }
  })

  test('a table of key columns alone', () => {
    const { schema } = table('set', { a: t.string(), b: t.int() }, { key: ['a', 'b'] })
    const codec = RowCodec.compile('set', schema)
    expect(roundTrip(codec, { a: 'x', b: 1 })).toEqual({ a: 'x', b: 1 })
  })

  test('an instance of a class, with accessors and inherited values', () => {
    class Visit {
      id = 1
      get text(): string {
        return `visit ${this.id}`
      }
    }
    const { schema } = table(
      'visits',
      { id: t.int(), text: t.string(), note: t.string().nullable() },
      { key: ['id'] },
    )
    const codec = RowCodec.compile('visits', schema)
    expect(roundTrip(codec, new Visit())).toEqual({ id: 1, text: 'visit 1', note: null })
    const bare = Object.assign(Object.create(null) as object, { id: 2, text: '' })
    expect(roundTrip(codec, bare)).toEqual({ id: 2, text: '', note: null })
  })

  test('columns named like members of every object', () => {
    const columns = { id: t.int(), constructor: t.string().nullable(), toString: t.string().nullable() }
    const { schema, modes } = table('odd', columns, { key: ['id'] })
    const codec = RowCodec.compile('odd', schema, modes)
    expect(roundTrip(codec, { id: 1, constructor: 'Ferrari' })).toEqual({
      id: 1,
      constructor: 'Ferrari',
      toString: null,
    })
  })

  test('values of another realm', () => {
    const { schema } = table(
      'v',
      { at: t.timestamptz(), raw: t.binary(), two: t.fixed(2) },
      { key: ['at', 'raw'] },
    )
    const codec = RowCodec.compile('v', schema)
    const foreign: unknown = runInNewContext(
      '({ at: new Date(5), raw: new Uint8Array([1]), two: new Uint8Array(2) })',
    )
    expect(roundTrip(codec, foreign)).toStrictEqual({
      at: new Date(5),
      raw: Uint8Array.of(1),
      two: new Uint8Array(2),
    })
  })

  test('long texts, ASCII or not, and long binaries', () => {
    const { schema } = table('texts', { id: t.int(), text: t.string(), raw: t.binary() }, { key: ['id'] })
    const codec = RowCodec.compile('texts', schema)
    for (const text of [
      'a'.repeat(100_000),
      'é'.repeat(50_000),
      `${'a'.repeat(30)}😀`,
      'é',
      'a'.repeat(24),
      'a'.repeat(25),
    ]) {
      const row = { id: 1, text, raw: new Uint8Array(70_000).fill(7) }
      expect(roundTrip(codec, row)).toEqual(row)
    }
  })
})

describe('what is normalised on the way', () => {
  const columns = {
    id: t.int(),
    long: t.long({ mode: 'number' }),
    time: t.time(),
    double: t.double(),
    amount: t.decimal(9, 2).nullable(),
    wide: t.decimal(38, 4).nullable(),
    uuid: t.uuid().nullable(),
    at: t.timestamptz().nullable(),
    raw: t.binary().nullable(),
  }
  const { schema, modes } = table('loose', columns, { key: ['id'] })
  const codec = RowCodec.compile('loose', schema, modes)
  const base = { id: 1, long: 1, time: 1, double: 1 }

  test('minus zero is zero as an integer and stays in a double', () => {
    const row = roundTrip(codec, { id: -0, long: -0, time: -0, double: -0 })
    expect(row).toMatchObject({ id: 0, long: 0, time: 0, double: -0 })
  })

  test('absent and undefined are null', () => {
    const expected = { ...base, amount: null, wide: null, uuid: null, at: null, raw: null }
    expect(roundTrip(codec, base)).toStrictEqual(expected)
    expect(roundTrip(codec, { ...base, amount: undefined, raw: undefined })).toStrictEqual(expected)
  })

  test.each([
    ['12.3', '12.30'],
    ['-0', '0.00'],
    ['-0.00', '0.00'],
    ['007', '7.00'],
    ['1.5000', '1.50'],
    ['-1234567.89', '-1234567.89'],
  ])('the decimal %s reads as %s', (given, expected) => {
    expect(roundTrip(codec, { ...base, amount: given })).toMatchObject({ amount: expected })
    expect(roundTrip(codec, { ...base, wide: given })).toMatchObject({ wide: `${expected}00` })
  })

  test('a UUID reads in lower case', () => {
    const uuid = '0B0C9A6E-2F3D-4C5E-8A7B-1D2E3F405162'
    expect(roundTrip(codec, { ...base, uuid })).toMatchObject({ uuid: uuid.toLowerCase() })
  })

  test('bytes are copies in memory of their own', () => {
    const out = new ByteWriter()
    const raw = Buffer.from([1, 2, 3])
    const keyLength = codec.encodeRow({ ...base, raw }, out)
    raw[0] = 9
    const row = codec.decodeRow(out.bytes, 0, keyLength, keyLength, out.length) as { raw: Uint8Array }
    expect(row.raw.constructor).toBe(Uint8Array)
    out.bytes.fill(0)
    expect(row.raw).toEqual(Uint8Array.of(1, 2, 3))
    expect(row.raw.buffer.byteLength).toBe(3)
  })
})

describe('the bytes of a row', () => {
  test('are the same for the same row, whatever the arena held', () => {
    const columns = Object.fromEntries(NAMES.map((name) => [name, EVERY_COLUMN[name].nullable()]))
    const { schema, modes } = table('all', { id: t.int(), ...columns }, { key: ['id'] })
    const codec = RowCodec.compile('all', schema, modes)
    const random = new Random(3)
    for (let i = 0; i < 200; i++) {
      const row = { id: i, ...randomRow(random, columns) }
      const clean = new ByteWriter()
      const dirty = new ByteWriter(10_000)
      dirty.bytes.fill(0xff)
      codec.encodeRow(row, clean)
      codec.encodeRow(row, dirty)
      expect(dirty.written()).toEqual(clean.written())
    }
  })

  test.each([
    [0, 0],
    [1, 1],
    [8, 1],
    [9, 2],
    [17, 3],
  ])('%i nullable columns take %i bytes of bitmap', (count, bytes) => {
    const columns = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`c${i}`, t.boolean().nullable()]),
    )
    const { schema } = table('x', { id: t.int(), v: t.int(), ...columns }, { key: ['id'] })
    expect(rowLayout(schema)).toMatchObject({ nullBytes: bytes, endsAt: bytes + 4 + count, variableCount: 0 })
  })
})

describe('modes', () => {
  const bigint = table('m', { id: t.long(), at: t.timestamptz({ mode: 'bigint' }) }, { key: ['id'] })
  const number = table('m', { id: t.long({ mode: 'number' }), at: t.timestamptz() }, { key: ['id'] })
  const wide = RowCodec.compile('m', bigint.schema, bigint.modes)
  const narrow = RowCodec.compile('m', number.schema, number.modes)

  function encode(row: unknown): { bytes: Uint8Array; keyLength: number; length: number } {
    const out = new ByteWriter()
    const keyLength = wide.encodeRow(row, out)
    return { bytes: out.bytes, keyLength, length: out.length }
  }

  test('do not change the bytes', () => {
    const out = new ByteWriter()
    narrow.encodeRow({ id: -42, at: new Date(-1) }, out)
    expect(out.written()).toEqual(encode({ id: -42n, at: -1000n }).bytes.subarray(0, out.length))
  })

  test('a long beyond 2^53 is refused as a number rather than rounded', () => {
    const { bytes, keyLength, length } = encode({ id: 2n ** 53n, at: 0n })
    expect(() => narrow.decodeRow(bytes, 0, keyLength, keyLength, length)).toThrow(
      'table "m", column "id": the stored 9007199254740992 is out of range; declare it with mode "bigint"',
    )
  })

  test.each([
    [999n, 0],
    [-1n, -1],
    [-1000n, -1],
    [-1001n, -2],
    [8_640_000_000_000_000_000n, 8.64e15],
    [-8_640_000_000_000_000_000n, -8.64e15],
    [9_007_199_254_740_993_001n - 1_000_000_000_000_000_000n, 8_007_199_254_740_993],
    [-8_007_199_254_740_993_001n, -8_007_199_254_740_994],
  ])('%s microseconds read as the Date at or before', (at, ms) => {
    const { bytes, keyLength, length } = encode({ id: 1n, at })
    expect(narrow.decodeRow(bytes, 0, keyLength, keyLength, length)).toEqual({ id: 1, at: new Date(ms) })
  })

  test('a moment that no Date can hold is refused', () => {
    const { bytes, keyLength, length } = encode({ id: 1n, at: 2n ** 63n - 1n })
    expect(() => narrow.decodeRow(bytes, 0, keyLength, keyLength, length)).toThrow('out of range')
  })
})

describe('selections', () => {
  const { schema } = table(
    's',
    { a: t.int(), b: t.string(), k: t.string(), c: t.string().nullable() },
    { key: ['k'] },
  )
  const codec = RowCodec.compile('s', schema)

  test('give the named columns in their order', () => {
    const out = new ByteWriter()
    const keyLength = codec.encodeRow({ a: 1, b: 'two', k: 'key', c: null }, out)
    const read = (...names: string[]): unknown =>
      codec.decodeRow(out.bytes, 0, keyLength, keyLength, out.length, codec.select(names))
    expect(Object.entries(read('c', 'k', 'a') as object)).toEqual([
      ['c', null],
      ['k', 'key'],
      ['a', 1],
    ])
    expect(read('b')).toEqual({ b: 'two' })
    expect(read()).toEqual({})
    expect(codec.select().names).toEqual(['a', 'b', 'k', 'c'])
    expect(codec.select(['c', 'a']).columnIds).toEqual([13, 10])
  })

  test('of unknown or repeated columns are misuse', () => {
    expect(() => codec.select(['a', 'x'])).toThrow(
      new TypeError('table "s" has no column "x"; it has a, b, k, c'),
    )
    expect(() => codec.select(['a', 'a'])).toThrow(TypeError)
  })
})

describe('damaged bytes', () => {
  const { schema } = table('d', { k: t.string(), a: t.int(), b: t.string(), c: t.binary() }, { key: ['k'] })
  const codec = RowCodec.compile('d', schema)
  const out = new ByteWriter()
  const keyLength = codec.encodeRow({ k: 'k\0k', a: 1, b: 'text', c: Uint8Array.of(1, 2) }, out)

  test('are refused or read as a row of the schema, never as something else', () => {
    const isRow = (row: Record<string, unknown>): boolean =>
      Object.keys(row).join() === 'k,a,b,c' && (row.b as string).length + (row.c as Uint8Array).length <= 6
    const wrong: unknown[] = []
    for (let at = 0; at < out.length; at++) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const bytes = out.written().slice()
        bytes[at] ^= mask
        let row: Record<string, unknown> = { k: '', a: 0, b: '', c: new Uint8Array() }
        const error = failureOf(() => {
          row = codec.decodeRow(bytes, 0, keyLength, keyLength, bytes.length)
        })
        const isRefused = error instanceof MeruError && error.code === 'CORRUPT'
        if (!(error === undefined ? isRow(row) : isRefused)) wrong.push([at, mask, row, error])
      }
    }
    expect(wrong).toEqual([])
  })

  test('a row or key cut short is refused', () => {
    for (let end = keyLength; end < out.length - 6; end++) {
      expect(() => codec.decodeRow(out.bytes, 0, keyLength, keyLength, end)).toThrow(/^table "d"/)
    }
    for (let end = 0; end < keyLength; end++)
      expect(() => codec.decodeKey(out.bytes, 0, end)).toThrow('an encoded key')
    expect(() => codec.decodeKey(out.bytes, 0, keyLength + 1)).toThrow('1 bytes too many')
  })
})

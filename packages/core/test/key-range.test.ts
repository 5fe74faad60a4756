import { describe, expect, test } from 'vitest'
import { ByteWriter, compareKeys, RowCodec, startsWith, t, table, type AnyRange } from '../src/index.ts'
import { Random } from './random.ts'

function encode(codec: RowCodec, key: unknown): Uint8Array {
  const out = new ByteWriter()
  codec.encodeKey(key, out)
  return out.written().slice()
}

/** Which of the keys lie in the range, by bytes. */
function inside<Key>(codec: RowCodec, keys: readonly Key[], range: AnyRange): Key[] {
  const { lower, upper } = codec.encodeRange(range)
  return keys.filter((key) => {
    const bytes = encode(codec, key)
    return (
      (lower === undefined || compareKeys(bytes, lower) >= 0) &&
      (upper === undefined || compareKeys(bytes, upper) < 0)
    )
  })
}

describe('a key of one column', () => {
  const ints = RowCodec.compile('n', table('n', { id: t.int() }, { key: ['id'] }).schema)
  const numbers = [-2147483648, -2, -1, 0, 1, 2, 2147483646, 2147483647]

  test.each([
    [{ gt: 0 }, (n: number) => n > 0],
    [{ gte: 0 }, (n: number) => n >= 0],
    [{ lt: 0 }, (n: number) => n < 0],
    [{ lte: 0 }, (n: number) => n <= 0],
    [{ gt: -2, lt: 2 }, (n: number) => n > -2 && n < 2],
    [{ gte: { id: -1 }, lte: { id: 1 } }, (n: number) => n >= -1 && n <= 1],
    [{ gt: 0, gte: 2 }, (n: number) => n >= 2],
    [{ gt: 1, gte: 0, lte: 5, lt: 2147483647 }, (n: number) => n === 2],
    [{}, () => true],
    [{ gt: undefined, lt: undefined }, () => true],
    [{ gt: 2147483647 }, () => false],
    [{ lte: 2147483647 }, () => true],
    [{ lt: -2147483648 }, () => false],
    [{ gt: 1, lt: 1 }, () => false],
    [{ gte: 2, lte: 1 }, () => false],
    [{ prefix: { id: 2 } }, (n: number) => n === 2],
  ])('%o', (range, expected) => {
    expect(inside(ints, numbers, range)).toEqual(numbers.filter(expected))
  })

  test('a range that holds nothing ends before every key', () => {
    for (const range of [{ gt: 2147483647 }, { gt: 1, lt: 1 }, { gte: 2, lt: 1 }]) {
      expect(ints.encodeRange(range).upper).toHaveLength(0)
    }
  })

  test('an open end is an absent bound', () => {
    expect(ints.encodeRange({ gt: 1 })).not.toHaveProperty('upper')
    expect(ints.encodeRange({ lt: 1 })).not.toHaveProperty('lower')
    expect(ints.encodeRange({ lte: 2147483647 })).toEqual({})
  })
})

describe('prefixes of texts and bytes', () => {
  const strings = RowCodec.compile('s', table('s', { k: t.string() }, { key: ['k'] }).schema)
  const texts = [
    '',
    '\0',
    '\0\0',
    '\0a',
    'j',
    'jo',
    'jo\0',
    'jo\0\u0001',
    'joe',
    'jo😀',
    'jp',
    'ÿ',
    '\u{10ffff}',
    '\u{10ffff}x',
  ]

  test.each(texts.flatMap((text) => [[text]]))('%j', (prefix) => {
    const expected = texts.filter((text) => text.startsWith(prefix))
    expect(inside(strings, texts, { prefix })).toEqual(expected)
    expect(inside(strings, texts, { prefix: startsWith(prefix) })).toEqual(expected)
    expect(inside(strings, texts, { prefix: { k: startsWith(prefix) } })).toEqual(expected)
    expect(inside(strings, texts, { prefix: { k: prefix } })).toEqual([prefix])
  })

  test('of bytes, up to the last', () => {
    const codec = RowCodec.compile('b', table('b', { k: t.binary() }, { key: ['k'] }).schema)
    const random = new Random(3)
    const keys = Array.from({ length: 300 }, () =>
      Uint8Array.from({ length: random.below(4) }, () => random.pick([0, 1, 0xfe, 0xff])),
    )
    for (const prefix of [
      ...keys.slice(0, 60),
      Uint8Array.of(0xff),
      Uint8Array.of(0xff, 0xff),
      Uint8Array.of(),
    ]) {
      const expected = keys.filter((key) => prefix.every((byte, i) => key[i] === byte))
      expect(inside(codec, keys, { prefix })).toEqual(expected)
    }
  })

  test('together with other bounds', () => {
    expect(inside(strings, texts, { prefix: 'jo', gt: 'jo', lt: 'joe' })).toEqual(['jo\0', 'jo\0\u0001'])
    expect(inside(strings, texts, { prefix: 'jo', gte: 'a' })).toEqual([
      'jo',
      'jo\0',
      'jo\0\u0001',
      'joe',
      'jo😀',
    ])
  })
})

describe('a key of several columns', () => {
  const definition = table(
    'm',
    { city: t.string(), at: t.int(), n: t.binary() },
    { key: ['city', 'at', 'n'] },
  )
  const codec = RowCodec.compile('m', definition.schema)
  const random = new Random(8)
  const keys = Array.from({ length: 400 }, () => ({
    city: random.pick(['', 'a', 'a\0', 'ab', 'b', '\uffff', '\u{10ffff}']),
    at: random.pick([-2147483648, -1, 0, 1, 2147483647]),
    n: Uint8Array.from({ length: random.below(3) }, () => random.pick([0, 0xff])),
  }))
  type Key = (typeof keys)[number]

  function compareLeading(key: Key, bound: Partial<Key>): number {
    const city = Buffer.compare(Buffer.from(key.city), Buffer.from(bound.city as string))
    if (city !== 0 || bound.at === undefined) return city
    if (key.at !== bound.at || bound.n === undefined) return key.at - bound.at
    return Buffer.compare(key.n, bound.n)
  }

  test('bounds on leading columns count every key that has them', () => {
    const { n: _n, ...pair } = keys[0]
    const bounds: Partial<Key>[] = [
      ...keys.slice(0, 30),
      pair,
      { city: 'a' },
      { city: '\u{10ffff}' },
      { city: 'a', at: 2147483647 },
    ]
    for (const bound of bounds) {
      expect(inside(codec, keys, { gt: bound })).toEqual(keys.filter((key) => compareLeading(key, bound) > 0))
      expect(inside(codec, keys, { gte: bound })).toEqual(
        keys.filter((key) => compareLeading(key, bound) >= 0),
      )
      expect(inside(codec, keys, { lt: bound })).toEqual(keys.filter((key) => compareLeading(key, bound) < 0))
      expect(inside(codec, keys, { lte: bound })).toEqual(
        keys.filter((key) => compareLeading(key, bound) <= 0),
      )
      expect(inside(codec, keys, { prefix: bound })).toEqual(
        keys.filter((key) => compareLeading(key, bound) === 0),
      )
    }
  })

  test('a prefix may end in startsWith', () => {
    expect(inside(codec, keys, { prefix: { city: startsWith('a') } })).toEqual(
      keys.filter((key) => key.city.startsWith('a')),
    )
    expect(inside(codec, keys, { prefix: { city: 'a', at: 0, n: startsWith(Uint8Array.of(0xff)) } })).toEqual(
      keys.filter((key) => key.city === 'a' && key.at === 0 && key.n[0] === 0xff),
    )
  })

  test.each([
    [{ gt: 'a' }, 'gt must be an object with leading columns of the key (city, at, n)'],
    [{ gt: { at: 1 } }, 'gt has the columns at; it needs leading columns of the key (city, at, n)'],
    [{ lte: { city: 'a', n: Uint8Array.of() } }, 'lte has the columns city, n; it needs leading columns'],
    [{ gte: { city: 'a', town: 'b' } }, 'gte has the columns city, town'],
    [{ gte: {} }, 'gte has the columns none'],
    [
      { prefix: { city: startsWith('a'), at: 1 } },
      'startsWith is for the last column of a prefix, not "city"',
    ],
    [{ prefix: { city: 'a', at: startsWith('1') } }, 'column "at" is neither string nor binary'],
    [{ gt: { city: startsWith('a') } }, 'startsWith belongs in a prefix'],
  ])('%o is misuse', (range, message) => {
    expect(() => codec.encodeRange(range)).toThrow(TypeError)
    expect(() => codec.encodeRange(range)).toThrow(message)
  })

  test('values out of their column are refused', () => {
    expect(() => codec.encodeRange({ gt: { city: 1 } })).toThrow(
      'table "m", column "city": 1 is not a string',
    )
    expect(() => codec.encodeRange({ prefix: { city: startsWith(1 as never) } })).toThrow('1 is not a string')
    expect(() => codec.encodeRange({ lt: { city: 'a', at: null } })).toThrow('column "at": null is not')
  })
})

test('a bare value as prefix needs a text or bytes', () => {
  const ints = RowCodec.compile('n', table('n', { id: t.int() }, { key: ['id'] }).schema)
  expect(() => ints.encodeRange({ prefix: 1 })).toThrow(
    'column "id" is neither string nor binary and has no prefixes',
  )
})

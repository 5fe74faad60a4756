import { describe, expect, test } from 'vitest'
import {
  compareKeys,
  encodeSingleValue,
  RowCodec,
  Shredder,
  ByteWriter,
  t,
  table,
  truncateLower,
  truncateUpper,
  type Column,
  type ColumnType,
} from '../src/index.ts'
import { Random, randomValue } from './random.ts'

function single(column: Column, value: unknown): string {
  const { schema, modes } = table('x', { k: t.int(), v: column }, { key: ['k'] })
  const codec = RowCodec.compile('x', schema, modes)
  const shredder = new Shredder(schema)
  const out = new ByteWriter()
  for (const v of [value, value]) {
    out.clear()
    const keyLength = codec.encodeRow({ k: 1, v }, out)
    shredder.append(out.bytes, 0, keyLength, keyLength, out.length)
  }
  const vector = shredder.finish()[1]
  return Buffer.from(encodeSingleValue(column.type, vector, 1)).toString('hex')
}

// The forms of the Iceberg table specification, appendix D, "Binary single-value serialization".
test.each([
  [t.boolean(), true, '01'],
  [t.boolean(), false, '00'],
  [t.int(), 1234, 'd2040000'],
  [t.int(), -1, 'ffffffff'],
  [t.long(), 34n, '2200000000000000'],
  [t.long({ mode: 'number' }), -2, 'feffffffffffffff'],
  [t.float(), 1, '0000803f'],
  [t.double(), -1.5, '000000000000f8bf'],
  [t.date(), '1970-01-02', '01000000'],
  [t.time(), 1, '0100000000000000'],
  [t.timestamp(), new Date(1), 'e803000000000000'],
  [t.timestamptzNs(), -1n, 'ffffffffffffffff'],
  [t.decimal(9, 2), '14.20', '058c'],
  [t.decimal(9, 2), '0', '00'],
  [t.decimal(9, 2), '1.27', '7f'],
  [t.decimal(9, 2), '1.28', '0080'],
  [t.decimal(9, 2), '-1.28', '80'],
  [t.decimal(9, 2), '-1.29', 'ff7f'],
  [t.decimal(18, 0), '-1', 'ff'],
  [t.decimal(18, 0), '255', '00ff'],
  [t.decimal(38, 0), '-1', 'ff'],
  [t.decimal(38, 0), '256', '0100'],
  [t.decimal(38, 0), `-${'9'.repeat(38)}`, 'b4c4b357a5793b85f675ddc000000001'],
  [t.string(), 'iceberg', '69636562657267'],
  [t.string(), '', ''],
  [t.uuid(), 'f79c3e09-677c-4bbd-a479-3f349cb785e7', 'f79c3e09677c4bbda4793f349cb785e7'],
  [t.fixed(3), Uint8Array.of(0, 1, 255), '0001ff'],
  [t.binary(), Uint8Array.of(0, 1), '0001'],
])('a single value is written as the specification says: %#', (column, value, expected) => {
  expect(single(column, value)).toBe(expected)
})

const STRING: ColumnType = { kind: 'string' }
const BINARY: ColumnType = { kind: 'binary' }
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const textOf = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString()

describe('truncated bounds', () => {
  test.each([
    ['iceberg', 16, 'iceberg', 'iceberg'],
    ['iceberg', 7, 'iceberg', 'iceberg'],
    ['iceberg', 3, 'ice', 'icf'],
    ['', 3, '', ''],
    ['ab\u{10ffff}c', 3, 'ab\u{10ffff}', 'ac'],
    ['\u{10ffff}\u{10ffff}x', 2, '\u{10ffff}\u{10ffff}', undefined],
    ['a\ud7ffb', 2, 'a\ud7ff', 'a\ue000'],
    ['a\u007fb', 2, 'a\u007f', 'a\u0080'],
    ['a\uffffb', 2, 'a\uffff', 'a\u{10000}'],
    ['😀😀😀', 2, '😀😀', '😀😁'],
    ['ééé', 2, 'éé', 'éê'],
  ])('of the text %j at %i code points', (text, length, lower, upper) => {
    expect(textOf(truncateLower(STRING, bytesOf(text), length))).toBe(lower)
    expect(textOf(truncateUpper(STRING, bytesOf(text), length))).toBe(upper)
  })

  test.each([
    [[1, 2, 3], 2, [1, 2], [1, 3]],
    [[1, 255, 3], 2, [1, 255], [2]],
    [[255, 255, 3], 2, [255, 255], undefined],
    [[255, 255], 2, [255, 255], [255, 255]],
    [[], 2, [], []],
  ])('of the bytes %j at %i', (bytes, length, lower, upper) => {
    expect(truncateLower(BINARY, Uint8Array.from(bytes), length)).toEqual(Uint8Array.from(lower))
    expect(truncateUpper(BINARY, Uint8Array.from(bytes), length)).toEqual(upper && Uint8Array.from(upper))
  })

  test('of other types are whole', () => {
    const uuid = Uint8Array.from({ length: 16 }, () => 255)
    expect(truncateUpper({ kind: 'uuid' }, uuid, 4)).toEqual(uuid)
    expect(truncateLower({ kind: 'fixed', length: 16 }, uuid, 4)).toEqual(uuid)
    expect(truncateLower({ kind: 'long' }, new Uint8Array(8), 4)).toHaveLength(8)
  })

  test('hold for random values', () => {
    const random = new Random(41)
    const wrong: unknown[] = []
    for (let i = 0; i < 20_000; i++) {
      const type: ColumnType = random.pick([STRING, BINARY])
      const value = randomValue(random, type)
      const bytes = typeof value === 'string' ? bytesOf(value) : (value as Uint8Array)
      const length = 1 + random.below(4)
      const lower = truncateLower(type, bytes, length)
      const upper = truncateUpper(type, bytes, length)
      if (compareKeys(lower, bytes) > 0 || (upper !== undefined && compareKeys(upper, bytes) < 0))
        wrong.push(value)
      if (upper !== undefined && type === STRING && textOf(upper)?.includes('\ufffd') === true)
        wrong.push(value)
    }
    expect(wrong).toEqual([])
  })
})

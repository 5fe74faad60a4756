import { describe, expect, test } from 'vitest'
import { ByteWriter, KEY_BYTES_MAX, RowCodec, t, table } from '../src/index.ts'
import { EVERY_COLUMN } from './every-type.ts'
import { failureOf } from './failure.ts'

const columns = { id: t.string(), ...EVERY_COLUMN }
const nullable = Object.fromEntries(
  Object.entries(columns).map(([name, column]) => [name, name === 'id' ? column : column.nullable()]),
)
const { schema, modes } = table('orders', nullable, { key: ['id'] })
const codec = RowCodec.compile('orders', schema, modes)

function refusal(value: unknown, out: ByteWriter = new ByteWriter(), by: RowCodec = codec): string {
  const before = out.written().slice()
  const error = failureOf(() => by.encodeRow(value, out)) as Error
  expect(error).toMatchObject({ name: 'MeruError', code: 'INVALID' })
  expect(out.written()).toEqual(before)
  return error.message
}

const nothing = [null, undefined]
const noNumbers = ['1', 1n, true, {}, [], new Date(0)]
const noSafeIntegers = [...noNumbers, 1.5, NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53)]
const noBigints = [1, '1', true, {}, 1.5, 2n ** 63n, -(2n ** 63n) - 1n]
const noDates = [0, '2024-01-01', 1n, {}, new Date(NaN)]
const noDecimals = [
  1,
  1.5,
  1n,
  '',
  '.',
  '1.',
  '.5',
  '+1',
  '1e3',
  ' 1',
  '1 ',
  '1,5',
  'NaN',
  '--1',
  '0x10',
  '１',
]

const REFUSED: Readonly<Record<keyof typeof EVERY_COLUMN, readonly unknown[]>> = {
  boolean: [0, 1, 'true', {}, new Boolean(true)],
  int: [...noSafeIntegers, 2147483648, -2147483649],
  long: noBigints,
  longNumber: noSafeIntegers,
  float: [...noNumbers, 3.5e38, -1e300],
  double: noNumbers,
  decimal9: [...noDecimals, '1.234', '12345678', '12345678.90', '-12345678.9'],
  decimal18: [...noDecimals, '1.5', '1'.repeat(19)],
  decimal38: [...noDecimals, '0.12345678901', '1'.repeat(29)],
  date: [
    0,
    new Date(0),
    '2024-02-30',
    '2023-02-29',
    '1900-02-29',
    '2024-13-01',
    '2024-00-01',
    '2024-1-1',
    '24-01-01',
    '2024-01-01T00:00:00Z',
    '2024-01-32',
    '2024-04-31',
    '-000000-01-01',
    ' 2024-01-01',
    '2024-01-01\n',
    '',
  ],
  time: [...noSafeIntegers, -1, 86_400_000_000],
  timestamp: noDates,
  timestamptz: noDates,
  timestampBigint: [...noBigints, new Date(0)],
  timestampNs: [...noBigints, new Date(0)],
  timestamptzNs: noBigints,
  string: [
    1,
    1n,
    true,
    {},
    new String('x'),
    Uint8Array.of(1),
    '\ud800',
    'a\udc00b',
    `${'x'.repeat(200)}\ud800`,
  ],
  uuid: [
    1,
    '',
    '0b0c9a6e2f3d4c5e8a7b1d2e3f405162',
    '0b0c9a6e-2f3d-4c5e-8a7b-1d2e3f40516g',
    '0b0c9a6e-2f3d-4c5e-8a7b-1d2e3f4051620',
    '0b0c9a6e-2f3d-4c5e-8a7b_1d2e3f405162',
    '0b0c9a6e-2f3d-4c5e-8a7b-1d2e3f40516０',
  ],
  fixed: [
    new Uint8Array(4),
    new Uint8Array(6),
    [1, 2, 3, 4, 5],
    'abcde',
    new Uint16Array(5),
    new ArrayBuffer(5),
  ],
  binary: ['x', [1], new ArrayBuffer(1), new Uint16Array(1), {}],
}

describe('values out of their column are refused', () => {
  const cases = Object.entries(REFUSED).flatMap(([name, values]) => values.map((value) => ({ name, value })))
  test.each(cases)('$name: $value', ({ name, value }) => {
    const out = new ByteWriter()
    out.u32(1)
    const message = refusal({ id: 'a', [name]: value }, out)
    expect(message).toMatch(new RegExp(`^table "orders", column "${name}": .+ is not `))
    expect(message.length).toBeLessThan(260)
  })

  test('the same in a key', () => {
    for (const [name, values] of Object.entries(REFUSED)) {
      const column = EVERY_COLUMN[name as keyof typeof EVERY_COLUMN]
      if (column.type.kind === 'float' || column.type.kind === 'double') continue
      const keyed = table('orders', { [name]: column }, { key: [name] })
      const byKey = RowCodec.compile('orders', keyed.schema, keyed.modes)
      for (const value of [...values, ...nothing]) {
        expect(refusal({ [name]: value }, undefined, byKey)).toMatch(`column "${name}"`)
      }
    }
  })
})

test('messages name the value and what would do, and do not dump it', () => {
  expect(refusal({ id: 'a', int: 2 ** 31 })).toBe(
    'table "orders", column "int": 2147483648 is not an integer from -2147483648 to 2147483647',
  )
  expect(refusal({ id: 'a', decimal9: 12.5 })).toMatch('12.5 is not a decimal as a string like')
  expect(refusal({ id: 'a', timestamp: new Date(NaN) })).toMatch('an invalid Date is not')
  expect(refusal({ id: 'a', fixed: new Uint8Array(1e6) })).toMatch(
    'a Uint8Array of 1000000 bytes is not a Uint8Array of 5',
  )
  expect(refusal({ id: 'a', date: 'x'.repeat(1e6) })).toMatch('… (1000002 characters) is not a date')
  expect(refusal({ id: 'a', boolean: new Map() })).toMatch('a Map is not a boolean')
})

test('required columns must be there', () => {
  const required = table('r', { k: t.int(), v: t.string() }, { key: ['k'] })
  const strict = RowCodec.compile('r', required.schema)
  for (const value of nothing) {
    expect(refusal({ k: 1, v: value }, undefined, strict)).toMatch('column "v"')
    expect(refusal({ k: value, v: 'x' }, undefined, strict)).toMatch('column "k"')
  }
  expect(refusal({ k: 1 }, undefined, strict)).toMatch(
    'column "v": undefined is not a value; the column is required',
  )
  expect(refusal({ v: 'x' }, undefined, strict)).toMatch('column "k": undefined is not a value of the key')
})

test('unknown columns are refused, in rows and keys', () => {
  expect(refusal({ id: 'a', nmae: 1 })).toMatch('the row has a column "nmae"; the columns are id, boolean')
  expect(refusal({ id: 'a', nmae: undefined })).toMatch('the row has a column "nmae"')
  const maybe = table('m', { k: t.int(), v: t.int().nullable() }, { key: ['k'] })
  const byMaybe = RowCodec.compile('m', maybe.schema)
  expect(refusal({ k: 1, x: 2 }, undefined, byMaybe)).toMatch(
    'the row has a column "x"; the columns are k, v',
  )
  class Odd {
    k = 1
    x = 2
    get v(): number {
      return 3
    }
  }
  expect(refusal(new Odd(), undefined, byMaybe)).toMatch('the row has a column "x"')
  const pair = table('p', { a: t.int(), b: t.int() }, { key: ['a', 'b'] })
  const byPair = RowCodec.compile('p', pair.schema)
  const out = new ByteWriter()
  expect(() => byPair.encodeKey({ a: 1, b: 2, c: 3 }, out)).toThrow(
    'the key has a column "c"; the columns are a, b',
  )
  expect(() => byPair.encodeKey({ a: 1 }, out)).toThrow('column "b": undefined')
  expect(() => byPair.encodeKey(1, out)).toThrow('1 is not a key; expected an object with a, b')
  expect(out.length).toBe(0)
})

test.each([null, undefined, 1, 'row', [], new Date(0)])('%s is no row', (value) => {
  expect(refusal(value)).toMatch(/table "orders"/)
})

describe('the length of keys is bounded', () => {
  const raw = table('b', { k: t.binary(), n: t.int() }, { key: ['k', 'n'] })
  const byRaw = RowCodec.compile('b', raw.schema)

  test('at the limit they are taken', () => {
    const out = new ByteWriter()
    const k = new Uint8Array(KEY_BYTES_MAX - 6).fill(1)
    expect(byRaw.encodeRow({ k, n: 1 }, out)).toBe(KEY_BYTES_MAX)
    out.clear()
    byRaw.encodeKey({ k, n: 1 }, out)
    expect(byRaw.decodeKey(out.bytes, 0, out.length)).toEqual({ k, n: 1 })
  })

  test.each([
    ['one byte more', new Uint8Array(KEY_BYTES_MAX - 5).fill(1)],
    ['escapes that make it longer', new Uint8Array(KEY_BYTES_MAX - 6)],
    ['far more', new Uint8Array(10_000_000)],
  ])('%s is refused', (_, k) => {
    expect(refusal({ k, n: 1 }, undefined, byRaw)).toMatch('the key is too long')
    const out = new ByteWriter()
    expect(() => byRaw.encodeKey({ k, n: 1 }, out)).toThrow('a whole key at most 65535')
    expect(out.length).toBe(0)
  })

  test('a text counts in bytes', () => {
    const text = table('t', { k: t.string() }, { key: ['k'] })
    const byText = RowCodec.compile('t', text.schema)
    expect(refusal({ k: 'é'.repeat(40_000) }, undefined, byText)).toMatch('takes 80002 bytes')
    expect(() => byText.encodeKey('é'.repeat(40_000), new ByteWriter())).toThrow('takes 80002 bytes')
  })
})

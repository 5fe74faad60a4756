import { describe, expect, test } from 'vitest'
import { ByteWriter, compareBytes, RowCodec, t, table, type Column } from '../src/index.ts'
import { KEY_COLUMNS, valueType } from './every-type.ts'
import { Random, randomValue } from './random.ts'

const PAIRS = 14_000

/** The order that a column's values are meant to have. */
function compareValues(column: Column, a: unknown, b: unknown): number {
  const type = column.type
  if (type.kind === 'string') return Buffer.compare(Buffer.from(a as string), Buffer.from(b as string))
  if (a instanceof Uint8Array) return Buffer.compare(a, b as Uint8Array)
  if (type.kind === 'decimal') return compareNumbers(unscaled(a, type.scale), unscaled(b, type.scale))
  if (a instanceof Date) return a.getTime() - (b as Date).getTime()
  if (type.kind === 'date') return compareNumbers(Date.parse(a as string), Date.parse(b as string))
  return compareNumbers(a as number, b as number)
}

function compareNumbers<T extends number | bigint | string | boolean>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function unscaled(text: unknown, scale: number): bigint {
  const [whole, fraction = ''] = String(text).split('.')
  return BigInt(whole + fraction.padEnd(scale, '0'))
}

describe('encoded keys sort like their values', () => {
  test.each(KEY_COLUMNS)('%s', (name, column) => {
    const { schema, modes } = table('keys', { k: column }, { key: ['k'] })
    const codec = RowCodec.compile('keys', schema, modes)
    const random = new Random(name.length * 7919)
    const out = new ByteWriter()
    const wrong: unknown[] = []
    for (let i = 0; i < PAIRS; i++) {
      const a = randomValue(random, valueType(column))
      const b = random.below(10) === 0 ? a : randomValue(random, valueType(column))
      out.clear()
      codec.encodeKey(a, out)
      const middle = out.length
      codec.encodeKey(b, out)
      const bytes = compareBytes(out.bytes, 0, middle, out.bytes, middle, out.length)
      if (Math.sign(bytes) !== Math.sign(compareValues(column, a, b))) {
        wrong.push([a, b, bytes])
      }
    }
    expect(wrong).toEqual([])
  })

  test('tuples, column by column', () => {
    const columns = {
      text: t.string(),
      id: t.long(),
      raw: t.binary(),
      amount: t.decimal(30, 3),
      flag: t.boolean(),
      at: t.timestamptz(),
    }
    const names = Object.keys(columns) as (keyof typeof columns)[]
    const { schema } = table('keys', columns, { key: ['text', 'id', 'raw', 'amount', 'flag', 'at'] })
    const codec = RowCodec.compile('keys', schema)
    const random = new Random(4)
    const out = new ByteWriter()
    const wrong: unknown[] = []
    for (let i = 0; i < 20_000; i++) {
      const a = Object.fromEntries(names.map((name) => [name, randomValue(random, columns[name].type)]))
      const shared = random.below(names.length)
      const b = Object.fromEntries(
        names.map((name, at) => [name, at < shared ? a[name] : randomValue(random, columns[name].type)]),
      )
      out.clear()
      codec.encodeKey(a, out)
      const middle = out.length
      codec.encodeKey(b, out)
      const expected = names
        .map((name) => compareValues(columns[name], a[name], b[name]))
        .find((order) => order !== 0)
      const bytes = compareBytes(out.bytes, 0, middle, out.bytes, middle, out.length)
      if (Math.sign(bytes) !== Math.sign(expected ?? 0)) {
        wrong.push([a, b, bytes])
      }
      expect(codec.decodeKey(out.bytes, 0, middle)).toEqual(a)
    }
    expect(wrong).toEqual([])
  })

  test('no key is a proper prefix of another', () => {
    const { schema } = table('keys', { k: t.string() }, { key: ['k'] })
    const codec = RowCodec.compile('keys', schema)
    const random = new Random(5)
    const encoded = new Set<string>()
    const out = new ByteWriter()
    for (let i = 0; i < 5_000; i++) {
      out.clear()
      codec.encodeKey(randomValue(random, { kind: 'string' }), out)
      encoded.add(Buffer.from(out.written()).toString('latin1'))
    }
    const sorted = [...encoded].sort(compareNumbers)
    for (let i = 1; i < sorted.length; i++) expect(sorted[i].startsWith(sorted[i - 1])).toBe(false)
  })
})

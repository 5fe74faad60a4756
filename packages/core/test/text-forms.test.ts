import { afterEach, describe, expect, test, vi } from 'vitest'
import { formatDate, parseDate } from '../src/calendar.ts'
import { ByteWriter, TextBlock } from '../src/index.ts'
import { compiledShape, plainShape, recordShape } from '../src/record-shape.ts'
import { Random, randomValue } from './random.ts'

describe('dates', () => {
  test('agree with the calendar of the platform', () => {
    const random = new Random(61)
    for (let i = 0; i < 20_000; i++) {
      const days = random.pick([random.below(8_000_000) - 4_000_000, random.below(40_000)])
      const expected = new Date(days * 86_400_000).toISOString().replace(/T.*/, '')
      expect(formatDate(days)).toBe(expected)
      expect(parseDate(expected)).toBe(days)
    }
  })

  test('have a leap day in every fourth century alone', () => {
    for (let year = 100; year < 10_000; year += 100) {
      const text = `${String(year).padStart(4, '0')}-02-29`
      expect(parseDate(text) !== undefined).toBe(year % 400 === 0)
    }
  })

  test('reach as far as six digits of a year', () => {
    for (const text of ['+999999-12-31', '-999999-01-01', '-000001-02-28', '+010000-01-01', '0000-02-29']) {
      expect(formatDate(parseDate(text) as number)).toBe(text)
    }
  })
})

describe('text as bytes', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.resetModules()
  })

  // Each run loads the module anew, because it looks for Buffer once.
  test.each([
    ['with Buffer', true],
    ['without Buffer', false],
  ])('%s', async (_, hasBuffer) => {
    const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
    const NodeBuffer = Buffer
    vi.resetModules()
    if (!hasBuffer) vi.stubGlobal('Buffer', undefined)
    const { appendText, readText } = await import('../src/text.ts')
    vi.stubGlobal('Buffer', NodeBuffer)
    const random = new Random(62)
    for (let i = 0; i < 3_000; i++) {
      const text = randomValue(random, { kind: 'string' }) as string
      const expected = utf8(text)
      const out = new ByteWriter(1)
      out.u8(9)
      expect(appendText(out, text)).toBe(true)
      expect(out.written().subarray(1)).toEqual(expected)
      // Texts are found in the midst of an arena and at its very end, and arenas may be shared memory.
      const arena = new Uint8Array(new SharedArrayBuffer(1 + expected.length + random.below(20)))
      arena.set(expected, 1)
      expect(readText(arena, 1, 1 + expected.length)).toBe(text)
    }
    const out = new ByteWriter()
    for (const broken of ['\ud800', 'a'.repeat(50) + '\udc00', '\udc00\ud800']) {
      expect(appendText(out, broken)).toBe(false)
      expect(out.length).toBe(0)
    }
    expect(readText(utf8('\ufeffbom'), 0, 6)).toBe('\ufeffbom')
  })
})

describe.each([
  ['compiled', compiledShape],
  ['plain', plainShape],
])('a %s record shape', (_, makeShape) => {
  const names = ['a', 'b c', '"', '\\', '${x}', "';", 'constructor', 'toString', '1', '\u2028']

  test('takes records apart and puts them together', () => {
    const shape = makeShape(names)
    const values = names.map((_name, i) => i)
    const record = shape.make(values)
    expect(Object.keys(record).sort()).toEqual([...names].sort())
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype)
    expect(shape.take(record)).toEqual(values)
    expect(shape.take({ a: 1 })).toEqual([1, ...Array.from({ length: names.length - 1 }, () => undefined)])
    expect(
      shape
        .makeAll(
          names.map((name) => [name, `${name}!`]),
          2,
        )
        .map((row) => shape.take(row)),
    ).toEqual([names, names.map((name) => `${name}!`)])
  })

  test('reads each property with its own reader', () => {
    const bytes = Uint8Array.of(7)
    const block = new TextBlock()
    const read = makeShape(names).reader(
      names.map((name) => (...place) => [name, ...place]),
    )
    const record = read(bytes, 1, 2, 3, 4, block)
    expect(Object.keys(record).sort()).toEqual([...names].sort())
    for (const name of names) expect(record[name]).toEqual([name, bytes, 1, 2, 3, 4, block])
  })

  test('of no names', () => {
    const shape = makeShape([])
    expect(shape.reader([])(new Uint8Array(), 0, 0, 0, 0)).toEqual({})
    expect(shape.make([])).toEqual({})
    expect(shape.take({ a: 1 })).toEqual([])
    expect(shape.makeAll([], 3)).toEqual([{}, {}, {}])
  })
})

test('where code from strings is forbidden, records are made without', () => {
  vi.stubGlobal('Function', () => {
    throw new EvalError('Code generation from strings disallowed for this context')
  })
  try {
    expect(recordShape(['a', 'b']).make([1, 2])).toEqual({ a: 1, b: 2 })
  } finally {
    vi.unstubAllGlobals()
  }
})

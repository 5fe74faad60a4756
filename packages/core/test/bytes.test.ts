import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter, CorruptionError } from '../src/index.ts'
import { failureOf } from './failure.ts'
import { Random } from './random.ts'

const INTEGERS = [
  0,
  1,
  127,
  128,
  16383,
  16384,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 49,
  Number.MAX_SAFE_INTEGER,
]

function readerOf(...bytes: number[]): ByteReader {
  return new ByteReader(Uint8Array.from(bytes), 'data/x.parquet', 1000)
}

describe('what a writer writes a reader reads', () => {
  test('numbers of each size', () => {
    const out = new ByteWriter(1)
    for (const value of INTEGERS) {
      out.u8(value & 0xff)
      out.u32(value >>> 0)
      out.u64(value)
      out.varint(value)
    }
    const reader = new ByteReader(out.written(), 'x')
    for (const value of INTEGERS) {
      expect([reader.u8(), reader.u32(), reader.u64(), reader.varint()]).toEqual([
        value & 0xff,
        value >>> 0,
        value,
        value,
      ])
    }
    expect(reader.remaining).toBe(0)
  })

  test('random varints in their shortest form', () => {
    const random = new Random(51)
    const out = new ByteWriter()
    for (let i = 0; i < 5_000; i++) {
      const value = Math.floor(random.below(2 ** 32) * 2 ** random.below(22) * random.pick([1, 2 ** -20]))
      out.clear()
      out.varint(value)
      expect(new ByteReader(out.written(), 'x').varint()).toBe(value)
      expect(out.length).toBe(Math.max(1, Math.ceil(value.toString(2).length / 7)))
    }
  })

  test('bytes and texts', () => {
    const out = new ByteWriter(1)
    const text = 'größe 😀'
    out.append(Buffer.from(text))
    out.append(Uint8Array.of(1, 2))
    const reader = new ByteReader(out.written(), 'x')
    expect(reader.text(Buffer.byteLength(text))).toBe(text)
    expect(reader.take(2)).toEqual(Uint8Array.of(1, 2))
    out.clear()
    expect(out.written()).toHaveLength(0)
  })
})

describe('a reader never leaves its bytes', () => {
  test.each([
    ['u8', (reader: ByteReader) => reader.u8(), '1 bytes expected, 0 left'],
    ['u32', (reader: ByteReader) => reader.u32(), '4 bytes expected, 0 left'],
    ['u64', (reader: ByteReader) => reader.u64(), '4 bytes expected, 0 left'],
    ['varint', (reader: ByteReader) => reader.varint(), '1 bytes expected'],
    ['take', (reader: ByteReader) => reader.take(1), '1 bytes expected'],
    ['text', (reader: ByteReader) => reader.text(5), '5 bytes expected'],
    ['skip', (reader: ByteReader) => reader.skip(-1), '-1 bytes expected'],
    ['skip by no number', (reader: ByteReader) => reader.skip(NaN), 'NaN bytes expected'],
  ])('%s', (_, read, message) => {
    const reader = readerOf(7, 7)
    reader.skip(2)
    const error = failureOf(() => read(reader))
    expect(error).toBeInstanceOf(CorruptionError)
    expect(error).toMatchObject({ code: 'CORRUPT', file: 'data/x.parquet', offset: 1002 })
    expect((error as Error).message).toBe(
      `data/x.parquet at byte 1002: ${message}${message.includes('left') ? '' : ', 0 left'}`,
    )
  })

  test.each([
    ['too large for a safe integer', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], 'a varint above 2^53'],
    ['endless', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 'a varint above 2^53'],
    ['with superfluous bytes', [0x81, 0x00], 'a varint with superfluous bytes'],
  ])('a varint %s', (_, bytes, message) => {
    expect(() => readerOf(...bytes).varint()).toThrow(`data/x.parquet at byte 1000: ${message}`)
  })

  test('a number beyond 2^53', () => {
    expect(() => readerOf(0, 0, 0, 0, 0, 0, 0x20, 0).u64()).toThrow('at byte 1000: a number above 2^53')
    expect(readerOf(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0).u64()).toBe(Number.MAX_SAFE_INTEGER)
  })
})

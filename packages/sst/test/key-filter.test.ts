import type { BytesVector } from '@meru/core'
import { describe, expect, test } from 'vitest'
import { KeyFilter, KeyFilterBuilder } from '../src/key-filter.ts'
import { seededRandom } from './seeded-random.ts'

function vectorOf(keys: readonly Uint8Array[]): BytesVector {
  const offsets = new Uint32Array(keys.length + 1)
  keys.forEach((key, i) => (offsets[i + 1] = offsets[i] + key.length))
  return {
    physical: 'bytes',
    length: keys.length,
    bytes: Uint8Array.from(keys.flatMap((key) => [...key])),
    offsets,
  }
}

function filterOf(keys: BytesVector, bits: number): KeyFilter {
  const builder = new KeyFilterBuilder()
  builder.add(keys)
  return KeyFilter.decode(builder.finish(bits), 'f', 0)
}

/** Eight-byte keys of ascending numbers: what differs is in few bytes. */
function numberKeys(from: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const key = new Uint8Array(8)
    new DataView(key.buffer).setUint32(4, from + i)
    key[0] = 0x80
    return key
  })
}

const random = seededRandom(1)
const KEYS: readonly (readonly [name: string, present: Uint8Array[], absent: Uint8Array[]])[] = [
  ['ascending numbers', numberKeys(0, 10_000), numberKeys(10_000, 20_000)],
  [
    'random bytes of many lengths',
    Array.from({ length: 10_000 }, (_, i) => Uint8Array.of(1, ...random.bytes(i % 37))),
    Array.from({ length: 20_000 }, (_, i) => Uint8Array.of(2, ...random.bytes(i % 37))),
  ],
]

describe.each(KEYS)('key filter over %s', (_, present, absent) => {
  const keys = vectorOf(present)

  test('lets every key pass', () => {
    const filter = filterOf(keys, 10)
    for (const key of present) expect(filter.mayContain(key, 0, key.length)).toBe(true)
  })

  test.each([
    [10, 0.015],
    [16, 0.002],
    [4, 0.4],
  ])('with %i bits for each key lets few others pass', (bits, shareMax) => {
    const filter = filterOf(keys, bits)
    const passed = absent.filter((key) => filter.mayContain(key, 0, key.length)).length
    expect(passed / absent.length).toBeLessThan(shareMax)
  })
})

describe('key filter', () => {
  test('looks at the given part of the bytes only', () => {
    const filter = filterOf(vectorOf([Uint8Array.of(5, 6, 7)]), 10)
    expect(filter.mayContain(Uint8Array.of(1, 5, 6, 7, 9), 1, 4)).toBe(true)
    expect(filter.mayContain(Uint8Array.of(1, 5, 6, 7, 9), 1, 5)).toBe(false)
    expect(filter.mayContain(Uint8Array.of(0, 5, 6, 7), 0, 4)).toBe(false)
  })

  test('is the same whether its keys come at once or in parts', () => {
    const keys = numberKeys(0, 5000)
    const whole = new KeyFilterBuilder()
    whole.add(vectorOf(keys))
    const parts = new KeyFilterBuilder()
    for (let i = 0; i < keys.length; i += 700) parts.add(vectorOf(keys.slice(i, i + 700)))
    expect(parts.finish(10)).toEqual(whole.finish(10))
  })

  test.each([[[]], [[1, 0, 0]], [[0, 0, 0, 0]], [[2, 0, 0, 0, ...Array<number>(32).fill(0)]]])(
    'a block of %j is corrupt',
    (bytes) => {
      expect(() => KeyFilter.decode(Uint8Array.from(bytes), 'a.parquet', 77)).toThrow(
        /a\.parquet at byte 77: a key filter/,
      )
    },
  )
})

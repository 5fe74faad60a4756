import { describe, expect, test } from 'vitest'
import { RowCache } from '../src/row-cache.ts'
import type { RowParts } from '../src/row-page.ts'
import { seededRandom } from './seeded-random.ts'

const BYTES = 32 * 1024

/** An encoded row: `u32 length | varint key length | key | value`. */
function rowOf(key: Uint8Array, value: Uint8Array): Uint8Array {
  const head = key.length < 0x80 ? [key.length] : [(key.length & 0x7f) | 0x80, key.length >>> 7]
  const row = new Uint8Array(4 + head.length + key.length + value.length)
  new DataView(row.buffer).setUint32(0, row.length - 4, true)
  row.set(head, 4)
  row.set(key, 4 + head.length)
  row.set(value, 4 + head.length + key.length)
  return row
}

function keyOf(number: number): Uint8Array {
  return new TextEncoder().encode(`key ${'x'.repeat(number % 7 === 0 ? 150 : 0)}${number}`)
}

function newParts(): RowParts {
  return { bytes: new Uint8Array(), keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 }
}

function showRow(position: number, key: Uint8Array, value: Uint8Array): string {
  return `${position}: ${key.toString()} ${value.toString()}`
}

function look(cache: RowCache, file: number, key: Uint8Array): string | undefined {
  const parts = newParts()
  const position = cache.find(file, key, 0, key.length, parts)
  const { bytes, keyStart, keyEnd, valueStart, valueEnd } = parts
  if (position < 0) return undefined
  return showRow(position, bytes.subarray(keyStart, keyEnd), bytes.subarray(valueStart, valueEnd))
}

describe('rows kept alone', () => {
  test('whatever is found is what was put there last, of that file and key', () => {
    const random = seededRandom(3)
    const cache = new RowCache(BYTES)
    const files = [cache.join(), cache.join()]
    const expected = new Map<string, string>()
    const wrong: string[] = []
    let found = 0
    let most = 0
    for (let step = 0; step < 30_000; step++) {
      const file = random.pick(files)
      const number = random.below(600)
      const key = keyOf(number)
      const name = `${file}/${number}`
      const row = look(cache, file, key)
      if (row === undefined) {
        const value = random.bytes(random.below(random.oneIn(5) ? 300 : 40))
        cache.add(file, number * 3, rowOf(key, value))
        expected.set(name, showRow(number * 3, key, value))
      } else {
        found++
      }
      if ((row ?? look(cache, file, key)) !== expected.get(name)) wrong.push(name)
      most = Math.max(most, cache.bytes)
    }
    expect(wrong).toEqual([])
    expect(found).toBeGreaterThan(3000)
    expect(most).toBe(cache.capacity)
    expect(cache.capacity).toBeLessThan(BYTES)
  })

  test('a row that is used stays, others make room', () => {
    const cache = new RowCache(BYTES)
    const file = cache.join()
    const parts = newParts()
    const value = new Uint8Array(100)
    const [hot, cold] = [keyOf(1), keyOf(2)]
    cache.add(file, 1, rowOf(hot, value))
    cache.add(file, 2, rowOf(cold, value))
    let lost = 0
    for (let i = 3; i < 2000; i++) {
      cache.add(file, i, rowOf(keyOf(i), value))
      if (cache.find(file, hot, 0, hot.length, parts) === 1) continue
      lost++
      cache.add(file, 1, rowOf(hot, value))
    }
    // Its set may be full of newer ones.
    expect(lost).toBeLessThan(20)
    expect(cache.find(file, cold, 0, cold.length, parts)).toBe(-1)
  })

  test('a key that is another one, or part of one, is not found', () => {
    const cache = new RowCache(BYTES)
    const file = cache.join()
    const key = keyOf(1)
    cache.add(file, 5, rowOf(key, new Uint8Array(8)))
    expect(cache.find(file, key, 0, key.length, newParts())).toBe(5)
    expect(cache.find(file, key, 0, key.length - 1, newParts())).toBe(-1)
    expect(cache.find(cache.join(), key, 0, key.length, newParts())).toBe(-1)
    for (let i = 2; i < 5000; i++) {
      const other = keyOf(i)
      expect(cache.find(file, other, 0, other.length, newParts())).toBe(-1)
    }
  })

  test('takes rows of which many fit, and none without memory', () => {
    const cache = new RowCache(BYTES)
    expect([100, 468, 469, 5000].map((bytes) => cache.fits(bytes))).toEqual([true, true, false, false])
    expect(new RowCache(0).fits(1)).toBe(false)
    expect(new RowCache(0).find(1, keyOf(1), 0, 5, newParts())).toBe(-1)
  })

  test('forgets all when its memory is given back', () => {
    const cache = new RowCache(BYTES)
    const file = cache.join()
    const key = keyOf(1)
    cache.add(file, 5, rowOf(key, new Uint8Array(8)))
    cache.clear()
    expect(cache.bytes).toBe(0)
    expect(cache.find(file, key, 0, key.length, newParts())).toBe(-1)
    cache.add(file, 6, rowOf(key, new Uint8Array(8)))
    expect(cache.find(file, key, 0, key.length, newParts())).toBe(6)
  })
})

import { compareKeys } from '@meru/core'
import { describe, expect, test } from 'vitest'
import { KeyIndex, KeyIndexBuilder } from '../src/key-index.ts'
import { newSearchKey } from '../src/key-prefix.ts'
import { seededRandom } from './seeded-random.ts'

function indexOf(firstKeys: readonly Uint8Array[], lastKey: Uint8Array): KeyIndex {
  return KeyIndex.decode(blockOf(firstKeys, lastKey), 'f', 0)
}

function blockOf(firstKeys: readonly Uint8Array[], lastKey: Uint8Array): Uint8Array {
  const builder = new KeyIndexBuilder()
  for (const key of firstKeys) builder.add(key, 0, key.length)
  return builder.finish(lastKey)
}

function pageOf(index: KeyIndex, key: Uint8Array): number {
  const sought = newSearchKey()
  sought.bytes = key
  sought.end = key.length
  expect(index.aim(sought)).toBe(index.covers(key, 0, key.length))
  return index.pageOf(sought)
}

/** Distinct keys that share beginnings, in order. */
function sortedKeys(seed: number, count: number, shared: readonly number[]): Uint8Array[] {
  const random = seededRandom(seed)
  const keys = new Map<string, Uint8Array>()
  while (keys.size < count) {
    const key = Uint8Array.of(
      ...shared,
      ...Array.from({ length: random.below(9) }, () => random.pick([0, 1, 255, 7])),
    )
    keys.set(key.join(), key)
  }
  return [...keys.values()].toSorted(compareKeys)
}

describe('key index', () => {
  test.each([
    ['no shared bytes', []],
    ['shared bytes', [3, 3, 3, 3, 3, 3, 3, 3, 3]],
  ])('finds the page of every key: %s', (_, shared) => {
    const keys = sortedKeys(1, 300, shared)
    const firstKeys = keys.filter((_key, i) => i % 3 === 0)
    const index = indexOf(firstKeys, keys[keys.length - 1])
    keys.forEach((key, i) => {
      expect(index.covers(key, 0, key.length)).toBe(true)
      expect(pageOf(index, key)).toBe(Math.floor(i / 3))
    })
    expect(index.skip).toBeGreaterThanOrEqual(shared.length)
  })

  test('knows what lies outside', () => {
    const index = indexOf([Uint8Array.of(5), Uint8Array.of(9)], Uint8Array.of(9, 9))
    const covered = [[4], [5], [5, 0], [9, 9], [9, 9, 0], [10]].map((key) =>
      index.covers(Uint8Array.from(key), 0, key.length),
    )
    expect(covered).toEqual([false, true, true, true, false, false])
    expect(index.isBefore(Uint8Array.of(4, 255), 0, 2)).toBe(true)
    expect(index.isBefore(Uint8Array.of(5), 0, 1)).toBe(false)
  })

  test('one page with one key', () => {
    const index = indexOf([Uint8Array.of(1, 2)], Uint8Array.of(1, 2))
    expect(pageOf(index, Uint8Array.of(1, 2))).toBe(0)
    expect([index.firstKey, index.lastKey, index.pages]).toEqual([
      Uint8Array.of(1, 2),
      Uint8Array.of(1, 2),
      1,
    ])
  })

  test('a block that says too much of itself is corrupt', () => {
    const block = blockOf([Uint8Array.of(1), Uint8Array.of(2)], Uint8Array.of(3))
    const damaged = (at: number, value: number): Uint8Array => {
      const bytes = block.slice()
      bytes[at] = value
      return bytes
    }
    for (const bytes of [
      damaged(0, 0),
      damaged(0, 200),
      damaged(3, 255),
      damaged(8, 9),
      damaged(4, 1),
      block.slice(0, -1),
    ]) {
      expect(() => KeyIndex.decode(bytes, 'a.parquet', 50)).toThrow(/a\.parquet at byte/)
    }
  })
})

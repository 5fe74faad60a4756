import { expect, test } from 'vitest'
import { Memtable } from '../src/index.ts'
import { hashKey } from '../src/key-words.ts'

const MULTIPLIER = 0x85eb_ca6b

function multiply(word: number): number {
  const product = Math.imul(word, MULTIPLIER)
  return product ^ (product >>> 15)
}

/** Its own inverse. */
function fold(word: number): number {
  return word ^ (word >>> 16)
}

/** The inverse of an odd number modulo 2^32, by Newton's iteration. */
function inverse(odd: number): number {
  let x = odd
  for (let i = 0; i < 5; i++) x = Math.imul(x, 2 - Math.imul(odd, x))
  return x
}

/** Different keys of 8 bytes that all have one hash: the second word undoes what the first one did. */
function collidingKeys(count: number): Int32Array {
  const words = new Int32Array(count * 2)
  const stateWanted = 0x1234_5678
  const product = stateWanted ^ (stateWanted >>> 15) ^ (stateWanted >>> 30)
  for (let i = 0; i < count; i++) {
    words[i * 2] = Math.imul(i, 0x9e37_79b1)
    words[i * 2 + 1] = fold(Math.imul(product, inverse(MULTIPLIER)) ^ multiply(8 ^ fold(words[i * 2])))
  }
  return words
}

test('keys with one hash are told apart', () => {
  const count = 1500
  const words = collidingKeys(count + 1)
  expect(new Set(Array.from({ length: count }, (_, i) => hashKey(words, i * 2, 8))).size).toBe(1)
  const bytes = new Uint8Array(words.buffer)
  const memtable = new Memtable({ bytesMax: 1024 * 1024 })
  for (let i = 0; i < count; i++) memtable.apply(bytes, i * 8, i * 8 + 8, i * 8, i * 8 + 4, i + 1, 0)
  expect(memtable.keys).toBe(count)
  for (let i = 0; i < count; i++) {
    const ref = memtable.find(bytes, i * 8, i * 8 + 8, Infinity)
    expect(memtable.seqnoOf(ref)).toBe(i + 1)
  }
  expect(memtable.find(bytes, count * 8, count * 8 + 8, Infinity)).toBe(0)
})

/** Words of keys as they occur: numbers big-endian, often small, in one place or in several. */
const STRUCTURES: Record<string, (i: number) => number[]> = {
  ascending: (i) => [0x80, swap(i)],
  'a number in the first word': (i) => [swap(i), 0, 0],
  'a grid of two small numbers': (i) => [swap(i >>> 8), swap(i & 0xff)],
  'a grid of three small numbers': (i) => [swap(i >>> 11), 0x80, swap((i >>> 5) & 63), swap(i & 31)],
  'multiples of a power of two': (i) => [swap(i * 4096), swap(i * 65_536)],
  digits: (i) => [
    0x30303030 + (i % 10),
    0x30303030 + (Math.floor(i / 10) % 10) * 65_536,
    swap(Math.floor(i / 100)),
  ],
}

function swap(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)
}

test.each(Object.entries(STRUCTURES))('the hash spreads keys with structure: %s', (_, structure) => {
  const count = 65_536
  const hashes = new Set<number>()
  const slots = new Uint8Array(count * 2)
  for (let i = 0; i < count; i++) {
    const words = Int32Array.from(structure(i))
    const hash = hashKey(words, 0, words.length * 4)
    hashes.add(hash)
    slots[hash & (slots.length - 1)] = 1
  }
  // Random hashes: half a collision in all, and 1 − e^(−1/2) = 39.3 % of the slots in use.
  expect(count - hashes.size).toBeLessThan(10)
  expect(slots.reduce((used, slot) => used + slot, 0) / slots.length).toBeGreaterThan(0.385)
})

import { compareKeys } from '@meru/core'
import { Random } from '@meru/testkit'
import { expect, test } from 'vitest'
import { Memtable } from '../src/index.ts'

type Shape = (random: Random, i: number) => Uint8Array

function bytes(length: number, byteAt: (i: number) => number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => byteAt(i))
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

function longs(high: number, low: number): Uint8Array {
  const key = new Uint8Array(8)
  new DataView(key.buffer).setUint32(0, high)
  new DataView(key.buffer).setUint32(4, low)
  return key
}

/** What each of the words, windows and byte distributions of the sort has to cope with. */
const SHAPES: Record<string, Shape> = {
  'random bytes': (random) => bytes(16, () => random.below(256)),
  'random lengths': (random) => bytes(random.below(40), () => random.below(3)),
  'one long prefix': (random) => text(`a/prefix/of/more/than/three/windows/${random.below(1e9)}`),
  'few different prefixes': (random) =>
    text(`tenant-${random.below(5)}/user-${random.below(300)}/${random.below(50)}`),
  digits: (random) => text(String(random.below(1e6)).padStart(12, '0')),
  'one byte in the middle': (random) => bytes(19, (i) => (i === 9 ? random.below(256) : 7)),
  'the last byte': (random) => bytes(33, (i) => (i === 32 ? random.below(256) : 7)),
  'zeros of many lengths': (random) => bytes(random.below(300), () => 0),
  'zeros, then one': (random) => bytes(random.between(1, 300), (i) => (i % 16 === 0 ? random.below(2) : 0)),
  ascending: (_, i) => longs(0x80000000, i),
  descending: (_, i) => longs(0x80000000, 1e6 - i),
  'ascending per user': (_, i) => longs(i % 37, i),
  'almost ascending': (random, i) => longs(0, i + random.below(10)),
  'high bits': (random) => longs(random.uint32(), random.pick([0, 1, 0x7fffffff, 0x80000000, 0xffffffff])),
}

test.each(Object.entries(SHAPES))('keys come in the order of their bytes: %s', (_, shape) => {
  const slowly = Array.from({ length: 150 }, () => 7)
  // How many keys come between two looks at the order.
  for (const gaps of [[5000], [10, 3, 2000, 1, 1, 150, 2500, 90, 40], slowly]) {
    const random = new Random(gaps.length)
    const memtable = new Memtable({ bytesMax: 64 * 1024 * 1024 })
    const distinct = new Map<string, Uint8Array>()
    let i = 0
    for (const gap of gaps) {
      for (const end = i + gap; i < end; i++) {
        const key = shape(random, i)
        memtable.apply(key, 0, key.length, 0, 0, i + 1, 0)
        distinct.set(String.fromCharCode(...key), key)
      }
      memtable.cursor({ seqnoMax: Infinity })
    }
    const expected = [...distinct.values()].sort(compareKeys)
    const keyAt = (ref: number): Uint8Array =>
      memtable.bytes.slice(memtable.keyStartOf(ref), memtable.keyEndOf(ref))
    const sorted = Array.from(memtable.sortedRefs(), keyAt)
    expect(sorted.length).toBe(expected.length)
    expect(sorted.findIndex((key, at) => compareKeys(key, expected[at]) !== 0)).toBe(-1)
    const cursor = memtable.cursor({ reverse: true, seqnoMax: Infinity })
    expect(expected.findLastIndex((key) => compareKeys(key, keyAt(cursor.next())) !== 0)).toBe(-1)
  }
})

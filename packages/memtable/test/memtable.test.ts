import { compareKeys, KIND_DELETE, KIND_PUT } from '@meru/core'
import { describe, expect, test } from 'vitest'
import { Memtable } from '../src/index.ts'
import { apply, bytesOf, entryAt, find, put, remove, restKeys, type TextEntry } from './entries.ts'

const MIB = 1024 * 1024

test('a key is found with its newest version, and with older ones by seqno', () => {
  const memtable = new Memtable({ bytesMax: MIB })
  put(memtable, 'a', 3, 'three')
  put(memtable, 'b', 4, 'four')
  remove(memtable, 'a', 5)
  put(memtable, 'a', 9, 'nine')
  expect(find(memtable, 'a')).toEqual({ key: 'a', value: 'nine', seqno: 9, kind: KIND_PUT })
  expect(find(memtable, 'a', 9)?.value).toBe('nine')
  expect(find(memtable, 'a', 8)).toEqual({ key: 'a', value: '', seqno: 5, kind: KIND_DELETE })
  expect(find(memtable, 'a', 4)?.value).toBe('three')
  expect(find(memtable, 'a', 2)).toBeUndefined()
  expect(find(memtable, 'b')?.value).toBe('four')
  expect(find(memtable, 'c')).toBeUndefined()
  expect(find(memtable, '')).toBeUndefined()
})

test('keys that share a prefix, differ in trailing zeros or are empty are different keys', () => {
  const keys = [
    '',
    '\0',
    '\0\0',
    'a',
    'a\0',
    'a\0\0\0',
    'a\0\0\0\0',
    'ab',
    'abc',
    'abcd',
    'abcde',
    '\xff',
    '\xff\xff',
  ]
  const memtable = new Memtable({ bytesMax: MIB })
  keys.toReversed().forEach((key, i) => put(memtable, key, i + 1, ''))
  expect(memtable.keys).toBe(keys.length)
  expect(keys.map((key) => find(memtable, key)?.key)).toEqual(keys)
  expect(restKeys(memtable, memtable.cursor({ seqnoMax: Infinity }))).toEqual(keys)
})

test('the counters are exact', () => {
  const memtable = new Memtable({ bytesMax: MIB })
  const counters = (): number[] => [memtable.keys, memtable.entries, memtable.minSeqno, memtable.maxSeqno]
  expect(counters()).toEqual([0, 0, Infinity, 0])
  put(memtable, 'a', 7)
  expect(counters()).toEqual([1, 1, 7, 7])
  put(memtable, 'b', 8)
  put(memtable, 'a', 12)
  remove(memtable, 'a', 11)
  expect(counters()).toEqual([2, 4, 7, 12])
  put(memtable, 'c', Number.MAX_SAFE_INTEGER)
  put(memtable, 'd', 0)
  expect(counters()).toEqual([4, 6, 0, Number.MAX_SAFE_INTEGER])
})

test('seqnos keep all their bits', () => {
  const seqnos = [
    1,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 52 + 3,
    Number.MAX_SAFE_INTEGER,
  ]
  const memtable = new Memtable({ bytesMax: MIB })
  for (const seqno of seqnos) put(memtable, 'k', seqno)
  for (const seqno of seqnos) {
    expect(find(memtable, 'k', seqno)?.seqno).toBe(seqno)
    expect(find(memtable, 'k', seqno)?.value).toBe(`k@${seqno}`)
  }
})

test('versions applied out of order are shown in the order of their seqnos', () => {
  const memtable = new Memtable({ bytesMax: MIB })
  for (const seqno of [50, 10, 30, 20, 60, 40]) put(memtable, 'k', seqno)
  for (const seqno of [10, 20, 30, 40, 50, 60]) {
    expect(find(memtable, 'k', seqno)?.seqno).toBe(seqno)
    expect(find(memtable, 'k', seqno + 9)?.seqno).toBe(seqno)
  }
  expect(find(memtable, 'k', 9)).toBeUndefined()
})

test('of two versions with one seqno the later applied counts', () => {
  const memtable = new Memtable({ bytesMax: MIB })
  put(memtable, 'k', 5, 'first')
  put(memtable, 'k', 5, 'second')
  expect(find(memtable, 'k', 5)?.value).toBe('second')
})

test('entries are copied from wherever the array lies in its buffer', () => {
  const memtable = new Memtable({ bytesMax: MIB })
  const buffer = bytesOf('0123key-one|value-one|key-two|value-two')
  const later = buffer.subarray(4)
  for (const [source, offset] of [
    [later, 0],
    [buffer, 4],
    [later, 18],
    [bytesOf('key-two|value-new'), 0],
  ] as const) {
    memtable.apply(source, offset, offset + 7, offset + 8, offset + 17, memtable.entries + 1, KIND_PUT)
  }
  buffer.fill(0)
  expect([1, 2].map((seqno) => find(memtable, 'key-one', seqno)?.value)).toEqual(['value-one', 'value-one'])
  expect([3, 4].map((seqno) => find(memtable, 'key-two', seqno)?.value)).toEqual(['value-two', 'value-new'])
})

describe('room', () => {
  test('a full memtable says so, changes nothing and takes a smaller entry', () => {
    const memtable = new Memtable({ bytesMax: 4096 })
    let seqno = 1
    while (put(memtable, `key-${seqno}`, seqno, 'x'.repeat(100))) seqno++
    const before = [memtable.keys, memtable.entries, memtable.bytesUsed, memtable.maxSeqno]
    expect(memtable.bytesUsed).toBeGreaterThan(4096 - 200)
    expect(memtable.bytesUsed).toBeLessThanOrEqual(4096)
    expect(put(memtable, 'key-1', seqno, 'x'.repeat(200))).toBe(false)
    expect([memtable.keys, memtable.entries, memtable.bytesUsed, memtable.maxSeqno]).toEqual(before)
    expect(find(memtable, `key-${seqno}`)).toBeUndefined()
    expect(find(memtable, 'key-1')?.seqno).toBe(1)
    expect(restKeys(memtable, memtable.cursor({ seqnoMax: Infinity })).length).toBe(seqno - 1)
  })

  test.each([1, 1024, 2 * MIB])(
    'an empty memtable of %d bytes takes an entry larger than itself',
    (bytesMax) => {
      const memtable = new Memtable({ bytesMax })
      const bytes = new Uint8Array(3 + 3 * MIB).fill(0x76)
      bytes.set(bytesOf('big'))
      expect(memtable.apply(bytes, 0, 3, 3, bytes.length, 1, KIND_PUT)).toBe(true)
      expect(put(memtable, 'next', 2)).toBe(false)
      expect(put(memtable, 'big', 3)).toBe(false)
      const ref = memtable.find(bytes, 0, 3, Infinity)
      expect(memtable.keyEndOf(ref) - memtable.keyStartOf(ref)).toBe(3)
      const value = memtable.bytes.subarray(memtable.valueStartOf(ref), memtable.valueEndOf(ref))
      expect(compareKeys(value, bytes.subarray(3))).toBe(0)
    },
  )

  test('a memtable that is hardly used holds little memory, and grows to its limit', () => {
    const memtable = new Memtable({ bytesMax: 8 * MIB })
    put(memtable, 'a', 1)
    const first = memtable.bytes
    expect(first.length).toBeLessThanOrEqual(MIB)
    const value = 'x'.repeat(2000)
    let seqno = 2
    while (put(memtable, `k${seqno}`, seqno, value)) seqno++
    expect(memtable.bytesUsed).toBeGreaterThan(8 * MIB - 3000)
    expect(find(memtable, 'a')?.seqno).toBe(1)
    const ref = memtable.find(bytesOf('a'), 0, 1, Infinity)
    expect(first[memtable.keyStartOf(ref)]).toBe(0x61)
  })

  test('refs stay valid while the arena and the index grow', () => {
    const memtable = new Memtable({ bytesMax: 4 * MIB })
    const refs: number[] = []
    for (let i = 0; i < 20_000; i++) {
      put(memtable, `key-${i}`, i + 1)
      refs.push(memtable.find(bytesOf(`key-${i}`), 0, `key-${i}`.length, Infinity))
    }
    refs.forEach((ref, i) => {
      expect(entryAt(memtable, ref)).toEqual({
        key: `key-${i}`,
        value: `key-${i}@${i + 1}`,
        seqno: i + 1,
        kind: 0,
      })
    })
  })

  test('keys and values of every length around the words come back as they were', () => {
    const memtable = new Memtable({ bytesMax: 4 * MIB })
    const lengths = [...Array(18).keys(), 63, 64, 65, 255, 256, 257, 1000, 65_535]
    let seqno = 0
    for (const keyLength of lengths) {
      for (const valueLength of lengths.slice(0, 20)) {
        const [key, value] = ['k'.repeat(keyLength), 'v'.repeat(valueLength)]
        const entry: TextEntry = { key, value, seqno: ++seqno, kind: KIND_PUT }
        expect(apply(memtable, entry)).toBe(true)
        expect(find(memtable, entry.key)).toEqual(entry)
      }
    }
    expect(memtable.keys).toBe(lengths.length)
  })
})

test('the collector knows what a memtable weighs, here and where it is attached', () => {
  const weight = (): number => process.memoryUsage().external
  const allocated = process.memoryUsage().arrayBuffers
  const value = new Uint8Array(64 * 1024)
  const held: Memtable[] = []
  for (let n = 0; n < 8; n++) {
    const memtable = new Memtable({ bytesMax: 4 << 20 })
    for (let seqno = 1; seqno <= 60; seqno++) memtable.apply(value, 0, 1, 1, value.length, seqno, KIND_PUT)
    memtable.seal()
    held.push(memtable)
  }
  const bytes = held.reduce((sum, memtable) => sum + memtable.bytesUsed, 0)
  expect(weight()).toBeGreaterThan(bytes)
  held.push(...held.map((memtable) => Memtable.attach(structuredClone(memtable.shared()))))
  expect(weight()).toBeGreaterThan(2 * bytes)
  // The weights alone: nothing as large was allocated beside the memtables.
  expect(process.memoryUsage().arrayBuffers - allocated).toBeLessThan(bytes / 2)
  expect(held).toHaveLength(16)
})

test('what an empty memtable weighs is no mapping of the process, of which there are few', () => {
  const allocated = process.memoryUsage().arrayBuffers
  const held = Array.from({ length: 64 }, () => new Memtable({ bytesMax: 64 << 20 }))
  expect(process.memoryUsage().arrayBuffers - allocated).toBeGreaterThan(8 << 20)
  expect(held).toHaveLength(64)
})

describe('misuse is a TypeError', () => {
  test.each([0, -1, 1.5, NaN, Infinity, 2 ** 32 + 1])('bytesMax of %d', (bytesMax) => {
    expect(() => new Memtable({ bytesMax })).toThrow(TypeError)
  })

  test.each([-1, 0.5, NaN, Infinity, 2 ** 53])('seqno of %d', (seqno) => {
    const memtable = new Memtable({ bytesMax: 1024 })
    expect(() => put(memtable, 'k', seqno)).toThrow(TypeError)
    expect(memtable.entries).toBe(0)
  })

  test.each([
    [4, 3, 4, 5],
    [0, 11, 4, 5],
    [0, 1, 5, 4],
    [0, 1, 1, 11],
    [-1, 1, 1, 2],
    [0, 1, -4, 0],
    [NaN, 1, 1, 2],
  ])('ranges %d..%d, %d..%d in ten bytes', (keyStart, keyEnd, valueStart, valueEnd) => {
    const memtable = new Memtable({ bytesMax: 1024 })
    const bytes = new Uint8Array(10)
    expect(() => memtable.apply(bytes, keyStart, keyEnd, valueStart, valueEnd, 1, KIND_PUT)).toThrow(
      TypeError,
    )
    expect(memtable.entries).toBe(0)
  })

  test('a write after seal, and sharing before it', () => {
    const memtable = new Memtable({ bytesMax: 1024 })
    put(memtable, 'k', 1)
    expect(() => memtable.shared()).toThrow(TypeError)
    memtable.seal()
    memtable.seal()
    expect(() => put(memtable, 'k', 2)).toThrow(TypeError)
    expect(find(memtable, 'k')?.seqno).toBe(1)
    expect(() => put(Memtable.attach(memtable.shared()), 'k', 2)).toThrow(TypeError)
  })
})

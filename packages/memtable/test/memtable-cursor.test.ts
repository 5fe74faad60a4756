import { describe, expect, test } from 'vitest'
import { Memtable } from '../src/index.ts'
import { bytesOf, entryAt, put, remove, rest, restKeys } from './entries.ts'

function memtableOf(keys: readonly string[]): Memtable {
  const memtable = new Memtable({ bytesMax: 16 * 1024 * 1024 })
  keys.forEach((key, i) => put(memtable, key, i + 1))
  return memtable
}

function numbered(count: number, step = 1): string[] {
  return Array.from({ length: count }, (_, i) => String(i * step).padStart(7, '0'))
}

function bound(key: string | undefined): Uint8Array | undefined {
  return key === undefined ? undefined : bytesOf(key)
}

test('a cursor shows the newest version per key that its seqno allows, deletes included', () => {
  const memtable = new Memtable({ bytesMax: 4096 })
  put(memtable, 'b', 1)
  put(memtable, 'a', 2)
  remove(memtable, 'b', 3)
  put(memtable, 'c', 4)
  put(memtable, 'a', 5)
  const seen = (seqnoMax: number): string[] =>
    rest(memtable, memtable.cursor({ seqnoMax })).map(({ key, seqno, kind }) => `${key}${seqno}${'+-'[kind]}`)
  expect(seen(0)).toEqual([])
  expect(seen(1)).toEqual(['b1+'])
  expect(seen(2)).toEqual(['a2+', 'b1+'])
  expect(seen(3)).toEqual(['a2+', 'b3-'])
  expect(seen(Infinity)).toEqual(['a5+', 'b3-', 'c4+'])
})

describe.each([false, true])('bounds, reverse: %s', (reverse) => {
  test.each([
    [undefined, undefined, ['a', 'b', 'ba', 'c']],
    ['b', undefined, ['b', 'ba', 'c']],
    [undefined, 'b', ['a']],
    ['b', 'c', ['b', 'ba']],
    ['aa', 'bb', ['b', 'ba']],
    ['b', 'b', []],
    ['c', 'a', []],
    ['', 'a', []],
    ['d', undefined, []],
    ['', 'z', ['a', 'b', 'ba', 'c']],
  ])('from %s to before %s', (lower, upper, expected) => {
    const memtable = memtableOf(['c', 'a', 'ba', 'b'])
    const cursor = memtable.cursor({ lower: bound(lower), upper: bound(upper), reverse, seqnoMax: Infinity })
    expect(restKeys(memtable, cursor)).toEqual(reverse ? expected.toReversed() : expected)
    expect(cursor.next()).toBe(0)
  })

  test('nothing to show', () => {
    const memtable = memtableOf([])
    expect(memtable.cursor({ reverse, seqnoMax: Infinity }).next()).toBe(0)
    expect(memtable.cursor({ lower: bytesOf('a'), upper: bytesOf('b'), reverse, seqnoMax: 1 }).next()).toBe(0)
  })

  test('many keys come in order, whatever the order they came in', () => {
    const keys = numbered(5000)
    for (const given of [keys, keys.toReversed(), shuffled(keys)]) {
      const memtable = memtableOf(given)
      const cursor = memtable.cursor({ reverse, seqnoMax: Infinity })
      expect(restKeys(memtable, cursor)).toEqual(reverse ? keys.toReversed() : keys)
    }
  })
})

/** A fixed permutation: 3571 is prime to the length. */
function shuffled(keys: readonly string[]): string[] {
  return keys.map((_, i) => keys[(i * 3571 + 999) % keys.length])
}

describe('seek', () => {
  const keys = ['b', 'd', 'f', 'h']

  test.each([
    ['a', 'bdfh'],
    ['b', 'bdfh'],
    ['c', 'dfh'],
    ['h', 'h'],
    ['i', ''],
  ])('goes to the first key at or behind %s', (key, expected) => {
    const memtable = memtableOf(keys)
    const cursor = memtable.cursor({ seqnoMax: Infinity })
    cursor.seek(bytesOf(key))
    expect(restKeys(memtable, cursor).join('')).toBe(expected)
  })

  test.each([
    ['a', ''],
    ['b', 'b'],
    ['c', 'b'],
    ['h', 'hfdb'],
    ['z', 'hfdb'],
  ])('in reverse goes to the last key at or before %s', (key, expected) => {
    const memtable = memtableOf(keys)
    const cursor = memtable.cursor({ reverse: true, seqnoMax: Infinity })
    cursor.seek(bytesOf(key))
    expect(restKeys(memtable, cursor).join('')).toBe(expected)
  })

  test('stays within the bounds, may go back, and does not keep the array it was given', () => {
    const memtable = memtableOf(keys)
    const range = { lower: bytesOf('d'), upper: bytesOf('h') }
    const cursor = memtable.cursor({ ...range, seqnoMax: Infinity })
    expect(restKeys(memtable, cursor)).toEqual(['d', 'f'])
    cursor.seek(bytesOf('a'))
    expect(restKeys(memtable, cursor)).toEqual(['d', 'f'])
    const target = bytesOf('e')
    cursor.seek(target)
    target.fill(0x7a)
    expect(restKeys(memtable, cursor)).toEqual(['f'])
    cursor.seek(bytesOf('h'))
    expect(restKeys(memtable, cursor)).toEqual([])
    const back = memtable.cursor({ ...range, reverse: true, seqnoMax: Infinity })
    back.seek(bytesOf('z'))
    expect(restKeys(memtable, back)).toEqual(['f', 'd'])
    back.seek(bytesOf('c'))
    expect(restKeys(memtable, back)).toEqual([])
    back.seek(bytesOf('d'))
    expect(restKeys(memtable, back)).toEqual(['d'])
  })
})

describe.each([false, true])('while writes go on, reverse: %s', (reverse) => {
  test('a cursor shows what was there when it was made, each key once', () => {
    const before = numbered(3000, 10)
    const memtable = memtableOf(shuffled(before))
    const cursor = memtable.cursor({ reverse, seqnoMax: 3000 })
    const expected = reverse ? before.toReversed() : before
    let seqno = 3000
    const shown = expected.map((_, i) => {
      put(memtable, `${expected[i]}-new`, ++seqno, 'x'.repeat(500))
      put(memtable, expected[(i * 7) % expected.length], ++seqno)
      // Another cursor makes the order take in what is new, so that every position changes.
      if (i % 5 === 0) memtable.cursor({ seqnoMax: seqno }).next()
      return entryAt(memtable, cursor.next())
    })
    expect(shown.map((entry) => entry.key)).toEqual(expected)
    expect(shown.every((entry) => entry.seqno <= 3000)).toBe(true)
    expect(cursor.next()).toBe(0)
    expect(restKeys(memtable, memtable.cursor({ seqnoMax: Infinity })).length).toBe(6000)
  })

  test('the bounds of a cursor hold in an order that has changed', () => {
    const memtable = memtableOf(numbered(2000, 10))
    const range = { lower: bytesOf('0005000'), upper: bytesOf('0005040') }
    const cursor = memtable.cursor({ ...range, reverse, seqnoMax: 2000 })
    for (let i = 0; i < 3000; i++) put(memtable, `${String(i * 7).padStart(7, '0')}x`, 2001 + i)
    memtable.cursor({ seqnoMax: Infinity })
    const expected = ['0005000', '0005010', '0005020', '0005030']
    expect(restKeys(memtable, cursor)).toEqual(reverse ? expected.toReversed() : expected)
  })

  test('entries applied later stay hidden even if the seqno would allow them', () => {
    const memtable = memtableOf(['a', 'c'])
    const cursor = memtable.cursor({ reverse, seqnoMax: Infinity })
    put(memtable, 'b', 10)
    put(memtable, 'a', 11)
    memtable.cursor({ seqnoMax: Infinity })
    const seqnos = rest(memtable, cursor).map((entry) => entry.seqno)
    expect(seqnos).toEqual(reverse ? [2, 1] : [1, 2])
  })
})

test.each([
  ['mixed', shuffled(numbered(2500))],
  ['falling', numbered(2500).toReversed()],
  ['falling in two strands', numbered(1200).flatMap((_, i) => [`a${5000 - i}`, `b${5000 - i}`])],
])('puts and short scans by turns see each new key and its neighbours, keys %s', (_, keys) => {
  const memtable = memtableOf([])
  const sorted: string[] = []
  keys.forEach((key, i) => {
    put(memtable, key, i + 1)
    const rank = sorted.findIndex((other) => other > key)
    sorted.splice(rank < 0 ? sorted.length : rank, 0, key)
    const at = sorted.indexOf(key)
    const behind = memtable.cursor({ lower: bytesOf(`${key}!`), seqnoMax: i + 1 })
    const from = memtable.cursor({ upper: bytesOf(`${key}!`), reverse: true, seqnoMax: i + 1 })
    const shown = [behind.next(), from.next(), from.next()]
    const named = shown.map((ref) => (ref === 0 ? undefined : entryAt(memtable, ref).key))
    expect(named).toEqual([sorted[at + 1], key, sorted[at - 1]])
  })
  expect(restKeys(memtable, memtable.cursor({ seqnoMax: Infinity }))).toEqual(sorted)
})

test('sortedRefs gives the newest version of each key, before and after the seal', () => {
  const memtable = memtableOf(shuffled(numbered(2000)))
  const inOrder = (): string[] => Array.from(memtable.sortedRefs(), (ref) => entryAt(memtable, ref).key)
  expect(inOrder()).toEqual(numbered(2000))
  remove(memtable, '0000007', 2001)
  put(memtable, '0000007x', 2002)
  memtable.seal()
  const entries = Array.from(memtable.sortedRefs(), (ref) => entryAt(memtable, ref))
  expect(entries.length).toBe(2001)
  expect(entries.slice(7, 9).map(({ key, seqno, kind }) => [key, seqno, kind])).toEqual([
    ['0000007', 2001, 1],
    ['0000007x', 2002, 0],
  ])
})

import { KIND_DELETE, KIND_PUT } from '@meru/core'
import { Random } from '@meru/testkit'
import { expect, test } from 'vitest'
import { Memtable, type MemtableCursor } from '../src/index.ts'
import { apply, bytesOf, entryAt, find, type TextEntry } from './entries.ts'

/** The memtable as a plain list of entries, in the order in which they were applied. */
class Model {
  readonly entries: TextEntry[] = []

  find(key: string, seqnoMax: number): TextEntry | undefined {
    let found: TextEntry | undefined
    for (const entry of this.entries) {
      if (entry.key !== key || entry.seqno > seqnoMax) continue
      if (found === undefined || entry.seqno >= found.seqno) found = entry
    }
    return found
  }

  scan(range: Range): TextEntry[] {
    const newest = new Map<string, TextEntry>()
    for (const entry of this.entries) {
      const other = newest.get(entry.key)
      if (entry.seqno > range.seqnoMax || entry.key < range.lower || entry.key >= range.upper) continue
      if (other === undefined || entry.seqno >= other.seqno) newest.set(entry.key, entry)
    }
    const inOrder = [...newest.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
    return range.reverse ? inOrder.toReversed() : inOrder
  }
}

interface Range {
  readonly lower: string
  readonly upper: string
  readonly reverse: boolean
  readonly seqnoMax: number
}

interface LiveCursor {
  readonly cursor: MemtableCursor
  readonly range: Range
  /** All that it shows, and how far it has come. */
  readonly expected: TextEntry[]
  shown: number
}

/** Greater than every key. */
const TOP = '\xff'.repeat(200)

/** Few letters and shared prefixes, so that keys repeat, nest and differ at every place of a word. */
function randomKey(random: Random): string {
  const letters = random.pick(['ab', '\0\x01', '\x7f\x80\xff', 'abcdefghijklmnop'])
  const prefix = random.pick(['', '', 'user-', 'a-rather-long-prefix/', 'x'.repeat(100)])
  return (
    prefix + Array.from({ length: random.below(7) }, () => letters[random.below(letters.length)]).join('')
  )
}

function randomRange(random: Random, seqno: number): Range {
  return {
    lower: random.oneIn(2) ? '' : randomKey(random),
    upper: random.oneIn(2) ? TOP : randomKey(random),
    reverse: random.oneIn(2),
    seqnoMax: random.oneIn(3) ? Infinity : random.below(seqno + 2),
  }
}

function open(memtable: Memtable, model: Model, range: Range): LiveCursor {
  const lower = range.lower === '' ? undefined : bytesOf(range.lower)
  const upper = range.upper === TOP ? undefined : bytesOf(range.upper)
  const { reverse, seqnoMax } = range
  const cursor = memtable.cursor({ lower, upper, reverse, seqnoMax })
  return { cursor, range, expected: model.scan(range), shown: 0 }
}

function expectSteps(memtable: Memtable, live: LiveCursor, steps: number): void {
  for (let i = 0; i < steps; i++) {
    const ref = live.cursor.next()
    expect(ref === 0 ? undefined : entryAt(memtable, ref)).toEqual(live.expected[live.shown])
    if (ref === 0) return
    live.shown++
  }
}

function seek(live: LiveCursor, key: string): void {
  live.cursor.seek(bytesOf(key))
  const { reverse } = live.range
  const found = live.expected.findIndex((entry) => (reverse ? entry.key <= key : entry.key >= key))
  live.shown = found < 0 ? live.expected.length : found
}

function expectAgreement(seed: number, bytesMax: number): void {
  const random = new Random(seed)
  const memtable = new Memtable({ bytesMax })
  const model = new Model()
  const cursors: LiveCursor[] = []
  let seqno = 0
  const write = (): void => {
    const isDelete = random.oneIn(4)
    const value = isDelete ? '' : 'v'.repeat(random.below(random.pick([4, 40, 400])))
    seqno = random.oneIn(20)
      ? random.below(seqno + 1)
      : Math.max(seqno, model.entries.length) + random.below(3)
    const entry = { key: randomKey(random), value, seqno, kind: isDelete ? KIND_DELETE : KIND_PUT } as const
    if (apply(memtable, entry)) model.entries.push(entry)
  }
  const read = (): void => {
    const [key, seqnoMax] = [randomKey(random), random.oneIn(2) ? Infinity : random.below(seqno + 2)]
    expect(find(memtable, key, seqnoMax)).toEqual(model.find(key, seqnoMax))
  }
  const step = (): void => {
    if (cursors.length === 0) return
    const live = random.pick(cursors)
    if (random.oneIn(5)) seek(live, randomKey(random))
    expectSteps(memtable, live, random.below(30))
  }
  const openOne = (): void => {
    if (cursors.length > 4) cursors.splice(random.below(5), 1)
    cursors.push(open(memtable, model, randomRange(random, seqno)))
  }
  for (let i = 0; i < 1200; i++) {
    random.weighted([
      [random.oneIn(50) ? 300 : 20, write],
      [3, read],
      [3, step],
      [1, openOne],
    ])()
  }
  for (const live of cursors) expectSteps(memtable, live, Infinity)
  expectWhole(memtable, model)
  memtable.seal()
  expectWhole(Memtable.attach(structuredClone(memtable.shared())), model)
}

function expectWhole(memtable: Memtable, model: Model): void {
  const all = { lower: '', upper: TOP, seqnoMax: Infinity }
  for (const reverse of [false, true])
    expectSteps(memtable, open(memtable, model, { ...all, reverse }), Infinity)
  const newest = model.scan({ ...all, reverse: false })
  expect(Array.from(memtable.sortedRefs(), (ref) => entryAt(memtable, ref))).toEqual(newest)
  for (const entry of newest) expect(find(memtable, entry.key)).toEqual(entry)
  const seqnos = model.entries.map((entry) => entry.seqno)
  expect([memtable.keys, memtable.entries]).toEqual([newest.length, seqnos.length])
  expect([memtable.minSeqno, memtable.maxSeqno]).toEqual([Math.min(...seqnos), Math.max(...seqnos)])
}

test.each(Array.from({ length: 16 }, (_, i) => i + 1))(
  'random operations agree with a list, seed %d',
  (seed) => {
    expectAgreement(seed, seed % 4 === 0 ? 30_000 : 4_000_000)
  },
)

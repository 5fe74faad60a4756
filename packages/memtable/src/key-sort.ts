import type { EntryArena } from './entry-arena.ts'
import { compareKeys, wordsFor } from './key-words.ts'

/** Fewer keys are sorted by insertion. */
const INSERTION_KEYS_MAX = 12
/** Bits of the key looked at beyond those that tell `count` random keys apart. */
const SPARE_BITS = 6
const WINDOW_BYTES = 8

/** Refs, and of their keys the 8 bytes at the depth reached, as two words. */
interface Columns {
  readonly refs: Int32Array
  readonly first: Int32Array
  readonly second: Int32Array
}

/** What a group of keys has in its 8 bytes: the bits in which any two differ. */
interface Window {
  readonly firstVaries: number
  readonly secondVaries: number
  /** Bytes of the longest key. */
  readonly longest: number
}

/** Compares the keys of two holders. */
export function compareHolders(arena: EntryArena, a: number, b: number): number {
  const { words } = arena
  const aLength = arena.keyLengthOf(a)
  return compareKeys(words, arena.keyWordOf(a), aLength, words, arena.keyWordOf(b), arena.keyLengthOf(b))
}

/** Sorts `refs`, holders of distinct keys, by key. */
export function sortHolders(arena: EntryArena, refs: Int32Array): void {
  const roomNeeded = refs.length > INSERTION_KEYS_MAX ? refs.length : 0
  const room = (): Int32Array => new Int32Array(roomNeeded)
  const columns = { refs, first: room(), second: room() }
  new KeySort(arena, columns, { refs: room(), first: room(), second: room() }).sort(0, refs.length, 0)
}

/**
 * Radix sort by windows of 8 key bytes. Of a window, the foremost bytes that differ at all are sorted
 * by, as many as should tell the keys apart; keys that are still equal are sorted as a group of their
 * own, in the same window or, once it has nothing more to tell, in the next.
 */
class KeySort {
  readonly #arena: EntryArena
  readonly #columns: Columns
  readonly #spare: Columns
  readonly #counts: Int32Array = new Int32Array(256)

  constructor(arena: EntryArena, columns: Columns, spare: Columns) {
    this.#arena = arena
    this.#columns = columns
    this.#spare = spare
  }

  /** Sorts the refs `from .. to - 1`, whose keys are equal in the first `depth` bytes. */
  sort(from: number, to: number, depth: number): void {
    for (let at = depth; ; at += WINDOW_BYTES) {
      if (to - from <= INSERTION_KEYS_MAX) {
        this.#insertionSort(from, to)
        return
      }
      const window = this.#load(from, to, at >>> 2)
      if ((window.firstVaries | window.secondVaries) !== 0) {
        this.#sortWindow(from, to, at, window)
        return
      }
      if (window.longest <= at + WINDOW_BYTES) {
        // Equal but for the zeros that fill up the shorter ones.
        this.#columns.refs.subarray(from, to).sort((a, b) => compareHolders(this.#arena, a, b))
        return
      }
    }
  }

  #load(from: number, to: number, word: number): Window {
    const arena = this.#arena
    const { refs, first, second } = this.#columns
    const words = arena.words
    let firstVaries = 0
    let secondVaries = 0
    let longest = 0
    for (let i = from; i < to; i++) {
      const start = arena.keyWordOf(refs[i]) + word
      const length = arena.keyLengthOf(refs[i])
      const rest = wordsFor(length) - word
      first[i] = rest > 0 ? words[start] : 0
      second[i] = rest > 1 ? words[start + 1] : 0
      firstVaries |= first[i] ^ first[from]
      secondVaries |= second[i] ^ second[from]
      if (length > longest) longest = length
    }
    return { firstVaries, secondVaries, longest }
  }

  #sortWindow(from: number, to: number, depth: number, { firstVaries, secondVaries }: Window): void {
    const digits: number[] = []
    let bitsLeft = 32 - Math.clz32(to - from) + SPARE_BITS
    let firstMask = 0
    let secondMask = 0
    for (let byte = 0; byte < WINDOW_BYTES && bitsLeft > 0; byte++) {
      const mask = 0xff << ((byte & 3) * 8)
      const varies = (byte < 4 ? firstVaries : secondVaries) & mask
      if (varies === 0) continue
      digits.push(byte)
      bitsLeft -= bitsIn(varies)
      if (byte < 4) firstMask |= mask
      else secondMask |= mask
    }
    this.#distribute(from, to, digits)
    const isWindowDone = ((firstVaries & ~firstMask) | (secondVaries & ~secondMask)) === 0
    const depthLeft = isWindowDone ? depth + WINDOW_BYTES : depth
    const { first, second } = this.#columns
    let start = from
    for (let i = from + 1; i <= to; i++) {
      const differs =
        i < to ? ((first[i] ^ first[start]) & firstMask) | ((second[i] ^ second[start]) & secondMask) : 1
      if (differs === 0) continue
      if (i - start > 1) this.sort(start, i, depthLeft)
      start = i
    }
  }

  /** Sorts by the given bytes of the window, the last of them first. */
  #distribute(from: number, to: number, digits: readonly number[]): void {
    let columns = this.#columns
    let spare = this.#spare
    for (const byte of digits.toReversed()) {
      this.#pass(columns, spare, from, to, byte)
      ;[columns, spare] = [spare, columns]
    }
    if (columns !== this.#columns) copyColumns(columns, this.#columns, from, to)
  }

  /** One stable distribution by one byte of the window. */
  #pass(columns: Columns, into: Columns, from: number, to: number, byte: number): void {
    const { refs, first, second } = columns
    const digits = byte < 4 ? first : second
    const shift = (byte & 3) * 8
    const counts = this.#counts.fill(0)
    for (let i = from; i < to; i++) counts[(digits[i] >>> shift) & 0xff]++
    let start = from
    for (let digit = 0; digit < 256; digit++) {
      const count = counts[digit]
      counts[digit] = start
      start += count
    }
    for (let i = from; i < to; i++) {
      const at = counts[(digits[i] >>> shift) & 0xff]++
      into.refs[at] = refs[i]
      into.first[at] = first[i]
      into.second[at] = second[i]
    }
  }

  #insertionSort(from: number, to: number): void {
    const arena = this.#arena
    const { refs } = this.#columns
    for (let i = from + 1; i < to; i++) {
      const ref = refs[i]
      let at = i
      for (; at > from && compareHolders(arena, refs[at - 1], ref) > 0; at--) refs[at] = refs[at - 1]
      refs[at] = ref
    }
  }
}

function copyColumns(source: Columns, target: Columns, from: number, to: number): void {
  target.refs.set(source.refs.subarray(from, to), from)
  target.first.set(source.first.subarray(from, to), from)
  target.second.set(source.second.subarray(from, to), from)
}

function bitsIn(word: number): number {
  let bits = 0
  for (let rest = word; rest !== 0; rest &= rest - 1) bits++
  return bits
}

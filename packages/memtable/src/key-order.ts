import { FIRST_REF, NEWEST, type EntryArena } from './entry-arena.ts'
import { compareHolders, sortHolders } from './key-sort.ts'
import { compareKeys, loadKey, wordsFor } from './key-words.ts'

/** Most refs of a block; positions count in it. A power of two. */
const BLOCK_REFS_MAX = 512
/** Refs of a block in a fresh order: leaves room for keys between. */
const BLOCK_REFS_START = 384
const FRESH_REFS_START = 64
/** Sorting everything anew is cheaper than merging more than one key in so many. */
const MERGE_SHARE = 16

/** Holders in key order, of the keys that first came in entries before `orderedWords`. */
export interface OrderedRefs {
  readonly order: SharedArrayBuffer
  readonly orderedWords: number
}

/**
 * The holders in key order, in blocks, as far as somebody has asked. Applying an entry costs the order
 * nothing; `advance` finds what was applied since, sorts it, and puts it in.
 *
 * A position is a number that grows with the key: block × BLOCK_REFS_MAX + index. Positions hold until
 * `generation` changes.
 */
export class KeyOrder {
  generation = 0
  readonly #arena: EntryArena
  readonly #blocks: BlockList = { refs: [], lengths: [], firsts: [] }
  #count = 0
  /** Entries before this ref have been taken in. */
  #end = FIRST_REF
  /** Room for the holders that `advance` collects. */
  #fresh: Int32Array = new Int32Array(FRESH_REFS_START)

  constructor(arena: EntryArena) {
    this.#arena = arena
  }

  /** The order as far as another thread has made it. */
  static attach(arena: EntryArena, made: OrderedRefs): KeyOrder {
    const order = new KeyOrder(arena)
    const refs = new Int32Array(made.order)
    replaceBlocks(order.#blocks, 0, 0, refs, BLOCK_REFS_START)
    order.#count = refs.length
    order.#end = made.orderedWords
    return order
  }

  /** A copy of what has been ordered, for another thread. */
  shared(): OrderedRefs {
    const order = new SharedArrayBuffer(this.#count * 4)
    const refs = new Int32Array(order)
    let at = 0
    this.#blocks.refs.forEach((block, b) => {
      const length = this.#blocks.lengths[b]
      refs.set(block.subarray(0, length), at)
      at += length
    })
    return { order, orderedWords: this.#end }
  }

  /** Takes in all that was applied so far. */
  advance(): void {
    const arena = this.#arena
    if (this.#end === arena.used) return
    const fresh = this.#collect(this.#end)
    this.#end = arena.used
    if (fresh.length === 0) return
    this.generation++
    this.#count += fresh.length
    const isAscending = this.#isAscending(fresh)
    if (isAscending && this.#isBehindAll(fresh[0])) {
      this.#append(fresh)
    } else if (fresh.length * MERGE_SHARE > this.#count) {
      this.#rebuild(fresh.length === this.#count ? fresh : this.#collect(FIRST_REF))
    } else {
      if (!isAscending) sortHolders(arena, fresh)
      this.#merge(fresh)
    }
  }

  /** The position behind the last key. */
  get endPosition(): number {
    return this.#blocks.refs.length * BLOCK_REFS_MAX
  }

  /** The position of the first key ≥ `bytes[start .. end)`. */
  locate(bytes: Uint8Array, start: number, end: number): number {
    const words = new Int32Array(wordsFor(end - start))
    loadKey(bytes, start, end, words)
    return this.#locate(words, 0, end - start)
  }

  /** The position of a holder that has been taken in. */
  locateHolder(holder: number): number {
    const arena = this.#arena
    return this.#locate(arena.words, arena.keyWordOf(holder), arena.keyLengthOf(holder))
  }

  /** The holder at a position, or 0 where a block has room. */
  holderAt(position: number): number {
    return this.#blocks.refs[Math.floor(position / BLOCK_REFS_MAX)][position % BLOCK_REFS_MAX]
  }

  /** The refs of the newest version of each key, in key order. */
  newest(): Uint32Array {
    const { words } = this.#arena
    const newest = new Uint32Array(this.#count)
    let at = 0
    for (let b = 0; b < this.#blocks.refs.length; b++) {
      const refs = this.#blocks.refs[b]
      const length = this.#blocks.lengths[b]
      for (let i = 0; i < length; i++) newest[at++] = words[refs[i] + NEWEST]
    }
    return newest
  }

  /** The holders among the entries from `start` on, in a view of `#fresh`. */
  #collect(start: number): Int32Array {
    const arena = this.#arena
    let holders = this.#fresh
    let count = 0
    for (let ref = start; ref < arena.used; ref = arena.after(ref)) {
      if (arena.holderOf(ref) !== ref) continue
      if (count === holders.length) {
        const larger = new Int32Array(count * 2)
        larger.set(holders)
        holders = larger
      }
      holders[count++] = ref
    }
    return holders.subarray(0, count)
  }

  #isAscending(refs: Int32Array): boolean {
    for (let i = 1; i < refs.length; i++) {
      if (compareHolders(this.#arena, refs[i - 1], refs[i]) > 0) return false
    }
    return true
  }

  #isBehindAll(holder: number): boolean {
    const { refs, lengths } = this.#blocks
    const b = refs.length - 1
    return b < 0 || compareHolders(this.#arena, refs[b][lengths[b] - 1], holder) < 0
  }

  /** Fills the last block, then whole ones: more of the same kind is likely to come. */
  #append(fresh: Int32Array): void {
    const { refs, lengths } = this.#blocks
    const b = refs.length - 1
    let taken = 0
    if (b >= 0) {
      taken = Math.min(BLOCK_REFS_MAX - lengths[b], fresh.length)
      refs[b].set(fresh.subarray(0, taken), lengths[b])
      lengths[b] += taken
    }
    if (taken < fresh.length) {
      replaceBlocks(this.#blocks, refs.length, 0, fresh.subarray(taken), BLOCK_REFS_MAX)
    }
  }

  #rebuild(holders: Int32Array): void {
    sortHolders(this.#arena, holders)
    replaceBlocks(this.#blocks, 0, this.#blocks.refs.length, holders, BLOCK_REFS_START)
  }

  /** Puts sorted holders where they belong, block by block. */
  #merge(fresh: Int32Array): void {
    const arena = this.#arena
    let from = 0
    while (from < fresh.length) {
      const b = Math.max(
        0,
        this.#blockOf(arena.words, arena.keyWordOf(fresh[from]), arena.keyLengthOf(fresh[from])),
      )
      const { firsts } = this.#blocks
      let to = from + 1
      if (b + 1 === firsts.length) to = fresh.length
      else while (to < fresh.length && compareHolders(arena, fresh[to], firsts[b + 1]) < 0) to++
      this.#mergeBlock(b, fresh.subarray(from, to))
      from = to
    }
  }

  /** Fills from the back, so that no ref is overwritten before it has moved. */
  #mergeBlock(b: number, fresh: Int32Array): void {
    const arena = this.#arena
    const { lengths, firsts } = this.#blocks
    const total = lengths[b] + fresh.length
    let refs = this.#blocks.refs[b]
    if (total > BLOCK_REFS_MAX) {
      refs = new Int32Array(total)
      refs.set(this.#blocks.refs[b])
    }
    let left = lengths[b]
    for (let i = fresh.length - 1; i >= 0; i--) {
      const holder = fresh[i]
      const at = this.#rank(refs, left, arena.words, arena.keyWordOf(holder), arena.keyLengthOf(holder))
      refs.copyWithin(at + i + 1, at, left)
      refs[at + i] = holder
      left = at
    }
    if (total > BLOCK_REFS_MAX) {
      replaceBlocks(this.#blocks, b, 1, refs, BLOCK_REFS_START)
    } else {
      lengths[b] = total
      firsts[b] = refs[0]
    }
  }

  #locate(key: Int32Array, start: number, length: number): number {
    const b = this.#blockOf(key, start, length)
    if (b < 0) return 0
    const { refs, lengths } = this.#blocks
    return b * BLOCK_REFS_MAX + this.#rank(refs[b], lengths[b], key, start, length)
  }

  /** The last block that begins at or before a key, or −1. */
  #blockOf(key: Int32Array, start: number, length: number): number {
    const arena = this.#arena
    const { firsts } = this.#blocks
    let low = 0
    let high = firsts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const ref = firsts[middle]
      if (compareKeys(arena.words, arena.keyWordOf(ref), arena.keyLengthOf(ref), key, start, length) <= 0)
        low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** How many of `refs[0 .. count)` have a lesser key. */
  #rank(refs: Int32Array, count: number, key: Int32Array, start: number, length: number): number {
    const arena = this.#arena
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >>> 1
      const ref = refs[middle]
      if (compareKeys(arena.words, arena.keyWordOf(ref), arena.keyLengthOf(ref), key, start, length) < 0)
        low = middle + 1
      else high = middle
    }
    return low
  }
}

interface BlockList {
  refs: Int32Array[]
  lengths: number[]
  /** The first ref of each. */
  firsts: number[]
}

/** Puts `refs`, cut into blocks of `size`, in the place of `removed` blocks from `at` on. */
function replaceBlocks(blocks: BlockList, at: number, removed: number, refs: Int32Array, size: number): void {
  const parts: Int32Array[] = []
  for (let from = 0; from < refs.length; from += size) parts.push(refs.subarray(from, from + size))
  const lengths = parts.map((part) => part.length)
  const firsts = parts.map((part) => part[0])
  blocks.refs = [...blocks.refs.slice(0, at), ...parts.map(withRoom), ...blocks.refs.slice(at + removed)]
  blocks.lengths = [...blocks.lengths.slice(0, at), ...lengths, ...blocks.lengths.slice(at + removed)]
  blocks.firsts = [...blocks.firsts.slice(0, at), ...firsts, ...blocks.firsts.slice(at + removed)]
}

function withRoom(refs: Int32Array): Int32Array {
  const block = new Int32Array(BLOCK_REFS_MAX)
  block.set(refs)
  return block
}

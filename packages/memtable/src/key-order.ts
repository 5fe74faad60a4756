import { compareBytes } from '@meru/core'
import type { EntryArena } from './entry-arena.ts'
import { sortHolders } from './key-sort.ts'

/** Most refs of a block; positions count in it. */
const BLOCK_REFS_MAX = 512
/** Refs in a new block: leaves room for keys between. */
const BLOCK_REFS_START = 384

/** The holders in key order, among the entries before `orderedWords`. */
export interface OrderedRefs {
  readonly order: SharedArrayBuffer
  readonly orderedWords: number
}

interface Block {
  readonly refs: Int32Array
  length: number
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
  #blocks: Block[] = []
  #count = 0
  /** Entries before this ref have been looked at. */
  #end = 1

  constructor(arena: EntryArena) {
    this.#arena = arena
  }

  /** The order that another thread has made so far. */
  static attach(arena: EntryArena, made: OrderedRefs): KeyOrder {
    const order = new KeyOrder(arena)
    const refs = new Int32Array(made.order)
    order.#blocks = cut(refs)
    order.#count = refs.length
    order.#end = made.orderedWords
    return order
  }

  /** A copy of what has been ordered, for another thread. */
  shared(): OrderedRefs {
    const order = new SharedArrayBuffer(this.#count * 4)
    const refs = new Int32Array(order)
    let at = 0
    for (const block of this.#blocks) {
      refs.set(block.refs.subarray(0, block.length), at)
      at += block.length
    }
    return { order, orderedWords: this.#end }
  }

  /** Takes in all that was applied so far. */
  advance(): void {
    const arena = this.#arena
    if (this.#end === arena.used) return
    let fresh = this.#collect(this.#end)
    this.#end = arena.used
    if (fresh.length === 0) return
    this.generation++
    this.#count += fresh.length
    if (this.#isAscending(fresh) && this.#isBehindAll(fresh[0])) {
      this.#blocks.push(...cut(fresh))
      return
    }
    if (fresh.length * 2 > this.#count) {
      if (fresh.length < this.#count) fresh = this.#collect(1)
      sortHolders(arena, fresh, fresh.length)
      this.#blocks = cut(fresh)
      return
    }
    sortHolders(arena, fresh, fresh.length)
    this.#merge(fresh)
  }

  /** The position behind the last key. */
  get endPosition(): number {
    return this.#blocks.length * BLOCK_REFS_MAX
  }

  /** The position of the first key ≥ `bytes[start .. end)`. */
  locate(bytes: Uint8Array, start: number, end: number): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#blocks[middle].refs[0], bytes, start, end) <= 0) low = middle + 1
      else high = middle
    }
    if (low === 0) return 0
    const block = this.#blocks[low - 1]
    return (low - 1) * BLOCK_REFS_MAX + this.#search(block.refs, block.length, bytes, start, end)
  }

  /** The holder at a position, or 0 where a block has room. */
  holderAt(position: number): number {
    const block = this.#blocks[Math.floor(position / BLOCK_REFS_MAX)]
    const index = position % BLOCK_REFS_MAX
    return index < block.length ? block.refs[index] : 0
  }

  /** The refs of the newest version of each key, in key order. */
  newest(): Uint32Array {
    const newest = new Uint32Array(this.#count)
    let at = 0
    for (const { refs, length } of this.#blocks) {
      for (let i = 0; i < length; i++) newest[at++] = this.#arena.newestOf(refs[i])
    }
    return newest
  }

  /** The holders among the entries from `ref` on. */
  #collect(from: number): Int32Array {
    const arena = this.#arena
    let holders = new Int32Array(64)
    let count = 0
    for (let ref = from; ref < arena.used; ref = arena.after(ref)) {
      if (!arena.isHolder(ref)) continue
      if (count === holders.length) {
        const larger = new Int32Array(count * 2)
        larger.set(holders)
        holders = larger
      }
      holders[count++] = ref
    }
    return holders.slice(0, count)
  }

  #isAscending(refs: Int32Array): boolean {
    for (let i = 1; i < refs.length; i++) {
      if (this.#arena.compareHolders(refs[i - 1], refs[i]) > 0) return false
    }
    return true
  }

  #isBehindAll(holder: number): boolean {
    const last = this.#blocks.at(-1)
    return last === undefined || this.#arena.compareHolders(last.refs[last.length - 1], holder) < 0
  }

  /** Puts sorted holders where they belong, block by block. */
  #merge(fresh: Int32Array): void {
    let from = 0
    while (from < fresh.length) {
      const b = Math.max(0, this.#blockAfter(fresh[from]) - 1)
      let to = fresh.length
      if (b + 1 < this.#blocks.length) {
        const next = this.#blocks[b + 1].refs[0]
        to = from + 1
        while (to < fresh.length && this.#arena.compareHolders(fresh[to], next) < 0) to++
      }
      this.#mergeBlock(b, fresh, from, to)
      from = to
    }
  }

  /** The index of the first block that begins behind a key. */
  #blockAfter(holder: number): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#arena.compareHolders(this.#blocks[middle].refs[0], holder) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Fills from the back, so that no ref is overwritten before it has moved. */
  #mergeBlock(b: number, fresh: Int32Array, from: number, to: number): void {
    const block = this.#blocks[b]
    const total = block.length + to - from
    let refs = block.refs
    if (total > BLOCK_REFS_MAX) {
      refs = new Int32Array(total)
      refs.set(block.refs.subarray(0, block.length))
    }
    let left = block.length
    let write = total
    for (let i = to - 1; i >= from; i--) {
      const at = this.#rank(refs, left, fresh[i])
      refs.copyWithin(write - (left - at), at, left)
      write -= left - at
      left = at
      refs[--write] = fresh[i]
    }
    if (total > BLOCK_REFS_MAX) this.#blocks.splice(b, 1, ...cut(refs))
    else block.length = total
  }

  /** How many of `refs[0 .. length)` have a key less than the holder's. */
  #rank(refs: Int32Array, length: number, holder: number): number {
    if (length === 0 || this.#arena.compareHolders(refs[length - 1], holder) < 0) return length
    let low = 0
    let high = length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#arena.compareHolders(refs[middle], holder) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #search(refs: Int32Array, length: number, bytes: Uint8Array, start: number, end: number): number {
    let low = 0
    let high = length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(refs[middle], bytes, start, end) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #compare(holder: number, bytes: Uint8Array, start: number, end: number): number {
    const arena = this.#arena
    const at = arena.contentOf(holder)
    return compareBytes(arena.bytes, at, at + arena.keyLengthOf(holder), bytes, start, end)
  }
}

function cut(refs: Int32Array): Block[] {
  const blocks: Block[] = []
  for (let from = 0; from < refs.length; from += BLOCK_REFS_START) {
    const part = refs.subarray(from, from + BLOCK_REFS_START)
    const room = new Int32Array(BLOCK_REFS_MAX)
    room.set(part)
    blocks.push({ refs: room, length: part.length })
  }
  return blocks
}

import { CorruptionError } from '@meru/core'
import {
  BLOCK_ROWS,
  BLOCK_WORDS,
  decodeRoaring,
  encodeRoaring,
  popCount,
  type RoaringBlock,
} from './roaring.ts'

/** Positions are below this: a bitmap of one SST never needs the upper half of a 64-bit position. */
const POSITIONS_MAX = 4294967296

/**
 * The dead rows of one SST: an immutable bitmap over row positions, in blocks of 65,536 rows. A new set
 * shares every block that it did not change, so a version keeps its own set at the cost of the difference.
 */
export class DeadPositions {
  static readonly empty: DeadPositions = new DeadPositions([], [], 0)

  /** How many positions are dead. */
  readonly cardinality: number
  private readonly blocks: readonly (Uint32Array | undefined)[]
  private readonly counts: readonly number[]

  private constructor(
    blocks: readonly (Uint32Array | undefined)[],
    counts: readonly number[],
    cardinality: number,
  ) {
    this.blocks = blocks
    this.counts = counts
    this.cardinality = cardinality
  }

  /** The set of these positions, in any order, repeated or not. */
  static of(positions: Uint32Array | readonly number[]): DeadPositions {
    return DeadPositions.empty.with(positions)
  }

  has(position: number): boolean {
    const block = this.blocks[position >>> 16]
    return block !== undefined && (block[(position & 0xffff) >>> 5] & (1 << (position & 31))) !== 0
  }

  /** This set and the positions, given in any order. The set itself if it has them all. */
  with(positions: Uint32Array | readonly number[]): DeadPositions {
    const blocks = this.blocks.slice()
    const counts = this.counts.slice()
    let added = 0
    for (let i = 0; i < positions.length; i++) {
      const position = positions[i]
      if (!(position >= 0 && position < POSITIONS_MAX)) throw new TypeError(`no row position: ${position}`)
      const index = position >>> 16
      const mask = 1 << (position & 31)
      const word = (position & 0xffff) >>> 5
      let block = blocks[index]
      if (block !== undefined && (block[word] & mask) !== 0) continue
      if (block === undefined || block === this.blocks[index]) {
        block = block === undefined ? new Uint32Array(BLOCK_WORDS) : block.slice()
        setBlock(blocks, counts, index, block, counts[index] ?? 0)
      }
      block[word] |= mask
      counts[index]++
      added++
    }
    return added === 0 ? this : new DeadPositions(blocks, counts, this.cardinality + added)
  }

  /** What is dead in either set. */
  union(other: DeadPositions): DeadPositions {
    if (other.cardinality === 0) return this
    if (this.cardinality === 0) return other
    const blocks = this.blocks.slice()
    const counts = this.counts.slice()
    let cardinality = this.cardinality
    for (let index = 0; index < other.blocks.length; index++) {
      const theirs = other.blocks[index]
      if (theirs === undefined || theirs === blocks[index]) continue
      const ours = blocks[index]
      if (ours === undefined) {
        setBlock(blocks, counts, index, theirs, other.counts[index])
        cardinality += other.counts[index]
        continue
      }
      const both = ours.slice()
      let count = 0
      for (let word = 0; word < BLOCK_WORDS; word++) count += popCount((both[word] |= theirs[word]))
      cardinality += count - counts[index]
      setBlock(blocks, counts, index, both, count)
    }
    return new DeadPositions(blocks, counts, cardinality)
  }

  /** How many positions in [from, to) are dead. */
  countRange(from: number, to: number): number {
    let count = 0
    let at = from
    while (at < to) {
      const index = at >>> 16
      const blockEnd = (index + 1) * BLOCK_ROWS
      const end = to < blockEnd ? to : blockEnd
      const block = this.blocks[index]
      if (block !== undefined) {
        const whole = end === blockEnd && at === index * BLOCK_ROWS
        count += whole ? this.counts[index] : countBits(block, at & 0xffff, end - index * BLOCK_ROWS)
      }
      at = end
    }
    return count
  }

  /** Calls back with every dead position, ascending. */
  forEach(visit: (position: number) => void): void {
    this.forEachIn(0, this.blocks.length * BLOCK_ROWS, visit)
  }

  /** Calls back with every dead position in [from, to), ascending. */
  forEachIn(from: number, to: number, visit: (position: number) => void): void {
    for (let at = this.next(from, to, 0); at < to; at = this.next(at + 1, to, 0)) visit(at)
  }

  /** The positions that the other set does not hold, ascending. */
  beyond(other: DeadPositions): BigInt64Array {
    let most = 0
    this.blocks.forEach((block, index) => {
      if (block !== undefined && block !== other.blocks[index]) most += this.counts[index]
    })
    const positions = new BigInt64Array(most)
    // Positions are below 2^32: the low words of little-endian longs.
    const words = new Uint32Array(positions.buffer)
    let at = 0
    for (const [index, block] of this.blocks.entries()) {
      if (block === undefined || block === other.blocks[index]) continue
      at = listBeyond(block, other.blocks[index] ?? NO_ROWS, index * BLOCK_ROWS, words, at)
    }
    return positions.subarray(0, at / 2)
  }

  /** Calls back with every run [start, end) of live positions within [from, to), ascending, as long as possible. */
  liveRuns(from: number, to: number, visit: (start: number, end: number) => void): void {
    let start = this.next(from, to, -1)
    while (start < to) {
      const end = this.next(start + 1, to, 0)
      visit(start, end)
      start = this.next(end + 1, to, -1)
    }
  }

  /** True if both hold the same positions. */
  equals(other: DeadPositions): boolean {
    if (this.cardinality !== other.cardinality) return false
    return this.blocks.every((block, index) => {
      const theirs = other.blocks[index]
      if (block === theirs || block === undefined) return true
      return theirs !== undefined && block.every((word, at) => word === theirs[at])
    })
  }

  /** The set as the content of a `deletion-vector-v1` blob: a portable 64-bit roaring bitmap. */
  toRoaring(): Uint8Array {
    const blocks: RoaringBlock[] = []
    for (let key = 0; key < this.blocks.length; key++) {
      const words = this.blocks[key]
      if (words !== undefined) blocks.push({ key, words, cardinality: this.counts[key] })
    }
    return encodeRoaring(blocks)
  }

  /** Reads `toRoaring`, or what another engine wrote. `file` and `offset` are for messages. */
  static fromRoaring(bytes: Uint8Array, file: string, offset: number): DeadPositions {
    const blocks: (Uint32Array | undefined)[] = []
    const counts: number[] = []
    let cardinality = 0
    for (const { key, words, cardinality: count } of decodeRoaring(bytes, file, offset)) {
      if (key * BLOCK_ROWS >= POSITIONS_MAX) {
        throw new CorruptionError({ file, offset }, `a dead position at or above 2^32, in block ${key}`)
      }
      setBlock(blocks, counts, key, words, count)
      cardinality += count
    }
    return new DeadPositions(blocks, counts, cardinality)
  }

  /** The first position in [from, to) whose bit is set after an exclusive-or with `flip`; `to` if none. */
  private next(from: number, to: number, flip: 0 | -1): number {
    let at = from
    while (at < to) {
      const block = this.blocks[at >>> 16]
      if (block === undefined) {
        if (flip === -1) return at
        at = ((at >>> 16) + 1) * BLOCK_ROWS
        continue
      }
      const bits = (block[(at & 0xffff) >>> 5] ^ flip) & (-1 << (at & 31))
      if (bits !== 0) {
        const found = at - (at & 31) + 31 - Math.clz32(bits & -bits)
        return found < to ? found : to
      }
      at += 32 - (at & 31)
    }
    return to
  }
}

function setBlock(
  blocks: (Uint32Array | undefined)[],
  counts: number[],
  index: number,
  block: Uint32Array,
  count: number,
): void {
  while (blocks.length < index) {
    blocks.push(undefined)
    counts.push(0)
  }
  blocks[index] = block
  counts[index] = count
}

const NO_ROWS = new Uint32Array(BLOCK_WORDS)

/** Puts the rows that the other block does not hold at `into[at]`, `into[at + 2]` …; returns the index behind the last. */
function listBeyond(
  block: Uint32Array,
  other: Uint32Array,
  firstRow: number,
  into: Uint32Array,
  at: number,
): number {
  for (let word = 0; word < BLOCK_WORDS; word++) {
    let bits = block[word] & ~other[word]
    for (; bits !== 0; bits &= bits - 1, at += 2)
      into[at] = firstRow + word * 32 + 31 - Math.clz32(bits & -bits)
  }
  return at
}

/** Set bits of a block at [from, to), both counted within the block. */
function countBits(block: Uint32Array, from: number, to: number): number {
  let count = 0
  for (let at = from; at < to; at += 32 - (at & 31)) {
    let bits = block[at >>> 5] & (-1 << (at & 31))
    const wordEnd = (at & ~31) + 32
    if (to < wordEnd) bits &= (1 << (to & 31)) - 1
    count += popCount(bits)
  }
  return count
}

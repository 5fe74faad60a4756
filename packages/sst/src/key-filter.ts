/**
 * A split-block Bloom filter over encoded keys: 32-byte blocks of eight words, one bit in each word per key.
 *
 *     u32 LE  number of blocks, then the blocks, each eight u32 LE
 *
 * A key's 64-bit hash picks the block by its high half and the bits by its low half, as in Parquet's Bloom filters; the
 * hash is one that costs little in JavaScript. See docs/format/sst.md.
 */
import { CorruptionError, type BytesVector } from '@meru/core'

const BLOCK_WORDS = 8
const HEADER_BYTES = 4

/** Odd numbers that spread the low half of a hash over the eight words. Source: Parquet, "Bloom Filter". */
const SALT: Int32Array = Int32Array.of(
  0x47b6137b,
  0x44974d91,
  0x8824ad5b,
  0xa2b7289d,
  0x705495c7,
  0x2df1424b,
  0x9efc4947,
  0x5c6bfb31,
)

/** The high half of the hash that `hashKey` made last; its result is the low half. */
let hashHigh = 0

/** A 64-bit hash of a key. Two 32-bit hashes in the manner of Murmur 3, which read each word once. */
function hashKey(bytes: Uint8Array, start: number, end: number): number {
  let low = 0x2f0b4c47
  let high = 0x9747b28c | 0
  let at = start
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    const a = Math.imul(word, 0xcc9e2d51)
    const b = Math.imul(word, 0x239b961b)
    low = Math.imul(low ^ ((a << 15) | (a >>> 17)), 0x1b873593) + 0x561ccd1b
    low = (low << 13) | (low >>> 19)
    high = Math.imul(high ^ ((b << 16) | (b >>> 16)), 0xab0e9789) + 0x0bcaa747
    high = (high << 17) | (high >>> 15)
  }
  let tail = end - start
  for (; at < end; at++) tail = (tail << 8) | bytes[at]
  low ^= Math.imul(tail, 0x85ebca6b)
  high ^= Math.imul(tail, 0x38b34ae5)
  low = finish(low + high)
  hashHigh = finish(high + low)
  return low
}

function finish(word: number): number {
  let hash = word ^ (word >>> 16)
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** Collects the hashes of keys, whose number is not known before the end. */
export class KeyFilterBuilder {
  private hashes: Int32Array = new Int32Array(2048)
  private count = 0

  add(keys: BytesVector): void {
    const needed = 2 * (this.count + keys.length)
    if (needed > this.hashes.length) {
      const grown = new Int32Array(Math.max(needed, 2 * this.hashes.length))
      grown.set(this.hashes)
      this.hashes = grown
    }
    const { bytes, offsets } = keys
    let at = 2 * this.count
    for (let i = 0; i < keys.length; i++) {
      this.hashes[at++] = hashKey(bytes, offsets[i], offsets[i + 1])
      this.hashes[at++] = hashHigh
    }
    this.count += keys.length
  }

  /** The filter block, with this many bits for each key. */
  finish(bitsPerKey: number): Uint8Array {
    const blocks = Math.max(1, Math.ceil((this.count * bitsPerKey) / (BLOCK_WORDS * 32)))
    const block = new Uint8Array(HEADER_BYTES + blocks * BLOCK_WORDS * 4)
    new DataView(block.buffer).setUint32(0, blocks, true)
    const words = new Int32Array(block.buffer, HEADER_BYTES)
    const hashes = partition(this.hashes, this.count)
    for (let i = 0; i < this.count; i++) {
      const low = hashes[2 * i]
      const first = blockOf(hashes[2 * i + 1], blocks)
      for (let j = 0; j < BLOCK_WORDS; j++) words[first + j] |= 1 << (Math.imul(low, SALT[j]) >>> 27)
    }
    return block
  }
}

/**
 * The hashes in the order of the first byte of their high halves: then blocks are filled region by region, each of
 * which fits into the processor's cache.
 */
function partition(hashes: Int32Array, count: number): Int32Array {
  const next = new Uint32Array(257)
  for (let i = 0; i < count; i++) next[(hashes[2 * i + 1] >>> 24) + 1]++
  for (let part = 0; part < 256; part++) next[part + 1] += next[part]
  const sorted = new Int32Array(2 * count)
  for (let i = 0; i < count; i++) {
    const at = 2 * next[hashes[2 * i + 1] >>> 24]++
    sorted[at] = hashes[2 * i]
    sorted[at + 1] = hashes[2 * i + 1]
  }
  return sorted
}

/** The index of the first word of a hash's block. */
function blockOf(high: number, blocks: number): number {
  return Math.floor(((high >>> 0) * blocks) / 4294967296) * BLOCK_WORDS
}

/** A filter in memory. */
export class KeyFilter {
  private readonly words: Int32Array
  private readonly blocks: number

  private constructor(words: Int32Array, blocks: number) {
    this.words = words
    this.blocks = blocks
  }

  /** Reads a filter block. `offset` is where it lies in the file, for messages. */
  static decode(block: Uint8Array, file: string, offset: number): KeyFilter {
    const blocks =
      block.length < HEADER_BYTES ? 0 : new DataView(block.buffer, block.byteOffset).getUint32(0, true)
    if (blocks === 0 || block.length !== HEADER_BYTES + blocks * BLOCK_WORDS * 4) {
      throw new CorruptionError(
        { file, offset },
        `a key filter of ${block.length} bytes says it has ${blocks} blocks`,
      )
    }
    const words = new Int32Array(blocks * BLOCK_WORDS)
    new Uint8Array(words.buffer).set(block.subarray(HEADER_BYTES))
    return new KeyFilter(words, blocks)
  }

  /** False if the key is certainly not in the file. */
  mayContain(bytes: Uint8Array, start: number, end: number): boolean {
    const low = hashKey(bytes, start, end)
    const first = blockOf(hashHigh, this.blocks)
    const words = this.words
    for (let j = 0; j < BLOCK_WORDS; j++) {
      if ((words[first + j] & (1 << (Math.imul(low, SALT[j]) >>> 27))) === 0) return false
    }
    return true
  }

  get bytes(): number {
    return this.words.byteLength
  }
}

/**
 * The key index: the first key of every page, and the last key of the file.
 *
 *     u32 pages | u32 × (pages + 2) offsets | key bytes: first keys, then the last key
 *
 * Pages are those of `_row` on level 0, else the pages that all columns share. See docs/format/sst.md.
 */
import { ByteReader, ByteWriter, compareBytes, CorruptionError } from '@meru/core'
import {
  keyPrefix,
  PREFIX_BYTES,
  lowerBound,
  sharedBytes,
  sortedKeys,
  type SearchKey,
  type SortedKeys,
} from './key-prefix.ts'

/** Collects the index while a file is written. */
export class KeyIndexBuilder {
  private readonly offsets: number[] = [0]
  private readonly bytes: ByteWriter = new ByteWriter(4096)

  /** Adds the first key of the next page. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.bytes.append(bytes.subarray(start, end))
    this.offsets.push(this.bytes.length)
  }

  /** The key index block. */
  finish(lastKey: Uint8Array): Uint8Array {
    this.add(lastKey, 0, lastKey.length)
    const out = new ByteWriter(this.bytes.length + 4 * this.offsets.length + 4)
    out.u32(this.offsets.length - 2)
    for (const offset of this.offsets) out.u32(offset)
    out.append(this.bytes.written())
    return out.written()
  }
}

/** The key index in memory. */
export class KeyIndex {
  readonly pages: number
  readonly firstKey: Uint8Array
  readonly lastKey: Uint8Array
  /** How many first bytes prefixes leave out: all keys of the file share them. */
  readonly skip: number
  /** The length of keys that a prefix tells apart from all others, or -1. */
  readonly exactWidth: number
  private readonly keys: SortedKeys
  private readonly lastPrefix: number

  private constructor(
    keys: SortedKeys,
    firstKey: Uint8Array,
    lastKey: Uint8Array,
    skip: number,
    keyWidth: number,
  ) {
    this.pages = keys.count
    this.lastPrefix = keyPrefix(lastKey, skip, lastKey.length)
    this.firstKey = firstKey
    this.lastKey = lastKey
    this.skip = skip
    this.exactWidth = keyWidth > 0 && keyWidth - skip <= PREFIX_BYTES ? keyWidth : -1
    this.keys = keys
  }

  /**
   * Reads a key index block. `offset` is where it lies in the file, for messages. `keyWidth` is the length of all keys,
   * 0 if they differ in it.
   */
  static decode(block: Uint8Array, file: string, offset: number, keyWidth = 0): KeyIndex {
    const reader = new ByteReader(block, file, offset)
    const pages = reader.u32()
    if (pages === 0 || (pages + 2) * 4 > reader.remaining)
      throw reader.corrupt(`a key index of ${pages} pages`)
    const offsets = new Uint32Array(pages + 2)
    for (let i = 0; i < offsets.length; i++) offsets[i] = reader.u32()
    const bytes = reader.take(reader.remaining).slice()
    for (let i = 0; i <= pages; i++) {
      if (offsets[i] > offsets[i + 1])
        throw new CorruptionError({ file, offset }, `key ${i} of the index ends before it starts`)
    }
    if (offsets[0] !== 0 || offsets[pages + 1] !== bytes.length) {
      throw new CorruptionError(
        { file, offset },
        `a key index with ${bytes.length} bytes of keys, ${offsets[pages + 1]} expected`,
      )
    }
    const firstKey = bytes.slice(0, offsets[1])
    const lastKey = bytes.slice(offsets[pages], offsets[pages + 1])
    const shared = sharedBytes(firstKey, lastKey)
    // A prefix is made faster where it need not reach behind the key.
    const skip = keyWidth > 0 ? Math.max(0, Math.min(shared, keyWidth - PREFIX_BYTES)) : shared
    const keys = sortedKeys({ physical: 'bytes', length: pages, bytes, offsets }, skip)
    return new KeyIndex(keys, firstKey, lastKey, skip, keyWidth)
  }

  /** True if the key lies between the first and the last key of the file. */
  covers(bytes: Uint8Array, start: number, end: number): boolean {
    return (
      compareBytes(bytes, start, end, this.firstKey, 0, this.firstKey.length) >= 0 &&
      compareBytes(bytes, start, end, this.lastKey, 0, this.lastKey.length) <= 0
    )
  }

  /** True if the key is below the first key of the file. */
  isBefore(bytes: Uint8Array, start: number, end: number): boolean {
    return compareBytes(bytes, start, end, this.firstKey, 0, this.firstKey.length) < 0
  }

  /** Makes a key ready to be searched for, whose bytes are set. False if the file does not cover it. */
  aim(key: SearchKey): boolean {
    const { firstKey, skip } = this
    const { bytes, start, end } = key
    const prefix = keyPrefix(bytes, start + skip, end)
    key.prefix = prefix
    key.isExact = end - start === this.exactWidth
    if (prefix > this.keys.prefixes[0] && prefix < this.lastPrefix) {
      let i = 0
      while (i < skip && bytes[start + i] === firstKey[i]) i++
      if (i === skip) return true
    }
    return this.covers(bytes, start, end)
  }

  /** The page that holds the key if any does. The key must be covered. */
  pageOf(key: SearchKey): number {
    const { keys } = this
    const { prefixes, count } = keys
    const { prefix } = key
    const first = prefixes[0]
    const width = prefixes[count - 1] - first
    const guess = width > 0 ? Math.min(count - 1, Math.floor(((prefix - first) / width) * (count - 1))) : 0
    // Keys that are spread evenly are where they are guessed to be.
    if (prefix > prefixes[guess] && (guess + 1 === count || prefix < prefixes[guess + 1])) return guess
    const at = lowerBound(keys, key, guess)
    if (at === count) return at - 1
    const { bytes, start, end } = key
    const isFirst = compareBytes(bytes, start, end, keys.bytes, keys.offsets[at], keys.offsets[at + 1]) === 0
    return isFirst ? at : at - 1
  }

  /** Where in its page, as a share of its rows, the key would be if keys were spread evenly. */
  shareOf(page: number, prefix: number): number {
    const { prefixes } = this.keys
    const first = prefixes[page]
    const width = (page + 1 < this.pages ? prefixes[page + 1] : this.lastPrefix) - first
    return width > 0 ? (prefix - first) / width : 0
  }
}

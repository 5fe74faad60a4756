import { compareBytes } from '@meru/core'
import { keyLength, keyOffset, rowMemory, type RowMemory, type RowParts } from './row-page.ts'
import { giveMemory, takeMemory } from './spare-memory.ts'

/** Before each row: u32 file, u32 position, u32 bytes of the row. */
const HEAD_BYTES = 12
/** Rows of this size on average use all slots. */
const SLOT_BYTES = 128
/** A row may be in any slot of a set, of which the oldest row makes room for a new one. */
const SET_SLOTS = 4
/** A row is kept if so many of its size fit. */
const ROWS_MIN = 64

const NO_MEMORY: RowMemory = rowMemory(0)
const NO_STARTS: Float64Array = new Float64Array()

/**
 * Single encoded rows, by file and key: of pages that are read for one row each while there is no room for whole pages. They
 * are written round and round one piece of memory; a row that is used when it is halfway to be written over moves to the front.
 *
 * Offsets count all bytes ever written: what lies less than `capacity` behind `head` is intact.
 */
export class RowCache {
  private memory: RowMemory = NO_MEMORY
  readonly capacity: number
  /** How many pages were read for one row each. */
  reads = 0
  private readonly slots: number
  /** By slot: where its row starts, plus one. Slots lie in sets, and file and key say in which. */
  private starts: Float64Array = NO_STARTS
  private head = 0
  private files = 0

  constructor(bytesMax: number) {
    this.slots = 2 ** Math.floor(Math.log2(Math.max(SET_SLOTS, bytesMax / SLOT_BYTES)))
    const bytes = Math.max(0, bytesMax - this.slotBytes)
    this.capacity = bytes - (bytes % 8)
  }

  /** The number of a file that reads rows. */
  join(): number {
    return ++this.files
  }

  /** Bytes of rows. */
  get bytes(): number {
    return Math.min(this.head, this.capacity)
  }

  /** Bytes of the table of slots. */
  get slotBytes(): number {
    return this.slots * Float64Array.BYTES_PER_ELEMENT
  }

  /** True if rows of that size can be kept, long enough for whoever reads one to find it. */
  fits(rowBytes: number): boolean {
    return (rowBytes + HEAD_BYTES) * ROWS_MIN <= this.capacity
  }

  /** The position of the row with a key, and where its parts are; -1 if it is not here. */
  find(file: number, key: Uint8Array, start: number, end: number, parts: RowParts): number {
    if (this.head === 0) return -1
    const set = this.setOf(file, key, start, end)
    for (let slot = set; slot < set + SET_SLOTS; slot++) {
      const from = this.starts[slot] - 1
      if (from < 0 || from < this.head - this.capacity) continue
      const { bytes, words } = this.memory
      const at = from % this.capacity
      if (words[at >>> 2] !== file || !hasKey(bytes, at + HEAD_BYTES + 4, key, start, end)) continue
      const size = words[(at >>> 2) + 2]
      const row =
        (from < this.head - this.capacity / 2 ? this.move(slot, at, HEAD_BYTES + size) : at) + HEAD_BYTES
      setParts(bytes, row, size, parts)
      return words[(row - HEAD_BYTES + 4) >>> 2]
    }
    return -1
  }

  /** Keeps a row, `u32 length | varint key length | key | value`. It must fit. */
  add(file: number, position: number, row: Uint8Array): void {
    if (this.memory === NO_MEMORY) {
      this.memory = takeMemory(this.capacity)
      this.starts = new Float64Array(this.slots)
    }
    const at = this.reserve(HEAD_BYTES + row.length)
    const { bytes, words } = this.memory
    words[at >>> 2] = file
    words[(at >>> 2) + 1] = position
    words[(at >>> 2) + 2] = row.length
    bytes.set(row, at + HEAD_BYTES)
    const parts = { bytes, keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 }
    setParts(bytes, at + HEAD_BYTES, row.length, parts)
    const { starts } = this
    const set = this.setOf(file, bytes, parts.keyStart, parts.keyEnd)
    let oldest = set
    for (let slot = set + 1; slot < set + SET_SLOTS; slot++) if (starts[slot] < starts[oldest]) oldest = slot
    starts[oldest] = this.head - paddedBytes(HEAD_BYTES + row.length) + 1
  }

  /** Gives its memory back, until the next row. */
  clear(): void {
    if (this.memory !== NO_MEMORY) giveMemory(this.memory)
    this.memory = NO_MEMORY
    this.starts = NO_STARTS
    this.head = 0
  }

  /** Copies the row of a slot to the front; returns where in the memory. It may lie where it is copied to. */
  private move(slot: number, at: number, size: number): number {
    const to = this.reserve(size)
    this.memory.bytes.copyWithin(to, at, at + size)
    this.starts[slot] = this.head - paddedBytes(size) + 1
    return to
  }

  /** Room for so many bytes at the front, in one piece; returns where in the memory. */
  private reserve(bytes: number): number {
    const size = paddedBytes(bytes)
    const at = this.head % this.capacity
    if (at + size > this.capacity) this.head += this.capacity - at
    const to = this.head % this.capacity
    this.head += size
    return to
  }

  private setOf(file: number, bytes: Uint8Array, start: number, end: number): number {
    let hash = Math.imul(file, 0x9e3779b1)
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193)
    hash ^= hash >>> 15
    return (Math.imul(hash, 0x85ebca6b) >>> 7) & (this.slots - SET_SLOTS)
  }
}

function paddedBytes(bytes: number): number {
  return (bytes + 7) & ~7
}

/** True if the row at `row`, from its key's length on, has the given key. */
function hasKey(bytes: Uint8Array, row: number, key: Uint8Array, start: number, end: number): boolean {
  const from = row + keyOffset(bytes, row)
  return compareBytes(bytes, from, from + keyLength(bytes, row), key, start, end) === 0
}

/** Where the parts of a row are that starts at `at`, with its length. */
function setParts(bytes: Uint8Array, at: number, size: number, parts: RowParts): void {
  const row = at + 4
  parts.bytes = bytes
  parts.keyStart = row + keyOffset(bytes, row)
  parts.keyEnd = parts.valueStart = parts.keyStart + keyLength(bytes, row)
  parts.valueEnd = at + size
}

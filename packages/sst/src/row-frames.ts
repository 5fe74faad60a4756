import { rowMemory, type RowMemory } from './row-page.ts'
import { giveMemory, takeMemory } from './spare-memory.ts'

/** For each page of a file the slot of its frame; 0 if it has none. */
export type FrameTable = Int32Array

/** At most this many frames are moved to make room for one. */
const MOVES_MAX = 4
/** Frames of this size on average use all slots. */
const SLOT_BYTES = 1024

/** A larger frame would make too many others go. */
const LARGEST_SHARE = 1 / 4
/** Frames leave gaps where the writing comes round. */
const FULL_SHARE = 7 / 8

/** What a cache has before its first frame. */
const NO_MEMORY: RowMemory = rowMemory(0)

/** The frames in memory, oldest first, in a ring of slots. Arrays are indexed by slot. */
interface Slots {
  readonly offsets: Float64Array
  readonly sizes: Float64Array
  readonly pages: Int32Array
  readonly owners: (FrameTable | undefined)[]
  /** Slots are given in turn; these count how many were given and how many taken back. */
  given: number
  taken: number
  /** Where the next frame goes, unless it does not fit. */
  head: number
}

/**
 * Frames of all files of a cache in one piece of memory, written round and round: a hit needs no object. A frame that
 * was used since it was written moves to the front when the writing comes round to it, others make room.
 */
export class RowFrames {
  memory: RowMemory = NO_MEMORY
  /** By slot: set by readers, taken back by the clock. */
  readonly used: Uint8Array
  evictions = 0
  /** Of frames that belong to a file. */
  bytes = 0
  readonly capacity: number
  private readonly slots: Slots
  /** Files that have a table. */
  private files = 0

  constructor(bytesMax: number) {
    this.capacity = bytesMax - (bytesMax % 8)
    const count = Math.max(16, Math.ceil(bytesMax / SLOT_BYTES))
    this.used = new Uint8Array(count)
    this.slots = {
      offsets: new Float64Array(count),
      sizes: new Float64Array(count),
      pages: new Int32Array(count),
      owners: [],
      given: 0,
      taken: 0,
      head: 0,
    }
  }

  /** A table for a file with so many pages; to be given back by `drop`, once. */
  join(pages: number): FrameTable {
    this.files++
    return new Int32Array(pages)
  }

  /** Frames in memory. */
  get count(): number {
    return this.slots.given - this.slots.taken
  }

  /** True if no file has a table. */
  get isUnused(): boolean {
    return this.files === 0
  }

  /** True if a frame of so many bytes is not too large to be worth it. */
  takes(bytes: number): boolean {
    return bytes <= this.capacity * LARGEST_SHARE
  }

  /** True if a new frame is likely to make others go. */
  get isFull(): boolean {
    return this.bytes > this.capacity * FULL_SHARE
  }

  /** Where a frame lies, by the number in its table. */
  offsetOf(slot: number): number {
    return this.slots.offsets[slot - 1]
  }

  /**
   * Makes room for a frame of `size` bytes, a multiple of 8, and returns where; -1 if it is too large to be worth it.
   * The frame counts only after `add`, before any other `reserve`.
   */
  reserve(size: number): number {
    if (!this.takes(size)) return -1
    if (this.memory === NO_MEMORY) this.memory = takeMemory(this.capacity)
    const { slots } = this
    let moves = 0
    for (;;) {
      const isFree = slots.given - slots.taken < this.used.length
      const at = isFree ? this.place(size) : -1
      if (at >= 0) return at
      const slot = slots.taken % this.used.length
      const { owner, offset, bytes } = this.takeOldest(slot)
      if (owner === undefined) continue
      if (this.used[slot] !== 0 && moves < MOVES_MAX) {
        const to = this.place(bytes)
        if (to >= 0) {
          this.memory.bytes.copyWithin(to, offset, offset + bytes)
          this.add(owner, slots.pages[slot], to, bytes)
          moves++
          continue
        }
      }
      owner[slots.pages[slot]] = 0
      this.evictions++
    }
  }

  /** Gives the frame at `at` to a page. */
  add(owner: FrameTable, page: number, at: number, size: number): void {
    const { slots } = this
    const slot = slots.given++ % this.used.length
    slots.owners[slot] = owner
    slots.pages[slot] = page
    slots.offsets[slot] = at
    slots.sizes[slot] = size
    this.used[slot] = 0
    slots.head = at + size
    this.bytes += size
    owner[page] = slot + 1
  }

  /** Forgets the frames of a file. Their room comes back in turn, or all at once with the last file. */
  drop(owner: FrameTable): void {
    const { slots } = this
    for (let i = slots.taken; i < slots.given; i++) {
      const slot = i % this.used.length
      if (slots.owners[slot] !== owner) continue
      slots.owners[slot] = undefined
      this.bytes -= slots.sizes[slot]
    }
    owner.fill(0)
    this.files--
    if (this.files > 0 || this.memory === NO_MEMORY) return
    giveMemory(this.memory)
    this.memory = NO_MEMORY
    slots.taken = slots.given
    slots.head = this.bytes = 0
  }

  /** The first room of this size behind the newest frame, or -1. */
  private place(size: number): number {
    const { slots, capacity } = this
    const { head } = slots
    if (slots.given === slots.taken) return 0
    const tail = slots.offsets[slots.taken % this.used.length]
    if (head <= tail) return tail - head >= size ? head : -1
    if (capacity - head >= size) return head
    return tail >= size ? 0 : -1
  }

  private takeOldest(slot: number): { owner: FrameTable | undefined; offset: number; bytes: number } {
    const { slots } = this
    const taken = { owner: slots.owners[slot], offset: slots.offsets[slot], bytes: slots.sizes[slot] }
    slots.owners[slot] = undefined
    slots.taken++
    if (taken.owner !== undefined) this.bytes -= taken.bytes
    return taken
  }
}

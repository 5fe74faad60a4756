import { rowMemory, type RowMemory } from './row-page.ts'

/** For each page of a file the slot of its frame; 0 if it has none. */
export type FrameTable = Int32Array

/** At most this many frames are moved to make room for one. */
const MOVES_MAX = 4
/** Frames of this size on average use all slots. */
const SLOT_BYTES = 1024

/** The frames in memory, oldest first, in a ring of slots. Arrays are indexed by slot. */
interface Slots {
  readonly offsets: Float64Array
  readonly sizes: Float64Array
  readonly pages: Int32Array
  readonly owners: (FrameTable | undefined)[]
  /** Slots are given in turn; these count how many were given and how many taken back. */
  given: number
  taken: number
}

/**
 * Frames of all files of a cache in one piece of memory, written round and round: a hit needs no object. A frame that
 * was used since it was written moves to the front when the writing comes round to it, others make room.
 */
export class RowFrames {
  readonly memory: RowMemory
  /** By slot: set by readers, taken back by the clock. */
  readonly used: Uint8Array
  evictions = 0
  bytes = 0
  private readonly slots: Slots
  private readonly capacity: number
  /** Where the next frame goes, unless it does not fit. */
  private head = 0

  constructor(bytesMax: number) {
    this.capacity = bytesMax - (bytesMax % 8)
    this.memory = rowMemory(this.capacity)
    const count = Math.max(16, Math.ceil(bytesMax / SLOT_BYTES))
    this.used = new Uint8Array(count)
    this.slots = {
      offsets: new Float64Array(count),
      sizes: new Float64Array(count),
      pages: new Int32Array(count),
      owners: [],
      given: 0,
      taken: 0,
    }
  }

  /** Frames in memory. */
  get count(): number {
    return this.slots.given - this.slots.taken
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
    if (size > this.capacity / 4) return -1
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
    this.head = at + size
    this.bytes += size
    owner[page] = slot + 1
  }

  /** Forgets the frames of a file. Their room comes back in turn. */
  drop(owner: FrameTable): void {
    const { slots } = this
    for (let i = slots.taken; i < slots.given; i++) {
      const slot = i % this.used.length
      if (slots.owners[slot] === owner) slots.owners[slot] = undefined
    }
    owner.fill(0)
  }

  /** The first room of this size behind the newest frame, or -1. */
  private place(size: number): number {
    const { slots, head, capacity } = this
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
    this.bytes -= taken.bytes
    return taken
  }
}

import { FIRST_REF, type EntryArena } from './entry-arena.ts'
import { equalKeys, hashKey, loadKey, wordsFor } from './key-words.ts'

const SLOTS_START = 1024
/** From here on the table grows to what a full arena needs, but at most by this factor at once. */
const SLOTS_FORECAST = 65_536
const GROWTH_MAX = 32
const PROBE_WORDS_START = 64

/**
 * Finds the holder of a key by its hash: open addressing, linear probing. A slot is one word: the ref of
 * the holder in the low bits, and above it as many bits of the hash as there is room for, so that other
 * keys are seldom looked at. Holders are never removed and never move, so a slot is written once.
 */
export class KeyIndex {
  buffer: SharedArrayBuffer
  #slots: Int32Array
  #count = 0
  readonly #arena: EntryArena
  /** The key of the last `find`, and its hash. */
  #probe: Int32Array = new Int32Array(PROBE_WORDS_START)
  #hash = 0

  constructor(arena: EntryArena, buffer?: SharedArrayBuffer) {
    this.#arena = arena
    this.buffer = buffer ?? new SharedArrayBuffer(SLOTS_START * 4)
    this.#slots = new Int32Array(this.buffer)
  }

  /** The holder of the key `bytes[start .. end)`, or 0. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start
    if (length > this.#probe.length * 4) this.#probe = new Int32Array(wordsFor(length))
    const probe = this.#probe
    loadKey(bytes, start, end, probe)
    const hash = hashKey(probe, 0, length)
    this.#hash = hash
    const arena = this.#arena
    const words = arena.words
    const slots = this.#slots
    const refMask = arena.refMask
    const mask = slots.length - 1
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const slot = slots[at]
      if (slot === 0) return 0
      if (((slot ^ hash) & ~refMask) !== 0) continue
      const ref = slot & refMask
      if (arena.keyLengthOf(ref) !== length) continue
      if (equalKeys(words, arena.keyWordOf(ref), probe, 0, length)) return ref
    }
  }

  /** Adds the holder, already in the arena, of the key that the last `find` did not find. */
  add(holder: number): void {
    this.#count++
    if (this.#count * 3 > this.#slots.length * 2) this.#grow()
    else this.#place(this.#hash, holder)
  }

  #place(hash: number, holder: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let at = hash & mask
    while (slots[at] !== 0) at = (at + 1) & mask
    slots[at] = (hash & ~this.#arena.refMask) | holder
  }

  /** Hashes the holders again, in the order in which they lie, so that memory is read in sequence. */
  #grow(): void {
    const arena = this.#arena
    this.buffer = new SharedArrayBuffer(this.#slotsNeeded() * 4)
    this.#slots = new Int32Array(this.buffer)
    for (let ref = FIRST_REF; ref < arena.used; ref = arena.after(ref)) {
      if (arena.holderOf(ref) !== ref) continue
      this.#place(hashKey(arena.words, arena.keyWordOf(ref), arena.keyLengthOf(ref)), ref)
    }
  }

  /**
   * Twice as many as now; once the keys tell what will fit, enough for a full arena, because moving
   * hundreds of thousands of keys would hold up the caller.
   */
  #slotsNeeded(): number {
    const slots = this.#slots.length
    if (slots < SLOTS_FORECAST) return slots * 2
    const keysExpected = (this.#count * this.#arena.buffer.maxByteLength) / (this.#arena.used * 4)
    let needed = slots * 2
    while (needed * 2 < keysExpected * 3 && needed < slots * GROWTH_MAX) needed *= 2
    return needed
  }
}

import type { EntryArena } from './entry-arena.ts'

const SLOTS_START = 1024

/**
 * Finds the holder of a key by its hash: open addressing, linear probing. A slot is two words, the hash
 * and the ref of the holder, so that a miss or a growing table never looks into the arena. Holders are
 * never removed and never move, so a slot is written once.
 */
export class KeyIndex {
  buffer: SharedArrayBuffer
  #slots: Int32Array
  #count = 0
  readonly #arena: EntryArena

  constructor(arena: EntryArena, buffer?: SharedArrayBuffer) {
    this.#arena = arena
    this.buffer = buffer ?? new SharedArrayBuffer(SLOTS_START * 8)
    this.#slots = new Int32Array(this.buffer)
  }

  /** The holder of a key whose hash is known, or 0. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = (hash << 1) & mask
    for (;;) {
      const ref = slots[slot + 1]
      if (ref === 0) return 0
      if (slots[slot] === hash && this.#isKey(ref, bytes, start, end)) return ref
      slot = (slot + 2) & mask
    }
  }

  /** Adds the holder of a key that `find` did not find. */
  add(hash: number, holder: number): void {
    place(this.#slots, hash, holder)
    this.#count++
    if (this.#count * 3 > this.#slots.length) this.#grow()
  }

  #isKey(ref: number, bytes: Uint8Array, start: number, end: number): boolean {
    const arena = this.#arena
    const length = end - start
    if (arena.keyLengthOf(ref) !== length) return false
    const held = arena.bytes
    const at = arena.contentOf(ref)
    for (let i = 0; i < length; i++) if (held[at + i] !== bytes[start + i]) return false
    return true
  }

  #grow(): void {
    const from = this.#slots
    this.buffer = new SharedArrayBuffer(from.byteLength * 2)
    this.#slots = new Int32Array(this.buffer)
    for (let slot = 0; slot < from.length; slot += 2) {
      if (from[slot + 1] !== 0) place(this.#slots, from[slot], from[slot + 1])
    }
  }
}

function place(slots: Int32Array, hash: number, holder: number): void {
  const mask = slots.length - 1
  let slot = (hash << 1) & mask
  while (slots[slot + 1] !== 0) slot = (slot + 2) & mask
  slots[slot] = hash
  slots[slot + 1] = holder
}

/** MurmurHash3, 32 bits, over `bytes[start .. end)`. */
export function hashKey(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0
  let at = start
  for (; at + 4 <= end; at += 4) {
    hash = mix(hash, bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24))
  }
  let tail = 0
  for (let shift = 0; at < end; at++, shift += 8) tail |= bytes[at] << shift
  hash = mix(hash, tail) ^ (end - start)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return hash ^ (hash >>> 16)
}

function mix(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e_2d51)
  const mixed = hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b87_3593)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe654_6b64) | 0
}

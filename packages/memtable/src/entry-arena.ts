/// <reference lib="es2024.sharedmemory" />
// One entry, in words of 4 bytes; a ref is the index of its first word.
//
//   word  0      1       2       3                 4        5
//        ┌──────┬───────┬───────┬─────────────────┬────────┬────────┬───────────┬───────┐
//        │ link │ older │ seqno │ delete │ holder │ key    │ value  │ key bytes │ value │
//        │      │       │ low   │ seqno high      │ length │ length │           │ bytes │
//        └──────┴───────┴───────┴─────────────────┴────────┴────────┴───────────┴───────┘
//
// The first entry applied for a key holds its bytes and is called the holder; its link is the newest
// version of the key. Every other version has a key length of 0, and its link is the holder. `older`
// leads to the version before, 0 after the last. Key and value are not aligned within the entry.
import { compareBytes } from '@meru/core'

const LINK = 0
const OLDER = 1
const SEQNO_LOW = 2
const FLAGS = 3
const KEY_LENGTH = 4
const VALUE_LENGTH = 5
const HEADER_WORDS = 6

const IS_DELETE = 0x8000_0000 | 0
const IS_HOLDER = 0x4000_0000
const SEQNO_HIGH = 0x3fff_ffff
const TWO_32 = 4_294_967_296

/** Ref 0 means "none", so the first entry starts behind it. */
const FIRST_REF = 1
const BYTES_START = 256 * 1024

/** The most that an arena may hold: word indexes stay small integers. */
export const ARENA_BYTES_MAX: number = TWO_32

/**
 * Versions of keys, one after the other in one growable shared buffer. Entries never move and, but for
 * their two links, never change. Growing replaces the views and keeps the memory, so an old view goes
 * on showing the same entries.
 */
export class EntryArena {
  bytes: Uint8Array
  words: Int32Array
  /** Words in use; the ref of the next entry. */
  used: number = FIRST_REF
  buffer: SharedArrayBuffer
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
    this.buffer = new SharedArrayBuffer(Math.min(BYTES_START, bytesMax), { maxByteLength: bytesMax })
    this.bytes = new Uint8Array(this.buffer, 0, this.buffer.byteLength)
    this.words = new Int32Array(this.buffer, 0, this.buffer.byteLength >>> 2)
  }

  /** The entries that another thread wrote and no longer changes. */
  static attach(buffer: SharedArrayBuffer, used: number): EntryArena {
    const arena = new EntryArena(0)
    arena.#view(buffer)
    arena.used = used
    return arena
  }

  /** Makes room for an entry; false if that is more than the arena may hold and it is not empty. */
  reserve(contentBytes: number): boolean {
    const end = (this.used + HEADER_WORDS) * 4 + contentBytes + 3
    if (end <= this.bytes.length) return true
    if (end <= this.buffer.maxByteLength) {
      this.buffer.grow(Math.min(this.buffer.maxByteLength, Math.max(end, this.buffer.byteLength * 2)))
      this.#view(this.buffer)
      return true
    }
    if (this.used > FIRST_REF || end > ARENA_BYTES_MAX) return false
    this.#view(new SharedArrayBuffer(end, { maxByteLength: Math.max(end, this.#bytesMax) }))
    return true
  }

  /** Writes an entry into room that was reserved; it holds its key unless it is given a `holder`. */
  append(
    source: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    seqno: number,
    isDelete: boolean,
    holder: number,
  ): number {
    const { bytes, words, used: ref } = this
    const keyLength = holder === 0 ? keyEnd - keyStart : 0
    const valueLength = valueEnd - valueStart
    words[ref + LINK] = holder === 0 ? ref : holder
    words[ref + OLDER] = 0
    words[ref + SEQNO_LOW] = seqno
    words[ref + FLAGS] =
      Math.floor(seqno / TWO_32) | (holder === 0 ? IS_HOLDER : 0) | (isDelete ? IS_DELETE : 0)
    words[ref + KEY_LENGTH] = keyLength
    words[ref + VALUE_LENGTH] = valueLength
    const at = (ref + HEADER_WORDS) * 4
    copyBytes(source, keyStart, bytes, at, keyLength)
    copyBytes(source, valueStart, bytes, at + keyLength, valueLength)
    this.used = ref + HEADER_WORDS + ((keyLength + valueLength + 3) >>> 2)
    if (holder !== 0) this.#chain(holder, ref, seqno)
    return ref
  }

  /** The newest version of a holder's key that was applied before `limit` and has seqno ≤ `seqnoMax`, or 0. */
  versionAt(holder: number, seqnoMax: number, limit: number): number {
    const words = this.words
    let ref = words[holder + LINK]
    while (ref !== 0 && (ref >= limit || this.seqnoOf(ref) > seqnoMax)) ref = words[ref + OLDER]
    return ref
  }

  newestOf(holder: number): number {
    return this.words[holder + LINK]
  }

  /** The ref behind an entry, whatever its key. */
  after(ref: number): number {
    const content = this.words[ref + KEY_LENGTH] + this.words[ref + VALUE_LENGTH]
    return ref + HEADER_WORDS + ((content + 3) >>> 2)
  }

  isHolder(ref: number): boolean {
    return (this.words[ref + FLAGS] & IS_HOLDER) !== 0
  }

  isDelete(ref: number): boolean {
    return this.words[ref + FLAGS] < 0
  }

  seqnoOf(ref: number): number {
    return (this.words[ref + FLAGS] & SEQNO_HIGH) * TWO_32 + (this.words[ref + SEQNO_LOW] >>> 0)
  }

  /** The holder of an entry's key: the entry itself or another. */
  holderOf(ref: number): number {
    return this.isHolder(ref) ? ref : this.words[ref + LINK]
  }

  /** Where an entry's own bytes begin: its key if it is a holder, then its value. */
  contentOf(ref: number): number {
    return (ref + HEADER_WORDS) * 4
  }

  keyLengthOf(ref: number): number {
    return this.words[ref + KEY_LENGTH]
  }

  valueLengthOf(ref: number): number {
    return this.words[ref + VALUE_LENGTH]
  }

  /** Compares the keys of two holders. */
  compareHolders(a: number, b: number): number {
    const aStart = (a + HEADER_WORDS) * 4
    const bStart = (b + HEADER_WORDS) * 4
    const { bytes, words } = this
    return compareBytes(
      bytes,
      aStart,
      aStart + words[a + KEY_LENGTH],
      bytes,
      bStart,
      bStart + words[b + KEY_LENGTH],
    )
  }

  /** Newest first by seqno; of two equal ones the later applied counts as newer. */
  #chain(holder: number, ref: number, seqno: number): void {
    const words = this.words
    let newer = 0
    let older = words[holder + LINK]
    while (older !== 0 && this.seqnoOf(older) > seqno) {
      newer = older
      older = words[older + OLDER]
    }
    words[ref + OLDER] = older
    if (newer === 0) words[holder + LINK] = ref
    else words[newer + OLDER] = ref
  }

  #view(buffer: SharedArrayBuffer): void {
    this.buffer = buffer
    this.bytes = new Uint8Array(buffer, 0, buffer.byteLength)
    this.words = new Int32Array(buffer, 0, buffer.byteLength >>> 2)
  }
}

/** A call that copies costs more than a short loop. */
const LOOP_BYTES_MAX = 64

function copyBytes(source: Uint8Array, from: number, target: Uint8Array, at: number, length: number): void {
  if (length > LOOP_BYTES_MAX) {
    target.set(source.subarray(from, from + length), at)
    return
  }
  for (let i = 0; i < length; i++) target[at + i] = source[from + i]
}

/// <reference lib="es2024.sharedmemory" />
// One entry, in words of 4 bytes, little-endian; a ref is the index of its first word.
//
//   word  0      1       2       3                 4        5        6
//        ┌──────┬───────┬───────┬─────────────────┬────────┬────────┬───────────┬─────────────┐
//        │ link │ older │ seqno │ delete · holder │ key    │ value  │ key bytes │ value bytes │
//        │      │       │ low   │ · seqno high    │ length │ length │ to a word │ to a word   │
//        └──────┴───────┴───────┴─────────────────┴────────┴────────┴───────────┴─────────────┘
//
// The entry that first brought a key holds its bytes and is called the holder; its link is the newest
// version of the key. Every other version has a key length of 0, and its link is the holder. `older`
// leads from the newest version to the next older one, 0 behind the last.
import { weigh } from './buffer-weight.ts'
import { wordsFor } from './key-words.ts'

const LINK = 0
/** The word of a holder that is the ref of the newest version. */
export const NEWEST: number = LINK
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
export const FIRST_REF = 1
const BYTES_START = 256 * 1024

/** The most that an arena may hold: refs stay small integers. */
export const ARENA_BYTES_MAX: number = TWO_32

/**
 * Versions of keys, one after the other in a growable shared buffer. Entries never move and, but for
 * their two links, never change. Growing makes new views of the same memory, so that an old view goes on
 * showing its entries.
 */
export class EntryArena {
  bytes: Uint8Array
  words: Int32Array
  buffer: SharedArrayBuffer
  /** Words in use; the ref of the next entry. */
  used: number = FIRST_REF
  /** The bits that a ref may have. */
  refMask: number
  /** The array last copied from, and a view of it: a batch of writes comes from one array. */
  #source: Uint8Array = new Uint8Array(0)
  #sourceView: DataView = new DataView(this.#source.buffer)

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    weigh(buffer)
    this.bytes = new Uint8Array(buffer, 0, buffer.byteLength)
    this.words = new Int32Array(buffer, 0, buffer.byteLength >>> 2)
    this.refMask = refMaskFor(buffer.maxByteLength)
  }

  static create(bytesMax: number): EntryArena {
    return new EntryArena(new SharedArrayBuffer(Math.min(BYTES_START, bytesMax), { maxByteLength: bytesMax }))
  }

  /** Makes room for an entry. False if the arena may not grow that far, unless it is empty. */
  reserve(keyLength: number, valueLength: number): boolean {
    const end = (this.used + HEADER_WORDS + wordsFor(keyLength) + wordsFor(valueLength)) * 4
    if (end <= this.bytes.length) return true
    const endMax = this.buffer.maxByteLength
    if (end <= endMax) {
      this.buffer.grow(Math.min(endMax, Math.max(end, this.buffer.byteLength * 2)))
    } else {
      if (this.used > FIRST_REF || end > ARENA_BYTES_MAX) return false
      this.buffer = new SharedArrayBuffer(end, { maxByteLength: end })
      this.refMask = refMaskFor(end)
    }
    weigh(this.buffer)
    this.bytes = new Uint8Array(this.buffer, 0, this.buffer.byteLength)
    this.words = new Int32Array(this.buffer, 0, this.buffer.byteLength >>> 2)
    return true
  }

  /**
   * Writes an entry into the room that `reserve` made, and returns its ref. A `holder` of 0 makes the
   * entry the holder of its key; otherwise it becomes another version of the holder's key.
   */
  append(
    source: Uint8Array,
    keyStart: number,
    keyLength: number,
    valueStart: number,
    valueLength: number,
    seqno: number,
    isDelete: boolean,
    holder: number,
  ): number {
    const { words, used: ref } = this
    if (source !== this.#source) {
      this.#source = source
      this.#sourceView = new DataView(source.buffer, source.byteOffset, source.length)
    }
    const keyKept = holder === 0 ? keyLength : 0
    words[ref + LINK] = holder === 0 ? ref : holder
    words[ref + OLDER] = 0
    words[ref + SEQNO_LOW] = seqno
    words[ref + FLAGS] =
      Math.floor(seqno / TWO_32) | (holder === 0 ? IS_HOLDER : 0) | (isDelete ? IS_DELETE : 0)
    words[ref + KEY_LENGTH] = keyKept
    words[ref + VALUE_LENGTH] = valueLength
    copyToWords(this.#sourceView, keyStart, keyKept, words, ref + HEADER_WORDS)
    copyToWords(this.#sourceView, valueStart, valueLength, words, ref + HEADER_WORDS + wordsFor(keyKept))
    this.used = this.after(ref)
    if (holder !== 0) this.#chain(holder, ref, seqno)
    return ref
  }

  /** The newest version of a holder's key with seqno ≤ `seqnoMax` and a ref before `limit`, or 0. */
  versionAt(holder: number, seqnoMax: number, limit: number): number {
    const words = this.words
    let ref = words[holder + LINK]
    while (ref !== 0 && (ref >= limit || this.seqnoOf(ref) > seqnoMax)) ref = words[ref + OLDER]
    return ref
  }

  /** The ref behind an entry, of whatever key. */
  after(ref: number): number {
    const { words } = this
    return ref + HEADER_WORDS + wordsFor(words[ref + KEY_LENGTH]) + wordsFor(words[ref + VALUE_LENGTH])
  }

  /** The holder of an entry's key: itself or another. */
  holderOf(ref: number): number {
    return (this.words[ref + FLAGS] & IS_HOLDER) === 0 ? this.words[ref + LINK] : ref
  }

  isDelete(ref: number): boolean {
    return this.words[ref + FLAGS] < 0
  }

  seqnoOf(ref: number): number {
    return (this.words[ref + FLAGS] & SEQNO_HIGH) * TWO_32 + (this.words[ref + SEQNO_LOW] >>> 0)
  }

  /** The word at which a holder's key starts. */
  keyWordOf(holder: number): number {
    return holder + HEADER_WORDS
  }

  /** Bytes of a holder's key; 0 for other entries. */
  keyLengthOf(ref: number): number {
    return this.words[ref + KEY_LENGTH]
  }

  /** The word at which an entry's value starts. */
  valueWordOf(ref: number): number {
    return ref + HEADER_WORDS + wordsFor(this.words[ref + KEY_LENGTH])
  }

  valueLengthOf(ref: number): number {
    return this.words[ref + VALUE_LENGTH]
  }

  /** Newest first by seqno; of two equal ones the later applied counts as the newer. */
  #chain(holder: number, ref: number, seqno: number): void {
    const { words } = this
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
}

function refMaskFor(bytesMax: number): number {
  return 2 ** (32 - Math.clz32(bytesMax / 4 - 1)) - 1
}

/** Whole words, the last one filled up with zeros. */
function copyToWords(source: DataView, start: number, length: number, words: Int32Array, at: number): void {
  const full = length >>> 2
  for (let i = 0; i < full; i++) words[at + i] = source.getInt32(start + i * 4, true)
  if ((length & 3) === 0) return
  let last = 0
  for (let i = full * 4; i < length; i++) last |= source.getUint8(start + i) << ((i & 3) * 8)
  words[at + full] = last
}

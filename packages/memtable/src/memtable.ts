import { KIND_DELETE, KIND_PUT, type EntryKind, type SeqNo } from '@meru/core'
import { ARENA_BYTES_MAX, EntryArena } from './entry-arena.ts'
import { KeyIndex } from './key-index.ts'
import { KeyOrder, type OrderedRefs } from './key-order.ts'
import { MemtableCursor, type CursorOptions } from './memtable-cursor.ts'

export interface MemtableOptions {
  /** The memtable is full at this size. Address space for it is reserved at once, memory as needed. */
  readonly bytesMax: number
}

/** A sealed memtable in a form that can be posted to a worker; the buffers are shared, not copied. */
export interface SharedMemtable extends OrderedRefs {
  readonly arena: SharedArrayBuffer
  readonly arenaWords: number
  readonly slots: SharedArrayBuffer
  readonly keys: number
  readonly entries: number
  readonly minSeqno: SeqNo
  readonly maxSeqno: SeqNo
}

interface Parts {
  readonly arena: EntryArena
  readonly index: KeyIndex
  readonly order: KeyOrder
  sealed: boolean
}

/** What only `apply` changes; to everybody else it is read-only. */
interface Counters {
  bytes: Uint8Array
  keys: number
  entries: number
  bytesUsed: number
  minSeqno: SeqNo
  maxSeqno: SeqNo
}

/**
 * An ordered map from (key, seqno) to (kind, value) in a shared arena. A ref names one entry of one
 * memtable; it stays valid, and what it names never changes.
 */
export class Memtable {
  /** What the offsets point into. Another object after the arena grew; the old one stays readable. */
  readonly bytes: Uint8Array
  /** Different keys, deleted ones included. */
  readonly keys: number
  /** Versions of all keys; 0 means that the memtable is empty. */
  readonly entries: number
  /** Of the arena; at most `bytesMax`, but for a single entry that is larger. */
  readonly bytesUsed: number
  /** The least and the greatest seqno applied; `Infinity` and 0 while there is none. */
  readonly minSeqno: SeqNo
  readonly maxSeqno: SeqNo
  readonly #parts: Parts

  /** An empty memtable, or what `attach` makes. Throws `TypeError` for a size out of range. */
  constructor(options: MemtableOptions | SharedMemtable) {
    const shared = 'arena' in options ? options : undefined
    this.#parts = 'arena' in options ? attachParts(options) : newParts(options)
    this.bytes = this.#parts.arena.bytes
    this.keys = shared?.keys ?? 0
    this.entries = shared?.entries ?? 0
    this.bytesUsed = this.#parts.arena.used * 4
    this.minSeqno = shared?.minSeqno ?? Infinity
    this.maxSeqno = shared?.maxSeqno ?? 0
  }

  /** A view of a memtable that another thread sealed. It refuses writes. */
  static readonly attach: (shared: SharedMemtable) => Memtable = (shared) => new Memtable(shared)

  /**
   * Adds a version of the key `bytes[keyStart .. keyEnd)`; the bytes are copied. False if there is no
   * room: nothing has changed, seal it and go on with another. An empty memtable takes an entry of any
   * size. Throws `TypeError` once sealed.
   */
  apply(
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    seqno: SeqNo,
    kind: EntryKind,
  ): boolean {
    const { arena, index, sealed } = this.#parts
    if (sealed) throw new TypeError('memtable: apply after seal')
    if (!Number.isSafeInteger(seqno) || seqno < 0) throw new TypeError(`memtable: seqno is ${seqno}`)
    const isInside = keyStart >= 0 && keyEnd <= bytes.length && valueStart >= 0 && valueEnd <= bytes.length
    if (!isInside || !(keyStart <= keyEnd && valueStart <= valueEnd)) {
      const ranges = `key ${keyStart}..${keyEnd}, value ${valueStart}..${valueEnd}`
      throw new TypeError(`memtable: ${ranges} of ${bytes.length} bytes`)
    }
    const holder = index.find(bytes, keyStart, keyEnd)
    const keyLength = keyEnd - keyStart
    const valueLength = valueEnd - valueStart
    if (!arena.reserve(holder === 0 ? keyLength : 0, valueLength)) return false
    const isDelete = kind === KIND_DELETE
    const ref = arena.append(bytes, keyStart, keyLength, valueStart, valueLength, seqno, isDelete, holder)
    if (holder === 0) index.add(ref)
    advance(this, arena, holder === 0 ? 1 : 0, seqno)
    return true
  }

  /** The ref of the newest version of a key with seqno ≤ `seqnoMax`, deletes included, or 0. */
  find(bytes: Uint8Array, keyStart: number, keyEnd: number, seqnoMax: SeqNo): number {
    const { arena, index } = this.#parts
    const holder = index.find(bytes, keyStart, keyEnd)
    return holder === 0 ? 0 : arena.versionAt(holder, seqnoMax, arena.used)
  }

  /** A cursor over the entries applied so far. */
  cursor(options: CursorOptions): MemtableCursor {
    const { arena, order } = this.#parts
    order.advance()
    return new MemtableCursor(arena, order, options)
  }

  /** The newest version of each key, in key order. */
  sortedRefs(): Uint32Array {
    const { order } = this.#parts
    order.advance()
    return order.newest()
  }

  /** Ends the writes. A second call does nothing. */
  seal(): void {
    this.#parts.sealed = true
  }

  /** What a worker needs for `Memtable.attach`. Throws `TypeError` unless sealed. */
  shared(): SharedMemtable {
    const { arena, index, order, sealed } = this.#parts
    if (!sealed) throw new TypeError('memtable: shared before seal')
    const { keys, entries, minSeqno, maxSeqno } = this
    const counts = { keys, entries, minSeqno, maxSeqno }
    return { arena: arena.buffer, arenaWords: arena.used, slots: index.buffer, ...order.shared(), ...counts }
  }

  kindOf(ref: number): EntryKind {
    return this.#parts.arena.isDelete(ref) ? KIND_DELETE : KIND_PUT
  }

  seqnoOf(ref: number): SeqNo {
    return this.#parts.arena.seqnoOf(ref)
  }

  keyStartOf(ref: number): number {
    const { arena } = this.#parts
    return arena.keyWordOf(arena.holderOf(ref)) * 4
  }

  keyEndOf(ref: number): number {
    const { arena } = this.#parts
    const holder = arena.holderOf(ref)
    return arena.keyWordOf(holder) * 4 + arena.keyLengthOf(holder)
  }

  valueStartOf(ref: number): number {
    return this.#parts.arena.valueWordOf(ref) * 4
  }

  valueEndOf(ref: number): number {
    const { arena } = this.#parts
    return arena.valueWordOf(ref) * 4 + arena.valueLengthOf(ref)
  }
}

function advance(counters: Counters, arena: EntryArena, newKeys: number, seqno: SeqNo): void {
  counters.bytes = arena.bytes
  counters.bytesUsed = arena.used * 4
  counters.keys += newKeys
  counters.entries++
  if (seqno < counters.minSeqno) counters.minSeqno = seqno
  if (seqno > counters.maxSeqno) counters.maxSeqno = seqno
}

function newParts({ bytesMax }: MemtableOptions): Parts {
  if (!Number.isInteger(bytesMax) || bytesMax < 1 || bytesMax > ARENA_BYTES_MAX) {
    throw new TypeError(`memtable: bytesMax is ${bytesMax}, expected 1 to ${ARENA_BYTES_MAX}`)
  }
  const arena = EntryArena.create(bytesMax)
  return { arena, index: new KeyIndex(arena), order: new KeyOrder(arena), sealed: false }
}

function attachParts(shared: SharedMemtable): Parts {
  const arena = new EntryArena(shared.arena)
  arena.used = shared.arenaWords
  const index = new KeyIndex(arena, shared.slots)
  return { arena, index, order: KeyOrder.attach(arena, shared), sealed: true }
}

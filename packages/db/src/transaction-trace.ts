import { ByteWriter, compareKeys, type EntryKind, KIND_DELETE, type RowCodec, type SeqNo } from '@meru/core'
import type { Memtable } from '@meru/memtable'
import { MemtableStack } from './memtable-stack.ts'
import type { TableStore } from './table-store.ts'

/** Keys, or entries with values, one after the other in one arena. */
export class EntryLog {
  readonly #out: ByteWriter = new ByteWriter(256)
  readonly #entries: { kind: EntryKind; start: number; keyEnd: number; end: number }[] = []

  get entries(): readonly { readonly kind: EntryKind; start: number; keyEnd: number; end: number }[] {
    return this.#entries
  }

  /** What the entries point into. Another object after the arena grew. */
  get bytes(): Uint8Array {
    return this.#out.bytes
  }

  get length(): number {
    return this.#out.length
  }

  /** Copies an entry: the key is `bytes[0 .. keyEnd)`, the value `bytes[keyEnd .. end)`. */
  append(kind: EntryKind, bytes: Uint8Array, keyEnd: number, end: number): void {
    const start = this.#out.length
    this.#out.append(bytes.subarray(0, end))
    this.#entries.push({ kind, start, keyEnd: start + keyEnd, end: start + end })
  }
}

/** A range of keys of which it was seen which rows are there. Grows while a scan goes on. */
export interface SeenRange {
  lower: Uint8Array | undefined
  /** Exclusive. Before or at `lower`: nothing was seen. */
  upper: Uint8Array | undefined
}

/** What a transaction has read from and written to one table. */
export class TableTrace {
  readonly table: TableStore
  readonly codec: RowCodec<unknown, unknown>
  readonly writes: EntryLog = new EntryLog()
  readonly reads: EntryLog = new EntryLog()
  readonly ranges: SeenRange[] = []
  readonly #own: { readonly stack: MemtableStack; taken: number } = { stack: new MemtableStack(), taken: 0 }

  constructor(table: TableStore, codec: RowCodec<unknown, unknown>) {
    this.table = table
    this.codec = codec
  }

  /** The writes as memtables, newest first; made only when something is read after them. */
  own(seqno: SeqNo): readonly Memtable[] {
    const { bytes, entries } = this.writes
    const { stack } = this.#own
    while (this.#own.taken < entries.length) {
      const { kind, start, keyEnd, end } = entries[this.#own.taken++]
      stack.apply(bytes, start, keyEnd, keyEnd, end, { seqno, kind })
    }
    return stack.memtables
  }

  /** Notes that a key was looked up, unless the answer came from the writes. */
  noteRead(key: Uint8Array, seqno: SeqNo): void {
    const isOwn = this.own(seqno).some((memtable) => memtable.find(key, 0, key.length, seqno) !== 0)
    if (!isOwn) this.reads.append(KIND_DELETE, key, key.length, key.length)
  }
}

/** The least bound behind a key. */
export function behind(key: Uint8Array): Uint8Array {
  const bound = new Uint8Array(key.length + 1)
  bound.set(key)
  return bound
}

/** Whether nothing can be in a range. */
export function isEmpty({ lower, upper }: SeenRange): boolean {
  if (upper === undefined) return false
  return lower === undefined ? upper.length === 0 : compareKeys(lower, upper) >= 0
}

/** Whether neither writes nor reads are noted. */
export function isIdle({ writes, reads, ranges }: TableTrace): boolean {
  return writes.entries.length === 0 && reads.entries.length === 0 && ranges.every((range) => isEmpty(range))
}

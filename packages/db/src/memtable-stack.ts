import type { EntryKind, SeqNo } from '@meru/core'
import { Memtable } from '@meru/memtable'

/** The first memtable is small: most stacks hold a few writes. */
const FIRST_BYTES = 64 * 1024
const LATER_BYTES = 64 * 1024 * 1024

/** Memtables that take as many entries as come; newest first. */
export class MemtableStack {
  #memtables: readonly Memtable[] = []

  /** Another array whenever a memtable was added. */
  get memtables(): readonly Memtable[] {
    return this.#memtables
  }

  apply(
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    entry: { readonly seqno: SeqNo; readonly kind: EntryKind },
  ): void {
    const { seqno, kind } = entry
    const newest = this.#memtables.at(0)
    if (newest?.apply(bytes, keyStart, keyEnd, valueStart, valueEnd, seqno, kind) === true) return
    const bytesMax = newest === undefined ? FIRST_BYTES : LATER_BYTES
    const next = new Memtable({ bytesMax })
    next.apply(bytes, keyStart, keyEnd, valueStart, valueEnd, seqno, kind)
    this.#memtables = [next, ...this.#memtables]
  }
}

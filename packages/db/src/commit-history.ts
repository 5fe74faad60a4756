import type { SeqNo } from '@meru/core'
import type { Memtable } from '@meru/memtable'
import type { TableStore } from './table-store.ts'

/** Held by whoever asks, later, what was written after `seqno`. */
export interface Since {
  readonly seqno: SeqNo
}

interface Kept {
  /** Flushed memtables with writes that somebody may ask for, newest first. */
  readonly memtables: readonly Memtable[]
  /** Of writes up to this one it is not known any more which keys they were to. */
  readonly floor: SeqNo
}

const NOTHING_KEPT: Kept = { memtables: [], floor: 0 }

/**
 * Which keys were written after a seqno: memtables tell, and those that are flushed are kept for as long as
 * somebody holds an older seqno. A deleted key leaves no trace in files, so they cannot tell. Writes cost
 * nothing for it. What is kept is bounded; then the oldest is forgotten, and the answer is "unknown".
 */
export class CommitHistory {
  readonly #bytesMax: number
  /** In the order of their seqnos. */
  readonly #held: Set<Since> = new Set()
  readonly #tables: Map<TableStore, Kept> = new Map()

  constructor(options: { bytesMax: number }) {
    this.#bytesMax = options.bytesMax
  }

  /** How many hold a seqno. */
  get holders(): number {
    return this.#held.size
  }

  /** Bytes of memtables that are kept for it alone. */
  get bytes(): number {
    let bytes = 0
    for (const { memtables } of this.#tables.values()) {
      for (const memtable of memtables) bytes += memtable.bytesUsed
    }
    return bytes
  }

  /** Holds the visible seqno: what is written from here on can be asked for until `release`. */
  hold(visibleSeqno: SeqNo): Since {
    const since = { seqno: visibleSeqno }
    this.#held.add(since)
    return since
  }

  release(since: Since): void {
    this.#held.delete(since)
    this.#forget()
  }

  /** To be called in the turn in which a flush takes a memtable out of the table. */
  flushed(table: TableStore, memtable: Memtable): void {
    const { memtables, floor } = this.#tables.get(table) ?? NOTHING_KEPT
    this.#tables.set(table, { memtables: [memtable, ...memtables], floor })
    this.#forget()
  }

  /**
   * Rows of the table came, went or changed otherwise than through its memtables, at some seqno up to this
   * one: whoever holds an older seqno cannot be told which.
   */
  changedUntold(table: TableStore, seqno: SeqNo): void {
    const { memtables, floor } = this.#tables.get(table) ?? NOTHING_KEPT
    this.#tables.set(table, { memtables, floor: Math.max(floor, seqno) })
  }

  /** The memtables that hold every write to the table after `seqno`, newest first; `undefined` if unknown. */
  writesAfter(table: TableStore, seqno: SeqNo): readonly Memtable[] | undefined {
    const { memtables, floor } = this.#tables.get(table) ?? NOTHING_KEPT
    if (seqno < floor) return undefined
    const all = [table.activeMemtable, ...table.sealed, ...memtables]
    return all.filter((memtable) => memtable.maxSeqno > seqno)
  }

  /** Lets go of what nobody can ask for, and of the oldest above the limit. */
  #forget(): void {
    let oldest = Number.POSITIVE_INFINITY
    for (const { seqno } of this.#held) {
      oldest = seqno
      break
    }
    for (const [table, { memtables, floor }] of this.#tables) {
      if (table.isDropped) this.#tables.delete(table)
      else
        this.#keep(
          table,
          memtables.filter(({ maxSeqno }) => maxSeqno > oldest),
          floor,
        )
    }
    while (this.bytes > this.#bytesMax) this.#forgetOldest()
  }

  #forgetOldest(): void {
    let found: TableStore | undefined
    let least = Number.POSITIVE_INFINITY
    for (const [table, { memtables }] of this.#tables) {
      const last = memtables.at(-1)
      if (last === undefined || last.maxSeqno >= least) continue
      least = last.maxSeqno
      found = table
    }
    if (found === undefined) return
    const { memtables, floor } = this.#tables.get(found) ?? NOTHING_KEPT
    this.#keep(found, memtables.slice(0, -1), floor)
  }

  #keep(table: TableStore, memtables: readonly Memtable[], floor: SeqNo): void {
    const before = this.#tables.get(table) ?? NOTHING_KEPT
    let raised = floor
    for (const memtable of before.memtables) {
      if (!memtables.includes(memtable)) raised = Math.max(raised, memtable.maxSeqno)
    }
    this.#tables.set(table, { memtables, floor: raised })
  }
}

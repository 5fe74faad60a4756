import { type EntryKind, readBatch, type SeqNo } from '@meru/core'
import type { Memtable } from '@meru/memtable'
import { MemtableStack } from './memtable-stack.ts'

/** What has to hold for a group when its turn comes: when all writes before it have a seqno. */
export interface WriteGuard {
  /**
   * Why the group must not be written, or `undefined` if it may be: then its first write has the seqno. Does
   * not wait.
   */
  refusal(pending: PendingWrites, firstSeqno: SeqNo): unknown
}

/** Writes that go to the log together with a guarded group, and before it. */
export class PendingWrites {
  readonly #payloads: Uint8Array[] = []
  readonly #tables: Map<number, MemtableStack> = new Map()
  #taken = 0

  /** Takes the payload of a group, which must not change until the guards were asked. */
  add(payload: Uint8Array): void {
    this.#payloads.push(payload)
  }

  /** The keys written to a table, with seqnos and kinds but without values; newest memtable first. */
  of(tableId: number): readonly Memtable[] {
    while (this.#taken < this.#payloads.length) this.#take(this.#payloads[this.#taken++])
    return this.#tables.get(tableId)?.memtables ?? []
  }

  #take(payload: Uint8Array): void {
    const put = (kind: EntryKind, seqno: SeqNo, tableId: number, key: number, keyEnd: number): void => {
      let stack = this.#tables.get(tableId)
      if (stack === undefined) this.#tables.set(tableId, (stack = new MemtableStack()))
      stack.apply(payload, key, keyEnd, keyEnd, keyEnd, { seqno, kind })
    }
    readBatch(payload, { file: 'group', offset: 0 }, (kind, seqno, tableId, _schema, key, keyEnd) =>
      put(kind, seqno, tableId, key, keyEnd),
    )
  }
}

interface Guarded {
  readonly guard: WriteGuard | undefined
}

/** One turn of the log with guarded groups among those that go to it together. */
export class GuardedTurn {
  readonly #pending: PendingWrites = new PendingWrites()
  readonly #refusals: Map<Guarded, unknown> = new Map()

  /** A turn, if there is a guard to ask. */
  static of(groups: readonly Guarded[]): GuardedTurn | undefined {
    return groups.some(({ guard }) => guard !== undefined) ? new GuardedTurn() : undefined
  }

  /** Whether the guard of a group refuses it, after those that were written. */
  refuses(group: Guarded, firstSeqno: SeqNo): boolean {
    const refusal = this.#ask(group.guard, firstSeqno)
    if (refusal !== undefined) this.#refusals.set(group, refusal)
    return refusal !== undefined
  }

  /** Takes the payload of a group that is written. */
  written(payload: Uint8Array): void {
    this.#pending.add(payload)
  }

  /** Why a group was refused, or `undefined`. */
  refusalOf(group: Guarded): unknown {
    return this.#refusals.get(group)
  }

  #ask(guard: WriteGuard | undefined, firstSeqno: SeqNo): unknown {
    try {
      return guard?.refusal(this.#pending, firstSeqno)
    } catch (error) {
      return error
    }
  }
}

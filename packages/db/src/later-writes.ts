import { KIND_PUT, type SeqNo } from '@meru/core'
import type { Memtable } from '@meru/memtable'

const ANY_SEQNO = Number.MAX_SAFE_INTEGER

/** What the newest write to a key was: a put, whose seqno is the row's version, or a delete. */
export interface LaterWrite {
  readonly version: SeqNo | undefined
}

/** The newest write to a key after `seqno`, if there is one. Memtables come newest first. */
export function newestAfter(
  memtables: readonly Memtable[],
  bytes: Uint8Array,
  start: number,
  end: number,
  seqno: SeqNo,
): LaterWrite | undefined {
  for (const memtable of memtables) {
    const ref = memtable.find(bytes, start, end, ANY_SEQNO)
    if (ref === 0) continue
    if (memtable.seqnoOf(ref) <= seqno) return undefined
    return { version: versionOf(memtable, ref) }
  }
  return undefined
}

/** The first key of a range that was written after `seqno`. Memtables come newest first. */
export function firstKeyAfter(
  memtables: readonly Memtable[],
  range: { readonly lower?: Uint8Array | undefined; readonly upper?: Uint8Array | undefined },
  seqno: SeqNo,
): (LaterWrite & { readonly key: Uint8Array }) | undefined {
  for (const memtable of memtables) {
    const cursor = memtable.cursor({ ...range, seqnoMax: ANY_SEQNO })
    for (let ref = cursor.next(); ref !== 0; ref = cursor.next()) {
      if (memtable.seqnoOf(ref) <= seqno) continue
      const key = memtable.bytes.slice(memtable.keyStartOf(ref), memtable.keyEndOf(ref))
      return { key, version: versionOf(memtable, ref) }
    }
  }
  return undefined
}

function versionOf(memtable: Memtable, ref: number): SeqNo | undefined {
  return memtable.kindOf(ref) === KIND_PUT ? memtable.seqnoOf(ref) : undefined
}

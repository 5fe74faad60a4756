import { ConflictError, MeruError, type SeqNo, showKey } from '@meru/core'
import type { Memtable } from '@meru/memtable'
import { staleHandle } from './alter.ts'
import type { CommitHistory } from './commit-history.ts'
import { firstKeyAfter, newestAfter } from './later-writes.ts'
import { type EntryLog, isEmpty, isIdle, type TableTrace } from './transaction-trace.ts'
import type { PendingWrites } from './write-guard.ts'

/**
 * Why a transaction that began after `seqno` must not be committed: a key that it wrote, read, or would have
 * found in a range that it scanned was written since. `undefined` if there is no such key.
 */
export function findConflict(
  traces: Iterable<TableTrace>,
  seqno: SeqNo,
  { history, pending }: { readonly history: CommitHistory; readonly pending: PendingWrites },
): MeruError | undefined {
  for (const trace of traces) {
    if (isIdle(trace)) continue
    const { table, codec } = trace
    if (table.isDropped) return new MeruError('INVALID', `table "${table.name}" was dropped`)
    if (table.schema !== codec.schema) return staleHandle(table, codec.schema)
    const flushed = history.writesAfter(table, seqno)
    if (flushed === undefined) return tooOld(trace, seqno)
    const later = [...pending.of(table.id), ...flushed]
    if (later.length === 0) continue
    const conflict =
      conflictOfKeys(trace, trace.writes, later, seqno) ??
      conflictOfKeys(trace, trace.reads, later, seqno) ??
      conflictOfRanges(trace, later, seqno)
    if (conflict !== undefined) return conflict
  }
  return undefined
}

function conflictOfKeys(
  trace: TableTrace,
  log: EntryLog,
  later: readonly Memtable[],
  seqno: SeqNo,
): ConflictError | undefined {
  const { bytes } = log
  for (const { start, keyEnd } of log.entries) {
    const newest = newestAfter(later, bytes, start, keyEnd, seqno)
    if (newest !== undefined) return conflict(trace, bytes.slice(start, keyEnd), newest.version, seqno)
  }
  return undefined
}

function conflictOfRanges(
  trace: TableTrace,
  later: readonly Memtable[],
  seqno: SeqNo,
): ConflictError | undefined {
  for (const range of trace.ranges) {
    if (isEmpty(range)) continue
    const found = firstKeyAfter(later, range, seqno)
    if (found !== undefined) return conflict(trace, found.key, found.version, seqno)
  }
  return undefined
}

function conflict(
  { table: { name: table }, codec }: TableTrace,
  bytes: Uint8Array,
  version: SeqNo | undefined,
  seqno: SeqNo,
): ConflictError {
  const key = codec.decodeKey(bytes, 0, bytes.length)
  const change = version === undefined ? 'deleted' : `written (version ${version})`
  return new ConflictError(
    { table, key, version },
    `table "${table}", key ${showKey(key)}: ${change} since the transaction began, after seqno ${seqno}`,
  )
}

function tooOld({ table: { name: table } }: TableTrace, seqno: SeqNo): ConflictError {
  const advice = 'make the transaction shorter, or conflictHistoryBytesMax larger'
  return new ConflictError(
    { table, key: undefined, version: undefined },
    `table "${table}": what was written since the transaction began, after seqno ${seqno}, is not known any more; ${advice}`,
  )
}

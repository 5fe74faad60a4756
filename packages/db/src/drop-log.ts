import type { Log } from './log.ts'
import type { TableStore } from './table-store.ts'
import type { VersionStore } from './version-store.ts'

/**
 * Begins the log anew and removes what it held, if all of that is in SSTs: a database that is closed takes
 * no room for it. Nothing else may be under way.
 */
export async function dropLog(parts: {
  readonly wal: Log
  readonly versions: VersionStore
  readonly tables: Iterable<TableStore>
  readonly lastSeqno: number
}): Promise<void> {
  const { wal, versions, lastSeqno } = parts
  for (const table of parts.tables) if (table.unflushedExcept(undefined) !== undefined) return
  const { epoch, segment } = await wal.rotate()
  const { walFloor } = versions.current
  if (walFloor.epoch === epoch && walFloor.segment === segment) return
  const floor = { epoch, segment }
  const changes = [
    { kind: 'setLastSeqno', seqno: lastSeqno } as const,
    { kind: 'setWalFloor', floor } as const,
  ]
  await versions.commit({ changes }, {}, () => undefined)
  await wal.removeBefore(floor)
}

import type { Environment } from '@meru/fs'
import {
  resolveDead,
  type DeadRows,
  type FlushOutput,
  type JobRunner,
  type ResolveTarget,
} from '@meru/compaction'
import { dataDirectory, findFile, sstPath, type Change, type SstFile, type TableState } from '@meru/manifest'
import type { Wal } from '@meru/wal'
import type { Memtable } from '@meru/memtable'
import type { DeadPositions, SstLayout, SstReader } from '@meru/sst'
import { discardDeadPositions, writeDeadPositions } from './dead-files.ts'
import type { LogSegments } from './log-segments.ts'
import type { TableStore } from './table-store.ts'
import type { VersionStore } from './version-store.ts'
import type { WritePath } from './write-path.ts'

export interface FlusherParts {
  readonly env: Environment
  readonly versions: VersionStore
  readonly writes: WritePath
  readonly tables: ReadonlyMap<number, TableStore>
  readonly wal: Wal
  readonly segments: LogSegments
  readonly layout: SstLayout
  readonly runner: JobRunner
}

export interface FlushReport {
  readonly table: string
  readonly rows: number
  readonly bytes: number
  readonly deadRows: number
}

/**
 * Moves the oldest sealed memtable of a table to level 0, and marks what it replaces dead, in one commit.
 * Undefined if no memtable is sealed. One flush of a table at a time.
 */
export async function flushOldest(parts: FlusherParts, table: TableStore): Promise<FlushReport | undefined> {
  const memtable = table.sealed.at(-1)
  if (memtable === undefined) return undefined
  const { versions, env } = parts
  // A flush must not outlive the writes of other tables that came before its own: the log goes first.
  await parts.writes.makeDurable(memtable.maxSeqno)
  const id = env.uuid()
  const path = sstPath(table.name, id)
  const { runner, layout } = parts
  const output = await runner.flush({ id, path, schema: table.schema, layout, memtable })
  try {
    if (output.meta !== undefined) await versions.fs.syncDirectory(dataDirectory(table.name))
    const report = await table.order.commits.run(() => commitFlush(parts, table, { memtable, ...output }))
    parts.segments.cut(versions.current.walFloor)
    await parts.wal.removeBefore(versions.current.walFloor)
    return report
  } catch (error) {
    // The name may be in the version if the outcome of the commit is unknown; then the file must stay.
    if (!isNamed(versions, table, id)) await versions.fs.remove(path).catch(() => undefined)
    throw error
  }
}

function isNamed(versions: VersionStore, table: TableStore, fileId: string): boolean {
  if (versions.outcomeUnknown) return true
  const state = versions.current.tables.get(table.id)
  return state !== undefined && findFile(state, fileId) !== undefined
}

type Flushed = { readonly memtable: Memtable } & FlushOutput

/** Runs while no other commit of the table can: the version that is resolved against is the one changed. */
async function commitFlush(parts: FlusherParts, table: TableStore, flushed: Flushed): Promise<FlushReport> {
  const { versions } = parts
  const state = versions.current.tables.get(table.id)
  if (state === undefined) return { table: table.name, rows: 0, bytes: 0, deadRows: 0 }
  const targets = table.version.files.map((live): ResolveTarget => ({ id: live.file.id, ...live }))
  const dead = await resolveDead(flushed.keys, targets)
  const updates = deadUpdates(dead, targets, state)
  const written = await writeDeadPositions({ fs: versions.fs, env: parts.env }, table, updates)
  const readers = new Map<string, SstReader>()
  try {
    const changes: Change[] = []
    if (flushed.meta !== undefined) {
      readers.set(flushed.meta.id, await versions.openReader(state, flushed.meta))
      changes.push({ kind: 'addFile', tableId: table.id, file: flushed.meta })
    }
    changes.push(...written.changes, ...bookkeeping(parts, table, flushed.memtable))
    await versions.commit({ changes }, { readers, dead: written.dead }, () => {
      table.install(versions.tableVersion(table.id), flushed.memtable)
    })
  } catch (error) {
    for (const reader of readers.values()) await reader.close()
    await discardDeadPositions(versions, written)
    throw error
  }
  const deadRows = dead.reduce((sum, rows) => sum + rows.positions.length, 0)
  return { table: table.name, rows: flushed.meta?.rows ?? 0, bytes: flushed.meta?.bytes ?? 0, deadRows }
}

/** The grown dead sets of the files that lost rows. */
export function deadUpdates(
  dead: readonly DeadRows[],
  targets: readonly ResolveTarget[],
  state: TableState,
): { file: SstFile; dead: DeadPositions }[] {
  return dead.map((rows) => {
    const target = targets.find((candidate) => candidate.id === rows.id) as ResolveTarget
    return { file: findFile(state, rows.id) as SstFile, dead: target.dead.with(rows.positions) }
  })
}

function bookkeeping(parts: FlusherParts, table: TableStore, flushed: Memtable): Change[] {
  const { writes, segments } = parts
  let oldest = writes.visibleSeqno + 1
  for (const other of parts.tables.values()) {
    oldest = Math.min(oldest, other.unflushedExcept(flushed) ?? oldest)
  }
  return [
    { kind: 'setFlushedSeqno', tableId: table.id, seqno: flushed.maxSeqno },
    { kind: 'setLastSeqno', seqno: writes.visibleSeqno },
    { kind: 'setWalFloor', floor: segments.floorFor(oldest) },
  ]
}

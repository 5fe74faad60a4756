import { compareKeys } from '@meru/core'
import type { DeadUpdate, FlushOutput, JobRunner, TaskFile } from '@meru/compaction'
import type { Environment } from '@meru/fs'
import {
  type Change,
  dataDirectory,
  findFile,
  schemaById,
  sstPath,
  type TableState,
  type VersionEdit,
} from '@meru/manifest'
import type { Memtable } from '@meru/memtable'
import type { SstLayout, SstReader } from '@meru/sst'
import type { TableVersion } from '@meru/view'
import type { CommitHistory } from './commit-history.ts'
import { deadChanges, type DeadChange, discardDeadPositions } from './dead-changes.ts'
import type { Log } from './log.ts'
import type { LogSegments } from './log-segments.ts'
import type { TableStore } from './table-store.ts'
import type { VersionStore } from './version-store.ts'
import type { WritePath } from './write-path.ts'

const INLINE_FILES = 16

export interface FlusherParts {
  readonly env: Environment
  readonly versions: VersionStore
  readonly writes: WritePath
  readonly history: CommitHistory
  readonly tables: ReadonlyMap<number, TableStore>
  readonly wal: Log
  readonly segments: LogSegments
  readonly layout: SstLayout
  /** For memtables of up to `inlineBytesMax` bytes, and keys of those in files of up to `INLINE_FILES` times as many. */
  readonly inline: JobRunner
  readonly inlineBytesMax: number
  /** For larger ones. */
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
  const { layout } = parts
  const view = table.view(parts.writes.visibleSeqno)
  // A memtable that was sealed by a change of the schema is of the one before.
  const schema = view.projections?.get(memtable)?.from ?? view.schema
  const output = await flushRunner(parts, memtable).flush({ id, path, schema, layout, memtable })
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

function flushRunner({ inline, inlineBytesMax, runner }: FlusherParts, memtable: Memtable): JobRunner {
  return memtable.bytesUsed <= inlineBytesMax ? inline : runner
}

/** Every key may lie on a page of its own, so looking up a few of them in large files is much work. */
function resolveRunner(parts: FlusherParts, memtable: Memtable, files: readonly TaskFile[]): JobRunner {
  const bytes = files.reduce((sum, { file }) => sum + file.bytes, 0)
  return bytes <= INLINE_FILES * parts.inlineBytesMax ? flushRunner(parts, memtable) : parts.runner
}

function isNamed(versions: VersionStore, table: TableStore, fileId: string): boolean {
  if (versions.outcomeUnknown) return true
  const state = versions.current.tables.get(table.id)
  return state !== undefined && findFile(state, fileId) !== undefined
}

type Flushed = { readonly memtable: Memtable } & FlushOutput

/** Runs while no other commit of the table can: the version that is resolved against is the one changed. */
async function commitFlush(parts: FlusherParts, table: TableStore, flushed: Flushed): Promise<FlushReport> {
  const { versions, env } = parts
  const state = versions.current.tables.get(table.id)
  if (state === undefined) return { table: table.name, rows: 0, bytes: 0, deadRows: 0 }
  const readers = new Map<string, SstReader>()
  let written: DeadChange | undefined
  try {
    const files = overlapping(taskFiles(table.version, state), flushed.keys)
    const puffinId = env.uuid()
    const updates: readonly DeadUpdate[] =
      files.length === 0
        ? []
        : await resolveRunner(parts, flushed.memtable, files).resolve({
            table: table.name,
            keys: flushed.keys,
            targets: files,
            puffinId,
          })
    written = await deadChanges(env, { table, puffinId, files }, updates)
    const { meta } = flushed
    if (meta !== undefined) readers.set(meta.id, await versions.openReader(state, meta))
    const changes: Change[] = meta === undefined ? [] : [{ kind: 'addFile', tableId: table.id, file: meta }]
    changes.push(...written.changes)
    // Only the commit knows which memtables of other tables have been flushed by then.
    const edit = (): VersionEdit => ({
      changes: [...changes, ...bookkeeping(parts, table, flushed.memtable)],
    })
    await versions.commit(edit, { readers, dead: written.dead }, () => {
      table.install(versions.tableVersion(table.id), flushed.memtable)
      parts.history.flushed(table, flushed.memtable)
    })
    parts.runner.forget(updates.flatMap(({ id, ref }) => (ref === undefined ? [id] : [])))
    const deadRows = updates.reduce((sum, { positions }) => sum + positions.length, 0)
    return { table: table.name, rows: meta?.rows ?? 0, bytes: meta?.bytes ?? 0, deadRows }
  } catch (error) {
    for (const reader of readers.values()) await reader.close()
    if (written !== undefined) await discardDeadPositions(versions, written)
    throw error
  }
}

/** The files of a version as jobs take them, newest first. */
export function taskFiles(version: TableVersion, state: TableState): TaskFile[] {
  return version.files.map((live) => ({ ...live, schema: schemaById(state, live.file.schemaId) }))
}

/** The files that may hold one of the keys, which ascend. */
function overlapping(files: readonly TaskFile[], keys: Flushed['keys']): TaskFile[] {
  if (keys.length === 0) return []
  const { bytes, offsets, length } = keys
  const first = bytes.subarray(offsets[0], offsets[1])
  const last = bytes.subarray(offsets[length - 1], offsets[length])
  return files.filter(({ file }) => {
    return compareKeys(file.maxKey, first) >= 0 && compareKeys(file.minKey, last) <= 0
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

import { MeruError } from '@meru/core'
import { type FileSystem, MemoryFs } from '@meru/fs'
import { compareWalFloors, type DatabaseState, LOCK_FILE, Manifest, WAL_DIRECTORY } from '@meru/manifest'
import { listSegments, segmentName } from '@meru/wal'
import type { Components } from './components.ts'
import { Database } from './database.ts'
import type { Engine } from './engine.ts'
import { refusedLog, type Log } from './log.ts'
import { LogSegments } from './log-segments.ts'
import { recoverLog, tablesOf } from './recovery.ts'
import type { Settings } from './settings.ts'
import type { TableStore } from './table-store.ts'
import { VersionStore } from './version-store.ts'

/** A writer may commit, and remove files, while they are opened; then it is done again with the newer version. */
const ATTEMPTS_MAX = 20

export interface ReadOnlyParts {
  readonly path: string
  readonly settings: Settings
  readonly components: Components
  /** Puts an engine together. */
  readonly connect: (parts: {
    readonly path: string
    readonly settings: Settings
    readonly components: Components
    readonly versions: VersionStore
    readonly epoch: number
    readonly tables: Map<number, TableStore>
    readonly wal: Log
    readonly segments: LogSegments
    readonly lastSeqno: number
    readonly isReadOnly: boolean
  }) => Engine
}

/**
 * Opens a database to look at it as it is at this moment. Takes no lock, writes nothing, and holds the log in memory, so
 * a writer may be at work elsewhere; what it writes later is not seen. Throws `INVALID` if there is no database.
 */
export async function openReadOnly(parts: ReadOnlyParts): Promise<Database> {
  for (let attempt = 1; ; attempt++) {
    try {
      const opened = await tryOpen(parts)
      if (opened !== undefined) return opened
    } catch (error) {
      const isPassing = error instanceof MeruError && (error.code === 'IO' || error.code === 'CORRUPT')
      if (attempt === ATTEMPTS_MAX || !isPassing || !(await isMoving(parts.components.fs))) throw error
    }
    if (attempt === ATTEMPTS_MAX) {
      throw new MeruError('IO', `${parts.path}: its writer commits faster than it can be opened; try again`)
    }
    await parts.components.env.yield()
  }
}

/** Whether somebody may be writing: the lock file is there. Without a writer a failure does not pass. */
async function isMoving(fs: FileSystem): Promise<boolean> {
  return (await fs.size(LOCK_FILE)) !== undefined
}

/** Undefined if the version changed meanwhile: what was read of the log may not go with it. */
async function tryOpen(parts: ReadOnlyParts): Promise<Database | undefined> {
  const { path, settings, components } = parts
  const { fs, cache } = components
  const state = await Manifest.load(fs)
  if (state === undefined) throw new MeruError('INVALID', `${path}: there is no database`)
  const refusal = new MeruError(
    'INVALID',
    `database ${path} is open for reading only; open it without readOnly`,
  )
  const manifest = { current: state, commit: () => Promise.reject(refusal) }
  const versions = new VersionStore({ fs, cache, manifest, grace: { env: components.env, graceMs: 0 } })
  try {
    const log = await copyLog(fs, state)
    await versions.openAll()
    const tables = tablesOf(versions, settings)
    const { report, lastSeqno } = await recoverLog(log, state, tables)
    if ((await Manifest.load(fs))?.manifestId !== state.manifestId) {
      await versions.close()
      return undefined
    }
    const segments = new LogSegments(state.walFloor)
    const wal = refusedLog(refusal)
    const found = { versions, epoch: state.epoch, tables, wal, segments, lastSeqno }
    const engine = parts.connect({ ...parts, ...found, isReadOnly: true })
    engine.writes.stop(refusal)
    return new Database({ engine, wal, recovery: report })
  } catch (error) {
    await versions.close().catch(() => undefined)
    throw error
  }
}

/** The log as it is now. A writer that goes on meanwhile would look like damage to whoever reads it piece by piece. */
async function copyLog(fs: FileSystem, state: DatabaseState): Promise<FileSystem> {
  const copy = new MemoryFs()
  await copy.makeDirectory(WAL_DIRECTORY)
  for (const id of await listSegments({ fs, directory: WAL_DIRECTORY })) {
    if (compareWalFloors(id, state.walFloor) < 0) continue
    const path = `${WAL_DIRECTORY}/${segmentName(id)}`
    const bytes = await fs.readFile(path)
    if (bytes === undefined) continue
    const handle = await copy.create(path, { exclusive: true })
    await handle.write(bytes, 0)
    await handle.close()
  }
  return copy
}

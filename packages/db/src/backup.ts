import { MeruError } from '@meru/core'
import { type FileSystem, NodeFs } from '@meru/fs'
import {
  type DatabaseState,
  findOrphans,
  Manifest,
  MANIFEST_DIRECTORY,
  manifestPath,
  parseManifestName,
} from '@meru/manifest'
import { readMarker, writeMarker } from './backup-marker.ts'
import { checkTarget, finishCopy, requireEmpty } from './checkpoint.ts'
import { copyNamed, makeDirectoriesOf, type NamedFile, namedFiles, syncDirectoriesOf } from './copy-files.ts'
import type { Engine } from './engine.ts'
import { pinWholeVersion } from './held-tables.ts'

/** How far a backup has come. Files that were there already count as done. */
export interface BackupProgress {
  readonly filesDone: number
  readonly filesTotal: number
  readonly bytesDone: number
  readonly bytesTotal: number
}

export interface BackupOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined
  /** The file system of the target; that of the path without it. */
  readonly fs?: FileSystem | undefined
}

/** What a backup holds. */
export interface BackupReport {
  readonly path: string
  readonly files: number
  readonly bytes: number
  /** Files that had to be copied; the others were there from an earlier backup. */
  readonly filesCopied: number
  readonly bytesCopied: number
  /** Every write up to this one is in it. */
  readonly seqno: number
}

/**
 * Copies the database as it is now to a directory, which then opens as a database. Into the directory of an earlier
 * backup only new files are copied. The manifest comes last: until then the directory is what it was before.
 */
export function makeBackup(engine: Engine, path: string, options: BackupOptions = {}): Promise<BackupReport> {
  checkTarget('backup', path, options, ['signal', 'onProgress', 'fs'])
  const target = options.fs ?? new NodeFs(path)
  return engine.tasks.run(options.signal, async (signal) => {
    const known = await knownBackup(target)
    await bringUpToDate(engine, known)
    const { pin, seqno } = await pinWholeVersion(engine)
    try {
      const state: DatabaseState = { ...pin.state, lastSeqno: seqno, walFloor: { epoch: 0, segment: 0 } }
      requireSuccessor(target, known, state)
      const { env } = engine
      const manifestIds = [...(known === undefined ? [] : [known.manifestId]), state.manifestId]
      await writeMarker(target, env, { manifestIds })
      const copied = await copyAll(engine, target, state, { signal, onProgress: options.onProgress })
      await finishCopy(engine, target, state)
      await removeOld(target, state)
      return { path, ...copied, seqno }
    } finally {
      engine.versions.release(pin)
    }
  })
}

/** The version that a target has from an earlier backup. Throws `INVALID` if it is anything else than empty. */
async function knownBackup(target: FileSystem): Promise<DatabaseState | undefined> {
  await target.makeDirectory('')
  const marker = await readMarker(target)
  if (marker === undefined) {
    await requireEmpty(target)
    return undefined
  }
  const known = await Manifest.load(target)
  if (known === undefined || marker.manifestIds.includes(known.manifestId)) return known
  throw new MeruError(
    'INVALID',
    `${target.root} was opened as a database after its last backup, so it is no backup any more; name another directory`,
  )
}

/** Most of what is in memory, and of what a backup lacks, is dealt with before writers have to wait. */
async function bringUpToDate(engine: Engine, known: DatabaseState | undefined): Promise<void> {
  const { versions, tables, background, writes } = engine
  await writes.settle()
  for (const table of tables.values()) await background.flush(table, { seal: true })
  if (known?.manifestId !== versions.current.manifestId) return
  // A new id, although nothing may have changed: a target's manifest is never made anew under the same one.
  const changes = [{ kind: 'setLastSeqno', seqno: writes.visibleSeqno } as const]
  await versions.commit({ changes }, {}, () => undefined)
}

function requireSuccessor(target: FileSystem, known: DatabaseState | undefined, state: DatabaseState): void {
  if (known === undefined) return
  const isLater = state.manifestId > known.manifestId && state.lastSeqno >= known.lastSeqno
  if (isLater && state.epoch >= known.epoch) return
  throw new MeruError(
    'INVALID',
    `${target.root} holds a backup of another database, or of a later state of this one; name another directory`,
  )
}

type Copied = Pick<BackupReport, 'files' | 'bytes' | 'filesCopied' | 'bytesCopied'>

async function copyAll(
  { versions, env }: Engine,
  target: FileSystem,
  state: DatabaseState,
  control: { signal: AbortSignal; onProgress: BackupOptions['onProgress'] },
): Promise<Copied> {
  await makeDirectoriesOf(target, state)
  const files = namedFiles(state)
  const bytesTotal = files.reduce((sum, file) => sum + (file.bytes ?? 0), 0)
  const progress = { filesDone: 0, filesTotal: files.length, bytesDone: 0, bytesTotal }
  const copied = { files: files.length, bytes: bytesTotal, filesCopied: 0, bytesCopied: 0 }
  for (const file of files) {
    control.signal.throwIfAborted()
    if (await isThere(target, file)) {
      progress.bytesDone += file.bytes ?? 0
    } else {
      const onBytes = (bytes: number): void => {
        copied.bytesCopied += bytes
        if (file.bytes !== undefined) progress.bytesDone += bytes
        control.onProgress?.({ ...progress })
      }
      await copyNamed({ source: versions.fs, target, env, signal: control.signal, onBytes }, file)
      copied.filesCopied++
    }
    progress.filesDone++
    control.onProgress?.({ ...progress })
  }
  await syncDirectoriesOf(target, state)
  return copied
}

/** A file gets its name when it is whole. */
async function isThere(target: FileSystem, file: NamedFile): Promise<boolean> {
  const size = await target.size(file.path)
  return size !== undefined && (file.bytes === undefined || size === file.bytes)
}

/** Removes what only earlier backups needed. What cannot be removed goes the next time. */
async function removeOld(target: FileSystem, state: DatabaseState): Promise<void> {
  for (const name of await target.list(MANIFEST_DIRECTORY)) {
    const id = parseManifestName(name)
    if (id !== undefined && id < state.manifestId) await target.remove(manifestPath(id))
  }
  await target.syncDirectory(MANIFEST_DIRECTORY)
  for (const path of await findOrphans(target, state, new Set())) await target.remove(path)
}

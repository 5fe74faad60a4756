import { MeruError } from '@meru/core'
import { type FileSystem, nodeEnvironment, NodeFs } from '@meru/fs'
import { compareWalFloors, Manifest, WAL_DIRECTORY } from '@meru/manifest'
import { listSegments, segmentName } from '@meru/wal'
import type { BackupProgress } from './backup.ts'
import { checkTarget, finishCopy, requireEmpty } from './checkpoint.ts'
import { copyNamed, makeDirectoriesOf, namedFiles, syncDirectoriesOf } from './copy-files.ts'

export interface RestoreOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined
  /** The file system of the backup; that of its path without it. */
  readonly from?: FileSystem | undefined
  /** The file system of the target; that of its path without it. */
  readonly fs?: FileSystem | undefined
}

/**
 * Copies a backup, or any database that nobody writes to, to an empty directory, and checks the hash of every SST on the
 * way. A backup opens as a database where it is, too; copied first, it stays as it was. Throws `INVALID` if there is no
 * database, or the target is not empty.
 */
export async function restore(
  backup: string,
  path: string,
  options: RestoreOptions = {},
): Promise<BackupProgress> {
  checkTarget('restore', backup, options, ['signal', 'onProgress', 'from', 'fs'])
  checkTarget('restore', path, options, ['signal', 'onProgress', 'from', 'fs'])
  const source = options.from ?? new NodeFs(backup)
  const target = options.fs ?? new NodeFs(path)
  const env = nodeEnvironment()
  const signal = options.signal ?? new AbortController().signal
  const state = await Manifest.load(source)
  if (state === undefined) throw new MeruError('INVALID', `${backup}: there is no database`)
  await requireEmpty(target)
  await makeDirectoriesOf(target, state)
  await target.makeDirectory(WAL_DIRECTORY)
  const segments = (await listSegments({ fs: source, directory: WAL_DIRECTORY }))
    .filter((id) => compareWalFloors(id, state.walFloor) >= 0)
    .map((id) => ({ path: `${WAL_DIRECTORY}/${segmentName(id)}` }))
  const files = [...namedFiles(state), ...segments]
  const sizes = files.map((file) => ('bytes' in file ? (file.bytes ?? 0) : 0))
  const bytesTotal = sizes.reduce((sum, bytes) => sum + bytes, 0)
  const progress = { filesDone: 0, filesTotal: files.length, bytesDone: 0, bytesTotal }
  for (const [index, file] of files.entries()) {
    await copyNamed({ source, target, env, signal, onBytes: () => undefined }, file)
    progress.filesDone++
    progress.bytesDone += sizes[index]
    options.onProgress?.({ ...progress })
  }
  await syncDirectoriesOf(target, state)
  await finishCopy({ env }, target, state)
  return progress
}

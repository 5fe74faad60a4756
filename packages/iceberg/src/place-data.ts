import { CorruptionError, MeruError } from '@meru/core'
import { copyFile, linkBetween, type Environment, type FileSystem } from '@meru/fs'
import { sstPath, type SstFile } from '@meru/manifest'
import { pathIn, type Destination } from './destination.ts'
import { DATA, dataFileName } from './file-names.ts'
import { makeDirectoryIn } from './new-files.ts'

/** Files that are on their way to a target together. */
const COPIES_AT_ONCE = 4

export interface DataSource {
  readonly fs: FileSystem
  readonly table: string
  readonly env: Environment
  readonly signal: AbortSignal | undefined
  /** Told how many bytes of data files were copied since it was told last. */
  readonly onBytes: ((bytes: number) => void) | undefined
}

/**
 * Brings data files into a target of its own, bytes and names durable. A file's name is its content for ever, so one
 * that is there is not brought again, whatever became of the attempt that did it.
 */
export async function placeData(
  source: DataSource,
  target: Destination,
  files: readonly SstFile[],
): Promise<void> {
  if (files.length === 0) return
  await makeDirectoryIn(target, DATA)
  for (let from = 0; from < files.length; from += COPIES_AT_ONCE) {
    source.signal?.throwIfAborted()
    const batch = files.slice(from, from + COPIES_AT_ONCE).map((file) => placeFile(source, target, file))
    // All of them come to an end before an error goes up, so that nothing is written after it.
    for (const outcome of await Promise.allSettled(batch)) {
      if (outcome.status === 'rejected') throw outcome.reason
    }
  }
  await target.fs.syncDirectory(pathIn(target, DATA))
}

async function placeFile(source: DataSource, target: Destination, file: SstFile): Promise<void> {
  const from = { fs: source.fs, path: sstPath(source.table, file.id) }
  const to = { fs: target.fs, path: pathIn(target, `${DATA}/${dataFileName(file.id)}`) }
  const size = await to.fs.size(to.path)
  if (size === file.bytes) return
  if (size !== undefined) {
    throw new CorruptionError(
      { file: `${to.fs.root}/${to.path}` },
      `${size} bytes, where the SST of this name has ${file.bytes}; remove it and export again`,
    )
  }
  if (target.mode === 'hardlink') {
    if (await linkBetween(from, to)) return
    throw new MeruError(
      'INVALID',
      `${to.fs.root} cannot have hard links to files of ${from.fs.root}: another device, or a file system ` +
        "without them; export with mode 'copy'",
    )
  }
  const handle = await from.fs.open(from.path)
  try {
    const { env, signal, onBytes } = source
    await copyFile(handle, to, { env, bytes: file.bytes, hash: file.hash, signal, onBytes })
  } finally {
    await handle.close()
  }
}

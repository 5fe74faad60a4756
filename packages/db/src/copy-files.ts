import { copyFile, type Environment, type FileSystem, linkBetween } from '@meru/fs'
import {
  dataDirectory,
  deletesDirectory,
  type DatabaseState,
  makeTableDirectories,
  puffinPath,
  sstPath,
} from '@meru/manifest'

/** A file that a state names; its name stands for its content for ever. */
export interface NamedFile {
  readonly path: string
  /** Absent for dead positions, which are checked where they are read. */
  readonly bytes?: number
  readonly hash?: string
}

/** Every file that a state names, once. */
export function namedFiles(state: DatabaseState): NamedFile[] {
  const files = new Map<string, NamedFile>()
  for (const table of state.tables.values()) {
    for (const { id, bytes, hash, dead } of table.files) {
      const path = sstPath(table.name, id)
      files.set(path, { path, bytes, hash })
      if (dead === undefined) continue
      const deadPath = puffinPath(table.name, dead.file)
      files.set(deadPath, { path: deadPath })
    }
  }
  return [...files.values()]
}

/** Makes the directories of all tables, durably. */
export async function makeDirectoriesOf(fs: FileSystem, state: DatabaseState): Promise<void> {
  for (const table of state.tables.values()) {
    await makeTableDirectories(fs, table.name)
    // From here on the directory tells that it is no empty database.
    await fs.syncDirectory('')
  }
}

/** Makes the names of files durable. */
export async function syncDirectoriesOf(fs: FileSystem, state: DatabaseState): Promise<void> {
  for (const table of state.tables.values()) {
    await fs.syncDirectory(dataDirectory(table.name))
    await fs.syncDirectory(deletesDirectory(table.name))
  }
}

export interface Copying {
  readonly source: FileSystem
  readonly target: FileSystem
  readonly env: Environment
  readonly signal: AbortSignal
  readonly onBytes: (bytes: number) => void
}

/** Gives a file a second name in the target, or where that cannot be, copies it. The name is not synced. */
export async function linkOrCopy(copying: Copying, file: NamedFile): Promise<void> {
  copying.signal.throwIfAborted()
  const { source, target } = copying
  const { path } = file
  if (await linkBetween({ fs: source, path }, { fs: target, path })) return
  await copyNamed(copying, file)
}

/** Copies a file and checks its hash. Throws `CORRUPT` if the original is damaged. */
export async function copyNamed(copying: Copying, file: NamedFile): Promise<void> {
  const { source, target, env, signal, onBytes } = copying
  const { path, bytes, hash } = file
  const handle = await source.open(path)
  try {
    await copyFile(handle, { fs: target, path }, { env, bytes, hash, signal, onBytes })
  } finally {
    await handle.close()
  }
}

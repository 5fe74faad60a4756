import { CorruptionError, MeruError } from '@meru/core'
import { type Environment, type FileSystem, linkBetween, type ReadHandle, sha256 } from '@meru/fs'
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

const CHUNK_BYTES = 1 << 20

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
  const handle = await copying.source.open(file.path)
  try {
    await copyHandle(copying, handle, file)
  } finally {
    await handle.close()
  }
}

/**
 * Copies an open file. Under its name there is the whole file or nothing, whatever happens: it is made durable under a
 * temporary one before.
 */
export async function copyHandle(copying: Copying, from: ReadHandle, file: NamedFile): Promise<void> {
  const { target, env } = copying
  const temporary = `${file.path}.${env.uuid()}.tmp`
  const into = await target.create(temporary, { exclusive: true })
  try {
    try {
      await copyBytes(copying, from, into, file)
      await into.sync()
    } finally {
      await into.close()
    }
    await target.rename(temporary, file.path)
  } catch (error) {
    await target.remove(temporary).catch(() => undefined)
    throw error
  }
}

async function copyBytes(
  { signal, onBytes }: Copying,
  from: ReadHandle,
  into: { write(bytes: Uint8Array, offset: number): Promise<void> },
  file: NamedFile,
): Promise<void> {
  if (file.bytes !== undefined && from.size !== file.bytes) {
    throw new CorruptionError({ file: file.path }, `${from.size} bytes, ${file.bytes} expected`)
  }
  const hash = file.hash === undefined ? undefined : sha256()
  const buffer = new Uint8Array(Math.min(CHUNK_BYTES, from.size))
  for (let offset = 0; offset < from.size; offset += buffer.length) {
    signal.throwIfAborted()
    const wanted = Math.min(buffer.length, from.size - offset)
    const read = await from.read(buffer.subarray(0, wanted), offset)
    if (read !== wanted)
      throw new MeruError('IO', `${file.path}: read ${read} of ${wanted} bytes at ${offset}`)
    const bytes = buffer.subarray(0, wanted)
    hash?.update(bytes)
    await into.write(bytes, offset)
    onBytes(wanted)
  }
  const found = hash?.digestHex()
  if (found !== file.hash) {
    throw new CorruptionError({ file: file.path }, `SHA-256 is ${found}; the manifest says ${file.hash}`)
  }
}

import { CorruptionError, MeruError } from '@meru/core'
import type { Environment, FileSystem } from '@meru/fs'
import {
  deletesDirectory,
  puffinPath,
  sstPath,
  type Change,
  type DeadRef,
  type SstFile,
} from '@meru/manifest'
import { DeadPositions, readPuffinBlob, writePuffin } from '@meru/sst'

/** The dead positions that a version names for an SST. Throws `CorruptionError` if they are damaged. */
export async function loadDeadPositions(
  fs: FileSystem,
  tableName: string,
  file: SstFile,
): Promise<DeadPositions> {
  const ref = file.dead
  if (ref === undefined) return DeadPositions.empty
  const path = puffinPath(tableName, ref.file)
  const size = await fs.size(path)
  if (size === undefined || ref.offset + ref.length > size) {
    const found = size === undefined ? 'is missing' : `has ${size} bytes`
    throw new CorruptionError(
      { file: path, offset: ref.offset },
      `${found}; expected a blob of ${ref.length} bytes`,
    )
  }
  const handle = await fs.open(path)
  try {
    const blob = new Uint8Array(ref.length)
    const read = await handle.read(blob, ref.offset)
    if (read !== ref.length) throw new MeruError('IO', `${path}: read ${read} of ${ref.length} bytes`)
    const dead = readPuffinBlob(blob, path, ref.offset)
    if (dead.cardinality !== ref.cardinality) {
      const problem = `${dead.cardinality} dead positions; the manifest says ${ref.cardinality}`
      throw new CorruptionError({ file: path, offset: ref.offset }, problem)
    }
    return dead
  } finally {
    await handle.close()
  }
}

/** What a commit must say so that new dead positions take effect. */
export interface DeadChange {
  readonly changes: readonly Change[]
  /** The new set of each file that stays in the version. */
  readonly dead: ReadonlyMap<string, DeadPositions>
  /** The file they are in, if there are any: of no use if the commit does not happen. */
  readonly path?: string
}

/**
 * Writes the new dead positions of a commit to one Puffin file and says how to refer to them. A file
 * without a live row left is taken out of the version instead (I5).
 */
export async function writeDeadPositions(
  parts: { fs: FileSystem; env: Environment },
  table: { id: number; name: string },
  updates: readonly { file: SstFile; dead: DeadPositions }[],
): Promise<DeadChange> {
  const changes: Change[] = []
  const dead = new Map<string, DeadPositions>()
  const partly = updates.filter((update) => update.dead.cardinality < update.file.rows)
  for (const { file } of updates.filter((update) => update.dead.cardinality === update.file.rows)) {
    changes.push({ kind: 'removeFile', tableId: table.id, fileId: file.id })
  }
  if (partly.length === 0) return { changes, dead }
  const id = parts.env.uuid()
  const puffin = writePuffin(
    partly.map((update) => ({ referencedDataFile: sstPath(table.name, update.file.id), dead: update.dead })),
  )
  const path = puffinPath(table.name, id)
  try {
    await writeSynced(parts.fs, path, puffin.bytes)
    await parts.fs.syncDirectory(deletesDirectory(table.name))
  } catch (error) {
    await parts.fs.remove(path).catch(() => undefined)
    throw error
  }
  partly.forEach(({ file, dead: positions }, index) => {
    const place = puffin.places[index]
    const ref: DeadRef = {
      file: id,
      offset: place.offset,
      length: place.length,
      cardinality: positions.cardinality,
    }
    changes.push({ kind: 'setDead', tableId: table.id, fileId: file.id, dead: ref })
    dead.set(file.id, positions)
  })
  return { changes, dead, path }
}

async function writeSynced(fs: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const handle = await fs.create(path, { exclusive: true })
  try {
    await handle.write(bytes, 0)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** After a commit that failed: removes its dead positions, unless they may have become part of a version. */
export async function discardDeadPositions(
  versions: { readonly fs: FileSystem; readonly outcomeUnknown: boolean },
  written: DeadChange,
): Promise<void> {
  if (written.path === undefined || versions.outcomeUnknown) return
  await versions.fs.remove(written.path).catch(() => undefined)
}

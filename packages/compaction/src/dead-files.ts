import { CorruptionError, MeruError } from '@meru/core'
import { writeDurably, type FileSystem } from '@meru/fs'
import { deletesDirectory, puffinPath, sstPath, type DeadRef, type SstFile } from '@meru/manifest'
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

/** An SST of a table, and the dead set that it is to have. */
export interface GrownFile {
  readonly id: string
  readonly rows: number
  readonly dead: DeadPositions
}

/**
 * Writes dead sets to one Puffin file, and makes it durable. Where each set is, in the order given;
 * `undefined` for a file without a live row left, which has none (I5). No file is made if all are such.
 */
export async function writeDeadPositions(
  fs: FileSystem,
  target: { readonly table: string; readonly puffinId: string },
  files: readonly GrownFile[],
): Promise<(DeadRef | undefined)[]> {
  const partly = files.filter(({ dead, rows }) => dead.cardinality < rows)
  if (partly.length === 0) return files.map(() => undefined)
  const { table, puffinId } = target
  const puffin = writePuffin(partly.map(({ id, dead }) => ({ referencedDataFile: sstPath(table, id), dead })))
  const path = puffinPath(table, puffinId)
  try {
    await writeDurably(fs, path, puffin.bytes)
    await fs.syncDirectory(deletesDirectory(table))
  } catch (error) {
    await fs.remove(path).catch(() => undefined)
    throw error
  }
  const places = new Map(partly.map(({ id }, index) => [id, puffin.places[index]]))
  return files.map(({ id, dead }) => {
    const place = places.get(id)
    return place && { file: puffinId, ...place, cardinality: dead.cardinality }
  })
}

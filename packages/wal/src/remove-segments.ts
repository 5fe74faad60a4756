import type { FileSystem } from '@meru/fs'
import {
  compareSegments,
  listSegments,
  parseSpareName,
  pathIn,
  type SegmentId,
  segmentName,
} from './segment-name.ts'

/**
 * Removes the segments before one, and the spare files of epochs before its own. Returns how many
 * segments. Oldest first, each durably before the next, so that a crash never leaves a gap.
 */
export async function removeSegments(options: {
  readonly fs: FileSystem
  readonly directory: string
  readonly before: SegmentId
}): Promise<number> {
  const { fs, directory, before } = options
  const obsolete = (await listSegments(options)).filter((id) => compareSegments(id, before) < 0)
  for (const id of obsolete) {
    await fs.remove(pathIn(directory, segmentName(id)))
    await fs.syncDirectory(directory)
  }
  for (const name of await fs.list(directory)) {
    const epoch = parseSpareName(name)
    if (epoch !== undefined && epoch < before.epoch) await fs.remove(pathIn(directory, name))
  }
  return obsolete.length
}

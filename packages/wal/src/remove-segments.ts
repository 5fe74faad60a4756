import type { FileSystem } from '@meru/fs'
import { compareSegments, listSegments, pathIn, type SegmentId, segmentName } from './segment-name.ts'

/**
 * Removes the segments before one, and returns how many. Oldest first, each durably before the next, so that a crash never leaves a gap.
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
  return obsolete.length
}

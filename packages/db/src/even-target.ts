import type { SstFile } from '@meru/manifest'

/** Files at most this much larger than wanted are better than a small one after them. */
const EXCESS_MAX = 1.5
/** What the estimate may be wrong by before the last file gets a small one after it. */
const SLACK = 1.05

/**
 * At which size an output of a merge is complete: about the target, so that the files are of one size. Small rests would
 * become more with each merge of a file with what lies above it. Files of level 0 hold each row twice and say little
 * of the size of the outputs; the others tell. Pure.
 */
export function evenTarget(target: number, inputs: readonly SstFile[]): number {
  const deeper = inputs.filter((file) => file.level > 0)
  const known = deeper.length === 0 ? inputs : deeper
  const rows = (files: readonly SstFile[]): number => files.reduce((sum, file) => sum + file.rows, 0)
  const dead = inputs.reduce((sum, file) => sum + (file.dead?.cardinality ?? 0), 0)
  const rowBytes = known.reduce((sum, file) => sum + file.bytes, 0) / rows(known)
  const bytes = (rows(inputs) - dead) * rowBytes
  const files = Math.max(1, Math.round(bytes / target))
  return files === 1 ? EXCESS_MAX * target : (SLACK * bytes) / files
}

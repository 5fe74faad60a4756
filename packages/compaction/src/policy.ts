import { compareKeys } from '@meru/core'
import type { SstFile } from '@meru/manifest'
import { deadFraction, LEVEL_MAX, scoreLevels, type LevelSettings } from './score.ts'

/** What a compaction does. Inputs are file ids. */
export type CompactionJob =
  | { readonly kind: 'merge'; readonly inputs: readonly string[]; readonly outputLevel: number }
  /** The file goes to a deeper level as it is. */
  | { readonly kind: 'move'; readonly input: string; readonly outputLevel: number }

/**
 * Picks what to compact next, or nothing. Pure: the same files always yield the same choice.
 * Files in `busy` are inputs of running jobs and are left alone.
 */
export function pickJob(
  files: readonly SstFile[],
  busy: ReadonlySet<string>,
  settings: LevelSettings,
): CompactionJob | undefined {
  for (const { level, score } of scoreLevels(files, settings)) {
    if (score < 1) break
    const job = level === 0 ? pickLevel0(files, busy) : pickLevel(files, level, busy)
    if (job !== undefined) return job
  }
  return pickDeadFile(files, busy, settings)
}

/**
 * A merge of every file into the deepest level in use (at least 1), or nothing if that changes nothing: there are no
 * dead rows, and every file has the given schema. Pure.
 */
export function fullCompaction(
  files: readonly SstFile[],
  busy: ReadonlySet<string>,
  schemaId: number,
): CompactionJob | undefined {
  if (files.length === 0 || files.some((file) => busy.has(file.id))) return undefined
  const outputLevel = Math.max(1, ...files.map((file) => file.level))
  const compact = files.every(
    (file) => file.level === outputLevel && file.dead === undefined && file.schemaId === schemaId,
  )
  if (compact) return undefined
  return { kind: 'merge', inputs: files.map((file) => file.id), outputLevel }
}

/** All of level 0 with the files of level 1 below it. */
function pickLevel0(files: readonly SstFile[], busy: ReadonlySet<string>): CompactionJob | undefined {
  const level0 = files.filter((file) => file.level === 0)
  return mergeInto(files, level0, 1, busy)
}

/** The file of a level with the least below it for its size. */
function pickLevel(
  files: readonly SstFile[],
  level: number,
  busy: ReadonlySet<string>,
): CompactionJob | undefined {
  const candidates = files
    .filter((file) => file.level === level && !busy.has(file.id))
    .map((file) => ({ file, below: bytesOf(overlapping(files, [file], level + 1)) }))
    .toSorted(
      (a, b) => a.below / a.file.bytes - b.below / b.file.bytes || compareKeys(a.file.minKey, b.file.minKey),
    )
  for (const { file, below } of candidates) {
    if (below === 0 && file.dead === undefined)
      return { kind: 'move', input: file.id, outputLevel: level + 1 }
    const job = mergeInto(files, [file], level + 1, busy)
    if (job !== undefined) return job
  }
  return undefined
}

/** A file that is mostly dead is written again on its level, to give its space back. */
function pickDeadFile(
  files: readonly SstFile[],
  busy: ReadonlySet<string>,
  settings: LevelSettings,
): CompactionJob | undefined {
  const [worst] = files
    .filter((file) => file.level > 0 && !busy.has(file.id) && deadFraction(file) > settings.deadFractionMax)
    .toSorted((a, b) => deadFraction(b) - deadFraction(a))
  return worst && { kind: 'merge', inputs: [worst.id], outputLevel: worst.level }
}

function mergeInto(
  files: readonly SstFile[],
  upper: readonly SstFile[],
  outputLevel: number,
  busy: ReadonlySet<string>,
): CompactionJob | undefined {
  const inputs = [...upper, ...overlapping(files, upper, Math.min(outputLevel, LEVEL_MAX))]
  if (inputs.length === 0 || inputs.some((file) => busy.has(file.id))) return undefined
  return { kind: 'merge', inputs: inputs.map((file) => file.id), outputLevel }
}

/** The files of a level that overlap the key range of `upper`, in key order. */
function overlapping(files: readonly SstFile[], upper: readonly SstFile[], level: number): SstFile[] {
  if (upper.length === 0) return []
  const min = upper.map((file) => file.minKey).reduce((a, b) => (compareKeys(a, b) <= 0 ? a : b))
  const max = upper.map((file) => file.maxKey).reduce((a, b) => (compareKeys(a, b) >= 0 ? a : b))
  return files
    .filter((file) => file.level === level)
    .filter((file) => compareKeys(file.maxKey, min) >= 0 && compareKeys(file.minKey, max) <= 0)
    .toSorted((a, b) => compareKeys(a.minKey, b.minKey))
}

function bytesOf(files: readonly SstFile[]): number {
  return files.reduce((sum, file) => sum + file.bytes, 0)
}

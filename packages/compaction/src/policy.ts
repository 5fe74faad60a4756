import { compareKeys } from '@meru/core'
import type { SstFile } from '@meru/manifest'
import { deadFraction, LEVEL_MAX, scoreLevels, type LevelSettings } from './score.ts'

/** What a compaction does. Inputs are file ids. */
export type CompactionJob =
  | { readonly kind: 'merge'; readonly inputs: readonly string[]; readonly outputLevel: number }
  /** The file goes to a deeper level as it is. */
  | { readonly kind: 'move'; readonly input: string; readonly outputLevel: number }

/** A job that is under way: its inputs, and where its outputs may lie. */
export interface RunningJob {
  /** File ids. */
  readonly inputs: readonly string[]
  /** Of the outputs; they lie between these keys. */
  readonly level: number
  readonly minKey: Uint8Array
  readonly maxKey: Uint8Array
}

/** Keys from `lower` on and below `upper`; without one there is no such end. */
export interface KeySpan {
  readonly lower?: Uint8Array | undefined
  readonly upper?: Uint8Array | undefined
}

/** What there is to choose from. */
interface Choice {
  readonly files: readonly SstFile[]
  /** Those of the files that no running job has as an input. */
  readonly free: readonly SstFile[]
  readonly running: readonly RunningJob[]
}

/**
 * Picks what to compact next, or nothing: what is most overdue of what can run beside the running jobs. Pure:
 * the same files always yield the same choice.
 */
export function pickJob(
  files: readonly SstFile[],
  running: readonly RunningJob[],
  settings: LevelSettings,
): CompactionJob | undefined {
  const busy = new Set(running.flatMap((job) => job.inputs))
  const free = files.filter((file) => !busy.has(file.id))
  const choice = { files, free, running }
  const due: { score: number; pick: () => CompactionJob | undefined }[] = []
  for (const { level, score } of scoreLevels(free, settings)) {
    if (score >= 1) due.push({ score, pick: () => pickLevel(choice, level) })
  }
  for (const file of free) {
    const score = deadFraction(file) / settings.deadFractionMax
    if (file.level > 0 && score > 1) due.push({ score, pick: () => merge(choice, [file], file.level) })
  }
  for (const { pick } of due.toSorted((a, b) => b.score - a.score)) {
    const job = pick()
    if (job !== undefined) return job
  }
  return undefined
}

/**
 * A merge of the files that may hold a key of the span into the deepest level in use (at least 1), after which
 * the span has no dead rows, no files above that level and none of another schema; or nothing if it is so already. With
 * a span, files of that level that are as they should be and overlap none of the others stay; without one all are
 * merged, small ones too. Pure; see `conflicts` for whether it may run now.
 */
export function forcedCompaction(
  files: readonly SstFile[],
  span: KeySpan,
  schemaId: number,
): CompactionJob | undefined {
  const outputLevel = Math.max(1, ...files.map((file) => file.level))
  const isCompact = (file: SstFile): boolean =>
    file.level === outputLevel && file.dead === undefined && file.schemaId === schemaId
  const wanted = files.filter((file) => touches(file, span) && !isCompact(file))
  if (wanted.length === 0) return undefined
  if (span.lower === undefined && span.upper === undefined) {
    return { kind: 'merge', inputs: files.map((file) => file.id), outputLevel }
  }
  const upper = wanted.filter((file) => file.level !== outputLevel)
  const inputs = [...upper, ...overlapping(files, wanted, outputLevel)]
  return { kind: 'merge', inputs: inputs.map((file) => file.id), outputLevel }
}

/** Whether a job has to wait for those that run: it shares an input with them, or a place for its outputs. Pure. */
export function conflicts(
  job: CompactionJob,
  files: readonly SstFile[],
  running: readonly RunningJob[],
): boolean {
  const ids = new Set(job.kind === 'move' ? [job.input] : job.inputs)
  const inputs = files.filter((file) => ids.has(file.id))
  if (inputs.length === 0) return false
  const range = spanOf(inputs)
  return running.some((other) => {
    if (other.inputs.some((id) => ids.has(id))) return true
    return other.level === job.outputLevel && meet(range, other)
  })
}

function touches(file: SstFile, { lower, upper }: KeySpan): boolean {
  if (lower !== undefined && compareKeys(file.maxKey, lower) < 0) return false
  return upper === undefined || compareKeys(file.minKey, upper) < 0
}

/** All of level 0 with the files of level 1 below it, or the file of a deeper level with the least below it for its size. */
function pickLevel(choice: Choice, level: number): CompactionJob | undefined {
  const upper = choice.free.filter((file) => file.level === level)
  if (level === 0) return merge(choice, upper, 1)
  const candidates = upper
    .map((file) => ({ file, below: bytesOf(overlapping(choice.files, [file], level + 1)) }))
    .toSorted(
      (a, b) => a.below / a.file.bytes - b.below / b.file.bytes || compareKeys(a.file.minKey, b.file.minKey),
    )
  for (const { file, below } of candidates) {
    const isAlone = below === 0 && file.dead === undefined
    const job: CompactionJob | undefined = isAlone
      ? beside(choice, { kind: 'move', input: file.id, outputLevel: level + 1 })
      : merge(choice, [file], level + 1)
    if (job !== undefined) return job
  }
  return undefined
}

/** A merge of files with those of the output level that they overlap, if it may run now. */
function merge(choice: Choice, upper: readonly SstFile[], outputLevel: number): CompactionJob | undefined {
  if (upper.length === 0) return undefined
  const ids = new Set(upper.map((file) => file.id))
  const below = overlapping(choice.files, upper, Math.min(outputLevel, LEVEL_MAX))
  const inputs = [...ids, ...below.map((file) => file.id).filter((id) => !ids.has(id))]
  return beside(choice, { kind: 'merge', inputs, outputLevel })
}

function beside({ files, running }: Choice, job: CompactionJob): CompactionJob | undefined {
  return conflicts(job, files, running) ? undefined : job
}

/** The files of a level that overlap the key range of `upper`, in key order. */
function overlapping(files: readonly SstFile[], upper: readonly SstFile[], level: number): SstFile[] {
  if (upper.length === 0) return []
  const range = spanOf(upper)
  return files
    .filter((file) => file.level === level && meet(file, range))
    .toSorted((a, b) => compareKeys(a.minKey, b.minKey))
}

type Ends = Pick<SstFile, 'minKey' | 'maxKey'>

/** The least range that holds all files. */
function spanOf(files: readonly SstFile[]): Ends {
  return {
    minKey: files.map((file) => file.minKey).reduce((a, b) => (compareKeys(a, b) <= 0 ? a : b)),
    maxKey: files.map((file) => file.maxKey).reduce((a, b) => (compareKeys(a, b) >= 0 ? a : b)),
  }
}

/** Whether two ranges share a key. Both ends belong to them. */
function meet(a: Ends, b: Ends): boolean {
  return compareKeys(a.maxKey, b.minKey) >= 0 && compareKeys(a.minKey, b.maxKey) <= 0
}

function bytesOf(files: readonly SstFile[]): number {
  return files.reduce((sum, file) => sum + file.bytes, 0)
}

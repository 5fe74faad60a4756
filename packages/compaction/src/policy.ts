import { compareKeys } from '@meru/core'
import type { SstFile } from '@meru/manifest'
import { meet, spanOf } from './key-range.ts'
import { LevelFiles } from './level-files.ts'
import { isSmallBeside, overdueFiles, scoreOfLevel0 } from './overdue.ts'
import { LEVEL_MAX, liveRows, type LevelSettings } from './score.ts'

/** What a compaction does. Inputs are file ids. */
export type CompactionJob =
  | {
      readonly kind: 'merge'
      readonly inputs: readonly string[]
      readonly outputLevel: number
      /** Keys, ascending, at which an output ends and the next begins, so that each lies above one deeper file. */
      readonly cuts?: readonly Uint8Array[] | undefined
    }
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
  readonly levels: LevelFiles
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
  const levels = new LevelFiles(files)
  const choice = { files, free, running, levels }
  const due: { score: number; pick: () => CompactionJob | undefined }[] = []
  const score0 = scoreOfLevel0(free, settings)
  if (score0 >= 1) due.push({ score: score0, pick: () => pickLevel0(choice, settings) })
  for (const { score, inputs, level } of overdueFiles(new Set(free), levels, settings)) {
    due.push({ score, pick: () => merge(choice, inputs, level) })
  }
  for (const { pick } of due.toSorted((a, b) => b.score - a.score)) {
    const job = pick()
    if (job !== undefined) return job
  }
  return undefined
}

/**
 * A merge of the files that may hold a key of the span into the lowest level, after which the span has no dead rows, no
 * files above that level and none of another schema; or nothing if it is so already. With a span, files of the lowest
 * level that are as they should be and overlap none of the others stay; without one all are merged, small ones too.
 * Pure; see `conflicts` for whether it may run now.
 */
export function forcedCompaction(
  files: readonly SstFile[],
  span: KeySpan,
  schemaId: number,
): CompactionJob | undefined {
  const isCompact = (file: SstFile): boolean =>
    file.level === LEVEL_MAX && file.dead === undefined && file.schemaId === schemaId
  const wanted = files.filter((file) => touches(file, span) && !isCompact(file))
  if (wanted.length === 0) return undefined
  if (span.lower === undefined && span.upper === undefined) {
    return { kind: 'merge', inputs: files.map((file) => file.id), outputLevel: LEVEL_MAX }
  }
  const upper = wanted.filter((file) => file.level !== LEVEL_MAX)
  const inputs = [...upper, ...new LevelFiles(files).overlapping(LEVEL_MAX, spanOf(wanted))]
  return { kind: 'merge', inputs: inputs.map((file) => file.id), outputLevel: LEVEL_MAX }
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

/**
 * Level 0 goes down whole. Where what it overlaps is small beside it, both become one. Where it is not, that would write
 * the table anew for few rows: the files of level 0 become a run of their own, on the deepest level above what they
 * overlap, and wait there until enough of them lie above a file. Without a free level, runs go down until there is one, or
 * those of similar size become one. Source: N. Dayan, S. Idreos, Dostoevsky, SIGMOD 2018 ("lazy leveling").
 */
function pickLevel0(choice: Choice, settings: LevelSettings): CompactionJob | undefined {
  const { levels } = choice
  const upper = choice.free.filter((file) => file.level === 0)
  if (upper.length === 0) return undefined
  const below = levels.below(spanOf(upper))
  if (below.length === 0) return merge(choice, upper, LEVEL_MAX)
  const lowest = below[below.length - 1]
  // What is merged may reach over more files of the lowest level than level 0 does.
  const all = new Set(below.flat())
  for (const file of levels.overlapping(lowest[0].level, spanOf([...upper, ...all]))) all.add(file)
  if (isSmallBeside([...all], upper, settings)) return merge(choice, [...upper, ...all], lowest[0].level)
  if (below[0][0].level > 1) return mergeAbove(choice, upper, below, lowest)
  return fall(choice, below) ?? mergeAbove(choice, ...similar(upper, below), lowest)
}

/**
 * A merge to the deepest level above the levels that are left, in pieces that each lie above one file of the lowest; to
 * the lowest if none is left. Runs among the inputs may reach beyond level 0.
 */
function mergeAbove(
  choice: Choice,
  inputs: readonly SstFile[],
  left: readonly SstFile[][],
  lowest: readonly SstFile[],
): CompactionJob | undefined {
  if (left.length === 0) return merge(choice, inputs, lowest[0].level)
  const files = choice.levels.overlapping(lowest[0].level, spanOf(inputs))
  const cuts = files.slice(1).map((file) => file.minKey)
  return merge(choice, inputs, left[0][0].level - 1, cuts)
}

/** Level 0 with the runs below it that are no larger than what lies above them, but never the last; and those left. */
function similar(upper: readonly SstFile[], below: readonly SstFile[][]): [SstFile[], SstFile[][]] {
  const inputs = [...upper, ...below[0]]
  let next = 1
  while (next < below.length - 1 && liveRows(below[next]) <= liveRows(inputs)) inputs.push(...below[next++])
  return [inputs, below.slice(next)]
}

/** Moves a file down as far as it goes, from the lowest levels first. */
function fall(choice: Choice, below: readonly SstFile[][]): CompactionJob | undefined {
  for (const file of below.toReversed().flat()) {
    const outputLevel = choice.levels.fallOf(file)
    if (outputLevel === file.level || !choice.free.includes(file)) continue
    const job = beside(choice, { kind: 'move', input: file.id, outputLevel })
    if (job !== undefined) return job
  }
  return undefined
}

/** A merge of files with those of the output level that they overlap, if it may run now. */
function merge(
  choice: Choice,
  upper: readonly SstFile[],
  outputLevel: number,
  cuts?: readonly Uint8Array[],
): CompactionJob | undefined {
  if (upper.length === 0) return undefined
  const inputs = new Set(upper.map((file) => file.id))
  for (const file of choice.levels.overlapping(outputLevel, spanOf(upper))) inputs.add(file.id)
  return beside(choice, { kind: 'merge', inputs: [...inputs], outputLevel, cuts })
}

function beside({ files, running }: Choice, job: CompactionJob): CompactionJob | undefined {
  return conflicts(job, files, running) ? undefined : job
}

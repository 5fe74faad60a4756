export { carryOver } from './carry-over.ts'
export { flushMemtable, type FlushInput, type FlushOutput } from './flush.ts'
export {
  InlineRunner,
  type FlushTask,
  type JobControl,
  type JobRunner,
  type MergeTask,
  type RunTask,
} from './job-runner.ts'
export { runMerge, type MergeJob } from './merge-job.ts'
export type { MergeInput } from './merge-source.ts'
export { fullCompaction, pickJob, type CompactionJob } from './policy.ts'
export { resolveDead, type DeadRows, type ResolveTarget } from './resolve.ts'
export {
  deadFraction,
  LEVEL_MAX,
  levelBytesTarget,
  scoreLevels,
  type LevelScore,
  type LevelSettings,
} from './score.ts'
export { writeRun, type RunJob } from './run-job.ts'
export type { OutputOptions } from './sst-output.ts'
export { WorkerRunner } from './worker-runner.ts'

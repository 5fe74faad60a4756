export { carryOver } from './carry-over.ts'
export { flushMemtable, type FlushInput, type FlushOutput } from './flush.ts'
export { loadDeadPositions, writeDeadPositions, type GrownFile } from './dead-files.ts'
export { InlineRunner, type JobRunner } from './job-runner.ts'
export { runMerge, type MergeJob } from './merge-job.ts'
export type { MergeInput } from './merge-source.ts'
export {
  conflicts,
  forcedCompaction,
  pickJob,
  type CompactionJob,
  type KeySpan,
  type RunningJob,
} from './policy.ts'
export { pendingBytes } from './overdue.ts'
export { resolveDead, type DeadRows, type ResolveTarget } from './resolve.ts'
export { deadFraction, LEVEL_MAX, type LevelSettings } from './score.ts'
export { meet, spanOf, type KeyRange } from './key-range.ts'
export { writeRun, type RunJob } from './run-job.ts'
export type { OutputOptions } from './sst-output.ts'
export type {
  CarryOverTask,
  DeadUpdate,
  FlushTask,
  JobControl,
  LateInput,
  MergeTask,
  ResolveTask,
  RunTask,
  TaskFile,
} from './task.ts'
export { WorkerRunner, type WorkerRunnerOptions } from './worker-runner.ts'

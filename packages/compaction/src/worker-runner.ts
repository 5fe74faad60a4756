import type { SstMeta } from '@meru/core'
import { encodeDeletionVector } from '@meru/sst'
import type { FlushOutput } from './flush.ts'
import type { SentInput } from './job-message.ts'
import type { FlushTask, JobControl, JobRunner, MergeTask, RunTask } from './job-runner.ts'
import { WorkerThread } from './worker-thread.ts'

/**
 * Does the work on other threads: one for flushes, so that they never wait behind a merge, and some for
 * merges. A memtable crosses in shared memory; files are opened by the worker. Only for files of the
 * operating system.
 */
export class WorkerRunner implements JobRunner {
  private readonly root: string
  private readonly flusher: WorkerThread = new WorkerThread()
  private readonly mergers: readonly WorkerThread[]

  /** `root` is the directory that paths are relative to. */
  constructor(options: { root: string; mergeThreads: number }) {
    this.root = options.root
    this.mergers = Array.from({ length: options.mergeThreads }, () => new WorkerThread())
  }

  async flush(task: FlushTask): Promise<FlushOutput> {
    const { id, path, schema, layout } = task
    const memtable = task.memtable.shared()
    const answer = await this.flusher.run(
      { kind: 'flush', root: this.root, id, path, schema, layout, memtable },
      {},
    )
    if (answer.kind !== 'flushed') throw new TypeError(`a worker answered a flush with "${answer.kind}"`)
    return answer.output
  }

  async merge(task: MergeTask, control: JobControl): Promise<SstMeta[]> {
    const inputs = task.inputs.map(({ reader, level, dead }): SentInput => {
      return {
        meta: reader.meta,
        level,
        dead: dead.cardinality === 0 ? undefined : encodeDeletionVector(dead),
      }
    })
    const { schema, level, layout, fileBytesTarget, directory, sharedKeys } = task
    const settings = { schema, level, layout, fileBytesTarget, directory, sharedKeys }
    const answer = await this.mergeThread().run(
      { kind: 'merge', root: this.root, inputs, ...settings },
      control,
    )
    if (answer.kind !== 'merged') throw new TypeError(`a worker answered a merge with "${answer.kind}"`)
    return [...answer.metas]
  }

  async writeRun(task: RunTask, control: JobControl): Promise<SstMeta[]> {
    const memtable = task.memtable.shared()
    const answer = await this.mergeThread().run({ ...task, kind: 'run', root: this.root, memtable }, control)
    if (answer.kind !== 'merged') throw new TypeError(`a worker answered a run with "${answer.kind}"`)
    return [...answer.metas]
  }

  async close(): Promise<void> {
    for (const thread of [this.flusher, ...this.mergers]) await thread.close()
  }

  /** The one with the least to do. */
  private mergeThread(): WorkerThread {
    return this.mergers.reduce((a, b) => (b.load < a.load ? b : a))
  }
}

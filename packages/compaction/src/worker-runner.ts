import { MeruError, type SstMeta } from '@meru/core'
import type { FileSystem } from '@meru/fs'
import { puffinPath } from '@meru/manifest'
import type { FlushOutput } from './flush.ts'
import type { Answer, Request, SentFile } from './job-message.ts'
import type { JobRunner } from './job-runner.ts'
import type {
  CarryOverTask,
  DeadUpdate,
  FlushTask,
  JobControl,
  MergeTask,
  ResolveTask,
  RunTask,
  TaskFile,
} from './task.ts'
import { type ThreadControl, type ThreadOptions, ThreadUnavailable, WorkerThread } from './worker-thread.ts'

/** The answer to a request. */
type DoneOf<Kind extends Request['kind']> = Extract<
  Answer,
  {
    kind: {
      flush: 'flushed'
      merge: 'merged'
      run: 'merged'
      resolve: 'resolved'
      carryOver: 'resolved'
    }[Kind]
  }
>

export interface WorkerRunnerOptions extends Omit<ThreadOptions, 'entry'> {
  /** Threads for merges. With each two there is one for flushes, so that they never wait behind a merge. */
  readonly threads: number
  readonly fs: FileSystem
  /** The module that a thread runs; that of this package without it. */
  readonly entry?: URL | undefined
  /** Does the work where no thread can be started. */
  readonly fallback: JobRunner
  /** Told once, with the reason, that no thread can be started. */
  readonly onUnavailable: (error: Error) => void
}

/**
 * Does the work on other threads. A memtable crosses in shared memory; files are opened by the worker, and those
 * that flushes look into stay open there. Only for files of the operating system.
 */
export class WorkerRunner implements JobRunner {
  private readonly options: WorkerRunnerOptions
  private readonly flushers: readonly WorkerThread[]
  private readonly mergers: readonly WorkerThread[]
  /** Known once one could not be started. */
  private isUnavailable = false
  /** By table: which thread has its files open. */
  private readonly homes: Map<string, WorkerThread> = new Map()

  constructor(options: WorkerRunnerOptions) {
    this.options = options
    const { root, env, threads, entry } = options
    const make = (count: number): WorkerThread[] =>
      Array.from({ length: count }, () => new WorkerThread({ entry: entry ?? ownEntry(), root, env }))
    this.flushers = make(Math.ceil(threads / 2))
    this.mergers = make(threads)
  }

  prepare(): void {
    if (!this.isUnavailable) leastLoaded(this.mergers).prepare()
  }

  async flush(task: FlushTask): Promise<FlushOutput> {
    const { id, path, schema, layout } = task
    const request = { kind: 'flush', id, path, schema, layout, memtable: task.memtable.shared() } as const
    try {
      const thread = leastLoaded(this.flushers)
      const answer = await this.run(thread, request, {})
      return answer === undefined ? await this.options.fallback.flush(task) : answer.output
    } catch (error) {
      await this.remove([path])
      throw error
    }
  }

  async merge(task: MergeTask, control: JobControl): Promise<SstMeta[]> {
    const { inputs, ...settings } = task
    const answer = await this.written({ ...settings, kind: 'merge', inputs: inputs.map(sent) }, control)
    return answer === undefined ? this.options.fallback.merge(task, control) : [...answer.metas]
  }

  async writeRun(task: RunTask, control: JobControl): Promise<SstMeta[]> {
    const { parts, ...settings } = task
    const answer = await this.written({ ...settings, kind: 'run' }, { ...control, parts })
    return answer === undefined ? this.options.fallback.writeRun(task, control) : [...answer.metas]
  }

  async resolve(task: ResolveTask): Promise<DeadUpdate[]> {
    const { table, keys, puffinId } = task
    const request = { kind: 'resolve', table, keys, puffinId, targets: task.targets.map(sent) } as const
    const memory = [keys.bytes.buffer, keys.offsets.buffer].filter((part) => part instanceof ArrayBuffer)
    const answer = await this.resolved(this.homeOf(table), request, memory)
    if (answer !== undefined) return [...answer.updates]
    // Offsets are never empty but where their memory was given away.
    if (keys.offsets.length === 0) {
      throw new MeruError('IO', 'a worker thread ended before it looked at the keys it was given')
    }
    return this.options.fallback.resolve(task)
  }

  async carryOver(task: CarryOverTask): Promise<DeadUpdate[]> {
    const { table, puffinId } = task
    const inputs = task.inputs.map(({ before, now }) => ({ before: sent(before), now: now?.file }))
    const request = { kind: 'carryOver', table, puffinId, inputs, outputs: task.outputs.map(sent) } as const
    const thread = leastLoaded(this.mergers)
    const answer = await this.resolved(thread, request)
    return answer === undefined ? this.options.fallback.carryOver(task) : [...answer.updates]
  }

  forget(fileIds: readonly string[]): void {
    for (const thread of [...this.flushers, ...this.mergers]) thread.tell({ kind: 'forget', fileIds })
  }

  async close(): Promise<void> {
    for (const thread of [...this.flushers, ...this.mergers]) await thread.close()
  }

  /** Removes the files that a job made if it does not come to its end; a worker that lives has done so itself. */
  private async written(
    request: Extract<Request, { kind: 'merge' | 'run' }>,
    control: Omit<ThreadControl, 'onFile'>,
  ): Promise<DoneOf<'merge'> | undefined> {
    const made: string[] = []
    const onFile = (path: string): void => void made.push(path)
    try {
      return await this.run(leastLoaded(this.mergers), request, { ...control, onFile })
    } catch (error) {
      await this.remove(made)
      throw error
    }
  }

  private async resolved(
    thread: WorkerThread,
    request: Extract<Request, { kind: 'resolve' | 'carryOver' }>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<DoneOf<'resolve'> | undefined> {
    try {
      return await this.run(thread, request, {}, transfer)
    } catch (error) {
      await this.remove([puffinPath(request.table, request.puffinId)])
      throw error
    }
  }

  /** Undefined if no thread could be started: the job did not begin. */
  private async run<K extends Request['kind']>(
    thread: WorkerThread,
    request: Extract<Request, { kind: K }>,
    control: ThreadControl,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<DoneOf<K> | undefined> {
    if (this.isUnavailable) return undefined
    try {
      return (await thread.run(request, control, transfer)) as DoneOf<K>
    } catch (error) {
      if (!(error instanceof ThreadUnavailable)) throw error
      // Jobs that were on their way meet it too; once is enough to say it.
      if (!this.isUnavailable) this.options.onUnavailable(error)
      this.isUnavailable = true
      return undefined
    }
  }

  /** The thread that keeps the files of a table open: two would take their memory twice. */
  private homeOf(table: string): WorkerThread {
    const { flushers } = this
    const home = this.homes.get(table) ?? flushers[this.homes.size % flushers.length]
    this.homes.set(table, home)
    return home
  }

  /** Removes what a job left that did not come to its end. */
  private async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) await this.options.fs.remove(path).catch(() => undefined)
  }
}

function sent({ file, schema }: TaskFile): SentFile {
  return { file, schema }
}

function leastLoaded(threads: readonly WorkerThread[]): WorkerThread {
  return threads.reduce((a, b) => (b.load < a.load ? b : a))
}

/** It lies beside this module, as source or as built. Undefined in a program that was made one file of another format. */
function ownEntry(): URL | undefined {
  const here = import.meta.url as string | undefined
  if (here === undefined || here === '') return undefined
  return new URL(here.endsWith('.ts') ? './meru-worker.ts' : './meru-worker.js', here)
}

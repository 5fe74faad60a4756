import { Worker } from 'node:worker_threads'
import { MeruError } from '@meru/core'
import type { Environment } from '@meru/fs'
import type { Memtable } from '@meru/memtable'
import { type Answer, type Notice, receiveError, type Request } from './job-message.ts'
import type { JobControl } from './task.ts'

type Done = Extract<Answer, { kind: 'flushed' | 'merged' | 'resolved' }>

/** How threads are started. */
export interface ThreadOptions {
  /** The module that a thread runs; undefined if its place is not known. */
  readonly entry: URL | undefined
  /** The directory that paths are relative to. */
  readonly root: string
  /** For the time that a thread may take to start. */
  readonly env: Pick<Environment, 'after'>
}

export interface ThreadControl extends JobControl {
  /** Told of each file that the worker makes. */
  readonly onFile?: ((path: string) => void) | undefined
  /** What the worker gets when it wants a part. */
  readonly parts?: AsyncIterable<Memtable> | undefined
}

interface Job {
  readonly request: Request
  readonly transfer: readonly ArrayBuffer[]
  readonly control: ThreadControl
  readonly resolve: (answer: Done) => void
  readonly reject: (error: Error) => void
  /** Tells the worker to give the job up. */
  readonly abort: () => void
  /** Begun when the worker wants the first part. */
  parts?: AsyncIterator<Memtable> | undefined
  /** Why the job was given up. */
  failure?: Error
}

/** A worker that has not said that it is there by then never will: its module is not ours. */
const START_MS_MAX = 30_000

/**
 * Work on columns makes few objects that live for long, and large arrays, which are no part of the heap: a young generation
 * of the usual size would only hold more of what is dead.
 */
const LIMITS = { maxYoungGenerationSizeMb: 4 }

/** No thread could be started: the job did not begin. */
export class ThreadUnavailable extends Error {
  override readonly name = 'ThreadUnavailable'
}

/**
 * One worker thread. Started with its first job, or before, and again if it died; keeps the process alive only while it
 * works. A job that its worker does not live to finish fails; those that wait go to the next worker.
 */
export class WorkerThread {
  private readonly options: ThreadOptions
  private worker: { readonly thread: Worker; isReady: boolean; cancel: () => void } | undefined
  private current: Job | undefined
  private readonly waiting: Job[] = []

  constructor(options: ThreadOptions) {
    this.options = options
  }

  /** Runs a job when those before it have ended. Rejects with `ThreadUnavailable` if there can be no worker. */
  run(request: Request, control: ThreadControl, transfer: readonly ArrayBuffer[] = []): Promise<Done> {
    return new Promise<Done>((resolve, reject) => {
      const abort = (): void => this.tell({ kind: 'abort' })
      this.waiting.push({ request, transfer, control, resolve, reject, abort })
      this.next()
    })
  }

  /** Starts a worker, if there is none yet: a job that comes soon finds it ready. What is in the way is told to the job. */
  prepare(): void {
    if (this.worker !== undefined) return
    try {
      this.worker = this.start()
      this.worker.thread.unref()
    } catch {
      this.worker = undefined
    }
  }

  /** Tells the worker something, if there is one. */
  tell(notice: Notice): void {
    this.worker?.thread.postMessage(notice)
  }

  /** Jobs that are not done. */
  get load(): number {
    return this.waiting.length + (this.current === undefined ? 0 : 1)
  }

  async close(): Promise<void> {
    const worker = this.worker
    this.worker = undefined
    worker?.cancel()
    await worker?.thread.terminate()
  }

  private next(): void {
    if (this.current !== undefined) return
    const job = this.waiting.shift()
    if (job === undefined) {
      this.worker?.thread.unref()
      return
    }
    const { signal } = job.control
    if (signal?.aborted === true) {
      job.reject(signal.reason as Error)
      this.next()
      return
    }
    this.current = job
    signal?.addEventListener('abort', job.abort, { once: true })
    try {
      this.worker ??= this.start()
    } catch (cause) {
      this.reject(new ThreadUnavailable('a worker thread cannot be started', { cause }))
      return
    }
    this.worker.thread.ref()
    try {
      this.worker.thread.postMessage(job.request, job.transfer)
    } catch (cause) {
      this.reject(new MeruError('IO', 'a job could not be sent to a worker thread', { cause }))
    }
  }

  private start(): NonNullable<WorkerThread['worker']> {
    const { entry, root, env } = this.options
    if (entry === undefined) throw new TypeError('the module of the worker threads has no address here')
    const thread = new Worker(entry, { name: 'meru', workerData: { root }, resourceLimits: LIMITS })
    const late = new Error(`${entry.href} did not answer within ${START_MS_MAX} ms: it is no worker of Meru`)
    const cancel = env.after(START_MS_MAX, () => {
      this.fail(thread, late)
      void thread.terminate()
    })
    thread.on('message', (answer: Answer) => this.receive(thread, answer))
    thread.on('messageerror', (error) => this.fail(thread, error))
    thread.on('error', (error) => this.fail(thread, error))
    thread.on('exit', (code) => this.fail(thread, new Error(`the worker thread ended with code ${code}`)))
    return { thread, isReady: false, cancel }
  }

  private receive(thread: Worker, answer: Answer): void {
    if (this.worker?.thread !== thread) return
    if (answer.kind === 'ready') {
      this.worker.cancel()
      this.worker.isReady = true
      return
    }
    const job = this.current
    if (job === undefined) return
    if (answer.kind === 'progress') {
      job.control.onProgress?.(answer.rows)
      return
    }
    if (answer.kind === 'file') {
      job.control.onFile?.(answer.path)
      return
    }
    if (answer.kind === 'wanted') {
      void this.sendPart(job)
      return
    }
    this.end(job)
    const reason: unknown = job.failure ?? job.control.signal?.reason
    if (answer.kind !== 'failed') job.resolve(answer)
    else if (answer.error.name === 'AbortError' && reason instanceof Error) job.reject(reason)
    else job.reject(receiveError(answer.error))
    this.next()
  }

  /** A source of parts that fails ends the job with its error. */
  private async sendPart(job: Job): Promise<void> {
    try {
      job.parts ??= job.control.parts?.[Symbol.asyncIterator]()
      const next = await job.parts?.next()
      const memtable = next === undefined || next.done === true ? undefined : next.value.shared()
      if (this.current === job) this.tell({ kind: 'part', memtable })
    } catch (error) {
      job.failure = error instanceof Error ? error : new Error(String(error))
      if (this.current === job) job.abort()
    }
  }

  private fail(thread: Worker, cause: unknown): void {
    // A worker tells of its end more than once, and another may be at work by then.
    if (this.worker?.thread !== thread) return
    const { isReady, cancel } = this.worker
    cancel()
    this.worker = undefined
    this.reject(
      isReady
        ? new MeruError('IO', 'a worker thread ended before its job was done', { cause })
        : new ThreadUnavailable('a worker thread did not start', { cause }),
    )
  }

  private reject(error: Error): void {
    const job = this.current
    if (job === undefined) return
    this.end(job)
    job.reject(error)
    this.next()
  }

  /** From here on an abort is for another job of the worker, or for none. */
  private end(job: Job): void {
    this.current = undefined
    job.control.signal?.removeEventListener('abort', job.abort)
  }
}

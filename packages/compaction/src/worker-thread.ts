import { Worker } from 'node:worker_threads'
import { MeruError } from '@meru/core'
import { type Answer, receiveError, type Request } from './job-message.ts'
import type { JobControl } from './job-runner.ts'

type Done = Extract<Answer, { kind: 'flushed' | 'merged' }>

interface Job {
  readonly request: Request
  readonly control: JobControl
  readonly resolve: (answer: Done) => void
  readonly reject: (error: Error) => void
  /** Tells the worker to give the job up. */
  readonly abort: () => void
}

/** One worker thread. Started with its first job, and again if it died; keeps the process alive only while it works. */
export class WorkerThread {
  private worker: Worker | undefined
  private current: Job | undefined
  private readonly waiting: Job[] = []

  /** Runs a job when those before it have ended. */
  run(request: Request, control: JobControl): Promise<Done> {
    return new Promise<Done>((resolve, reject) => {
      const abort = (): void => this.worker?.postMessage({ kind: 'abort' } satisfies Request)
      this.waiting.push({ request, control, resolve, reject, abort })
      this.next()
    })
  }

  /** Jobs that are not done. */
  get load(): number {
    return this.waiting.length + (this.current === undefined ? 0 : 1)
  }

  async close(): Promise<void> {
    const worker = this.worker
    this.worker = undefined
    await worker?.terminate()
  }

  private next(): void {
    if (this.current !== undefined) return
    const job = this.waiting.shift()
    if (job === undefined) {
      this.worker?.unref()
      return
    }
    const { signal } = job.control
    if (signal?.aborted === true) {
      job.reject(signal.reason as Error)
      this.next()
      return
    }
    this.current = job
    const worker = (this.worker ??= this.start())
    worker.ref()
    signal?.addEventListener('abort', job.abort, { once: true })
    worker.postMessage(job.request)
  }

  private start(): Worker {
    // The worker lies beside this module, as source or as built.
    const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'
    const worker = new Worker(new URL(file, import.meta.url), { name: 'meru' })
    worker.on('message', (answer: Answer) => this.receive(answer))
    worker.on('error', (error) => this.fail(worker, error))
    worker.on('exit', (code) => this.fail(worker, new Error(`the worker thread ended with code ${code}`)))
    return worker
  }

  private receive(answer: Answer): void {
    const job = this.current
    if (job === undefined) return
    if (answer.kind === 'progress') {
      job.control.onProgress?.(answer.rows)
      return
    }
    this.end(job)
    const reason: unknown = job.control.signal?.reason
    if (answer.kind !== 'failed') job.resolve(answer)
    else if (answer.error.name === 'AbortError' && reason instanceof Error) job.reject(reason)
    else job.reject(receiveError(answer.error))
    this.next()
  }

  private fail(worker: Worker, cause: unknown): void {
    // A worker tells of its end more than once, and another may be at work by then.
    if (this.worker !== worker) return
    this.worker = undefined
    const job = this.current
    if (job === undefined) return
    this.end(job)
    job.reject(new MeruError('IO', 'a worker thread ended before its job was done', { cause }))
    this.next()
  }

  /** From here on an abort is for another job of the worker, or for none. */
  private end(job: Job): void {
    this.current = undefined
    job.control.signal?.removeEventListener('abort', job.abort)
  }
}

import type { Environment } from '@meru/fs'
import type { RunCollector } from './ingest-runs.ts'

/** Rows one by one, or in arrays, which cost less. */
export type RowSource<Insert> =
  | Iterable<Insert | readonly Insert[]>
  | AsyncIterable<Insert | readonly Insert[]>

/** Looks up from the work after so many rows, and gives way if this many milliseconds have passed. */
const LOOK_ROWS = 256
const BREATHE_MS = 4

export interface ReadControl {
  readonly env: Environment
  readonly signal: AbortSignal
  readonly onProgress: (progress: { rows: number; bytes: number }) => void
}

/** Hands all rows of a source to a collector, and gives way to other work of the event loop meanwhile. */
export class SourceReader {
  readonly #collector: RunCollector
  readonly #control: ReadControl
  #last: number

  constructor(collector: RunCollector, control: ReadControl) {
    this.#collector = collector
    this.#control = control
    this.#last = control.env.elapsed()
  }

  async read(source: RowSource<unknown>): Promise<void> {
    if (isAsync(source)) {
      for await (const item of source) {
        const pause = this.#take(item)
        if (pause !== undefined) await pause
      }
    } else {
      for (const item of source) {
        const pause = this.#take(item)
        if (pause !== undefined) await pause
      }
    }
    this.#report()
  }

  /** Adds a row, or rows. What it returns must be awaited before the next. */
  #take(item: unknown): Promise<void> | undefined {
    if (Array.isArray(item)) return this.#takeRows(item)
    const collector = this.#collector
    if (!collector.add(item)) return this.#takeLater(item)
    return collector.rows % LOOK_ROWS === 0 ? this.#look() : undefined
  }

  async #takeRows(rows: readonly unknown[]): Promise<void> {
    const collector = this.#collector
    for (const row of rows) {
      if (!collector.add(row)) await this.#takeLater(row)
      const pause = collector.rows % LOOK_ROWS === 0 ? this.#look() : undefined
      if (pause !== undefined) await pause
    }
  }

  async #takeLater(row: unknown): Promise<void> {
    this.#report()
    await this.#collector.makeRoom()
    if (!this.#collector.add(row)) throw new Error('an empty memtable has no room for a row')
  }

  #look(): Promise<void> | undefined {
    const { signal, env } = this.#control
    signal.throwIfAborted()
    if (env.elapsed() - this.#last < BREATHE_MS) return undefined
    return this.#breathe()
  }

  async #breathe(): Promise<void> {
    this.#report()
    await this.#control.env.yield()
    this.#last = this.#control.env.elapsed()
  }

  #report(): void {
    const { rows, bytes } = this.#collector
    this.#control.signal.throwIfAborted()
    this.#control.onProgress({ rows, bytes })
  }
}

function isAsync(source: RowSource<unknown>): source is AsyncIterable<unknown> {
  return Symbol.asyncIterator in source
}

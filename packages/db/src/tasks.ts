/** Work that may take long and uses the files: it is called off, and ends, before the database closes. */
export class Tasks {
  readonly #closing: AbortController = new AbortController()
  readonly #running: Set<Promise<unknown>> = new Set()

  /** Runs `work` with a signal for the caller's reasons to stop and for that of closing. */
  async run<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signals = signal === undefined ? [this.#closing.signal] : [this.#closing.signal, signal]
    const either = AbortSignal.any(signals)
    either.throwIfAborted()
    const task = work(either)
    this.#running.add(task)
    try {
      return await task
    } finally {
      this.#running.delete(task)
    }
  }

  /** Calls off what runs, and waits for its end. Later work is refused with the same reason. */
  async stop(reason: Error): Promise<void> {
    this.#closing.abort(reason)
    await Promise.allSettled(this.#running)
  }
}

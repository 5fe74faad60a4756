import type { Environment } from '@meru/fs'

/** An environment as one process sees it: once that has ended, none of its timers comes due. */
export class ProcessEnvironment implements Environment {
  readonly #env: Environment
  readonly #cancels: Set<() => void> = new Set()
  #hasEnded = false

  constructor(env: Environment) {
    this.#env = env
  }

  now(): number {
    return this.#env.now()
  }

  elapsed(): number {
    return this.#env.elapsed()
  }

  uuid(): string {
    return this.#env.uuid()
  }

  random(bound: number): number {
    return this.#env.random(bound)
  }

  after(milliseconds: number, task: () => void): () => void {
    if (this.#hasEnded) return () => undefined
    const stop = this.#env.after(milliseconds, () => {
      this.#cancels.delete(cancel)
      task()
    })
    const cancel = (): void => {
      this.#cancels.delete(cancel)
      stop()
    }
    this.#cancels.add(cancel)
    return cancel
  }

  yield(): Promise<void> {
    return this.#env.yield()
  }

  /** The process is gone, with all that it still meant to do. */
  end(): void {
    this.#hasEnded = true
    for (const cancel of this.#cancels) cancel()
  }
}

import { Memtable, type SharedMemtable } from '@meru/memtable'

/** The memtables of a run as they come from another thread, one for each time that one is asked for. */
export class WantedParts {
  readonly #ask: () => void
  #resolve: ((part: SharedMemtable | undefined) => void) | undefined

  constructor(ask: () => void) {
    this.#ask = ask
  }

  /** The part that was asked for, or undefined: there is none any more. Does nothing if none is waited for. */
  take(part: SharedMemtable | undefined): void {
    this.#resolve?.(part)
    this.#resolve = undefined
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Memtable, void, undefined> {
    for (;;) {
      const part = await new Promise<SharedMemtable | undefined>((resolve) => {
        this.#resolve = resolve
        this.#ask()
      })
      if (part === undefined) return
      yield Memtable.attach(part)
    }
  }
}

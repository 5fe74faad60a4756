import type { Memtable } from '@meru/memtable'

/** Memtables on their way to the thread that writes them, in order. For one reader. */
export class PartQueue {
  readonly #parts: Memtable[] = []
  readonly #onWritten: () => void
  #hasEnded = false
  #wake: () => void = () => undefined

  /** `onWritten` is called for each part when the reader asks for the one behind it. */
  constructor(onWritten: () => void) {
    this.#onWritten = onWritten
  }

  /** Takes a sealed memtable. */
  push(part: Memtable): void {
    this.#parts.push(part)
    this.#wake()
  }

  /** No part comes any more. */
  end(): void {
    this.#hasEnded = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Memtable, void, undefined> {
    for (;;) {
      const part = this.#parts.shift()
      if (part !== undefined) {
        yield part
        this.#onWritten()
      } else if (this.#hasEnded) {
        return
      } else {
        await new Promise<void>((resolve) => void (this.#wake = resolve))
      }
    }
  }
}

import type { SeqNo } from '@meru/core'
import type { WritePath } from './write-path.ts'

/**
 * A buffered write. Awaiting it waits until the write is applied and visible, and gives a seqno at which
 * it is; `durable` waits until it survives a crash.
 */
export class WriteHandle implements PromiseLike<SeqNo> {
  readonly #applied: Promise<SeqNo>
  readonly #writes: WritePath

  constructor(applied: Promise<SeqNo>, writes: WritePath) {
    this.#applied = applied
    this.#writes = writes
  }

  // Being awaitable is what the handle is for.
  // oxlint-disable-next-line unicorn/no-thenable
  then<A = SeqNo, B = never>(
    onApplied?: ((seqno: SeqNo) => A | PromiseLike<A>) | null,
    onFailed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#applied.then(onApplied, onFailed)
  }

  /** Resolves when the write survives a crash. */
  get durable(): Promise<SeqNo> {
    return this.#applied.then(async (seqno) => {
      await this.#writes.makeDurable(seqno)
      return seqno
    })
  }
}

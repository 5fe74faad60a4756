import { MemoryFs } from '@meru/fs'
import { InterceptedFs } from '@meru/testkit'

/** Turns of the event loop in which a flush gets done, unless it has to wait for the compaction. */
export const TURNS = 30

/** Something that happens right before the n-th call of the file system from `arm` on. */
export class Intruder {
  readonly memory: MemoryFs = new MemoryFs()
  readonly fs: InterceptedFs
  #left = Number.POSITIVE_INFINITY
  #acting: Promise<unknown> = Promise.resolve()
  #act: () => Promise<unknown> = () => Promise.resolve()

  constructor() {
    this.fs = new InterceptedFs(this.memory, {
      around: async (_, run) => {
        if (--this.#left === 0) await (this.#acting = this.#act())
        return run()
      },
      aroundSync: (_, run) => run(),
    })
  }

  arm(call: number, act: () => Promise<unknown>): void {
    this.#left = call
    this.#act = act
  }

  /** Whether the call came; what it set off is done then. */
  async disarm(): Promise<boolean> {
    const came = this.#left <= 0
    this.#left = Number.POSITIVE_INFINITY
    await this.#acting
    return came
  }
}

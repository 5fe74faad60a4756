import type { FileSystem } from '@meru/fs'
import { hookedFs } from './hooked-fs.ts'

/** A program whose every call of the file system waits for its turn. */
interface Actor {
  readonly waiting: (() => void)[]
  ended: boolean
}

/**
 * Runs programs over one file system, call by call, in an order that a seed decides. Some run in bursts,
 * some sleep for long, and some are never woken again.
 */
export class Scheduler {
  readonly #actors: Actor[] = []
  readonly #errors: unknown[] = []
  readonly #random: (bound: number) => number

  constructor(random: (bound: number) => number) {
    this.#random = random
  }

  /** Adds a program; it starts at its first call of the file system. */
  add(fs: FileSystem, program: (fs: FileSystem) => Promise<void>): void {
    const actor: Actor = { waiting: [], ended: false }
    this.#actors.push(actor)
    const gated = hookedFs(fs, () => new Promise<void>((turn) => actor.waiting.push(turn)))
    void program(gated)
      .catch((error: unknown) => this.#errors.push(error))
      .finally(() => (actor.ended = true))
  }

  /** Gives turns until every program ended or sleeps for good; `look` is called between turns. */
  async run(look: () => Promise<void>): Promise<void> {
    const asleep = new Set<Actor>()
    await settled()
    for (;;) {
      const awake = this.#actors.filter((actor) => !actor.ended && !asleep.has(actor))
      if (awake.length === 0) break
      const actor = awake[this.#random(awake.length)]
      for (let burst = this.#random(4) === 0 ? this.#random(40) : this.#random(4); burst >= 0; burst--) {
        const turn = actor.waiting.shift()
        if (turn === undefined) break
        turn()
        await settled()
      }
      if (this.#random(60) === 0) asleep.add(actor)
      if (this.#errors.length > 0) throw this.#errors[0]
      await look()
    }
  }
}

/** Resolves when nothing but waiting for a turn is left to do. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

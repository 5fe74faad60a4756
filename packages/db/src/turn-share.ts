import type { Environment } from '@meru/fs'

/** Units that one turn of the event loop may hold: one is about a row of a scan. Some milliseconds at most. */
const UNITS_PER_TURN = 8192

/** What a lookup of one key costs in these units. */
export const LOOKUP_UNITS = 8

/** What a scan costs before its first row. */
export const SCAN_UNITS = 32

/**
 * How much reads may do before timers, input and output get a turn. A read that memory answers settles without a turn
 * of the event loop, so a loop of nothing but such reads would keep everything else waiting for ever.
 */
export class TurnShare {
  readonly #env: Environment
  #left = UNITS_PER_TURN

  constructor(env: Environment) {
    this.#env = env
  }

  spend(units: number): void {
    this.#left -= units
  }

  /** What the read has to wait for: a turn of the others, or nothing. */
  due(): Promise<void> | undefined {
    if (this.#left > 0) return undefined
    this.#left = UNITS_PER_TURN
    return this.#env.yield()
  }
}

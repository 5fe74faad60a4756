import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Environment } from './file-system.ts'

const RANDOM_BOUND_MAX = 2 ** 48
// A timer takes a 32-bit delay; a longer wait is made of several.
const DELAY_MAX = 2 ** 31 - 1

/** The clock, the randomness and the timers of the process. A waiting task keeps the process alive. */
export function nodeEnvironment(): Environment {
  return {
    now: () => Date.now(),
    elapsed: () => performance.now(),
    uuid: () => randomUUID(),
    random: (bound) => {
      if (!Number.isInteger(bound) || bound < 1 || bound > RANDOM_BOUND_MAX) {
        throw new TypeError(`random: bound must be an integer from 1 to 2^48, not ${bound}`)
      }
      return Math.floor(Math.random() * bound)
    },
    after,
    yield: () => new Promise((resolve) => setImmediate(resolve)),
  }
}

function after(milliseconds: number, task: () => void): () => void {
  let timer: NodeJS.Timeout
  const wait = (left: number): void => {
    timer = setTimeout(() => (left > DELAY_MAX ? wait(left - DELAY_MAX) : task()), Math.min(left, DELAY_MAX))
  }
  wait(milliseconds)
  return () => clearTimeout(timer)
}

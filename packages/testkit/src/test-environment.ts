import type { Environment } from '@meru/fs'
import { Random } from './random.ts'

interface Timer {
  readonly at: number
  readonly task: () => void
}

// A chain of promises may take many turns, and none of them should be overtaken by a timer.
const TURNS_BEFORE_TIMER = 100

/** An environment whose clock stands still until it is moved, and whose randomness has a seed. */
export class TestEnvironment implements Environment {
  readonly #random: Random
  readonly #start: number
  #elapsed = 0
  #timers: Timer[] = []
  /** Called when the next task is given a time. */
  #expectant: (() => void)[] = []

  constructor(options: { readonly seed: number; readonly now?: number } = { seed: 1 }) {
    this.#random = new Random(options.seed)
    this.#start = options.now ?? Date.UTC(2026, 0, 1)
  }

  now(): number {
    return this.#start + this.#elapsed
  }

  elapsed(): number {
    return this.#elapsed
  }

  uuid(): string {
    const digits = [0, 1, 2, 3].map(() => this.#random.uint32().toString(16).padStart(8, '0')).join('')
    const variant = '89ab'[Number.parseInt(digits[16], 16) & 3]
    const parts = [digits.slice(0, 8), digits.slice(8, 12), `4${digits.slice(13, 16)}`]
    return [...parts, variant + digits.slice(17, 20), digits.slice(20)].join('-')
  }

  random(bound: number): number {
    return this.#random.below(bound)
  }

  after(milliseconds: number, task: () => void): () => void {
    const timer: Timer = { at: this.#elapsed + milliseconds, task }
    const next = this.#timers.findIndex(({ at }) => at > timer.at)
    this.#timers.splice(next === -1 ? this.#timers.length : next, 0, timer)
    for (const tell of this.#expectant.splice(0)) tell()
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** One turn: there is no input or output that it could wait for. */
  async yield(): Promise<void> {
    await Promise.resolve()
  }

  /** How many tasks wait for their time. */
  get waiting(): number {
    return this.#timers.length
  }

  /** Moves the clock on, and runs the tasks that come due, each at its own time. */
  advance(milliseconds: number): void {
    const until = this.#elapsed + milliseconds
    while (this.#timers.length > 0 && this.#timers[0].at <= until) this.#runNext()
    this.#elapsed = until
  }

  /**
   * Waits for a promise, and moves the clock to the next task whenever nothing else goes on. Input and
   * output on a real disk count as nothing: use it with files in memory.
   */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settle = (): void => void (isSettled = true)
    const settled = promise.then(settle, settle)
    while (!isSettled) {
      for (let turn = 0; turn < TURNS_BEFORE_TIMER && !isSettled; turn++) await Promise.resolve()
      if (isSettled) break
      if (this.#timers.length > 0) this.#runNext()
      else await Promise.race([settled, new Promise<void>((resolve) => this.#expectant.push(resolve))])
    }
    return promise
  }

  #runNext(): void {
    const timer = this.#timers.shift()
    if (timer === undefined) return
    this.#elapsed = Math.max(this.#elapsed, timer.at)
    timer.task()
  }
}

/** One figure: `value` in `unit`; more is better unless `less` is set. */
export interface Figure {
  readonly operation: string
  readonly value: number
  readonly unit: string
  readonly less?: boolean
  /** Processor time of the whole process for one operation or row, in microseconds. */
  readonly cpuMicros?: number
}

export type Report = (figure: Figure) => void

const MILLISECONDS = 1000

/** Adds up the wall and processor time of pieces of work, and leaves out what lies between them. */
export class Meter {
  #wall = 0
  #cpu = 0
  #wallBegun = 0
  #cpuBegun = 0

  start(): void {
    this.#cpuBegun = cpuMicros()
    this.#wallBegun = performance.now()
  }

  stop(): void {
    this.#wall += performance.now() - this.#wallBegun
    this.#cpu += cpuMicros() - this.#cpuBegun
  }

  /** Stops, and gives what starts again: for work of the benchmark's own amid the measured one. */
  readonly pause = (): (() => void) => {
    this.stop()
    return () => this.start()
  }

  get milliseconds(): number {
    return this.#wall
  }

  /** `count` operations in the time so far, as operations per second. */
  rate(operation: string, count: number, unit = 'ops/s'): Figure {
    const value = count / (this.#wall / MILLISECONDS)
    return { operation, value, unit, cpuMicros: this.#cpu / count }
  }

  /** The time so far; `count` only divides the processor time. */
  duration(operation: string, count = 1): Figure {
    return { operation, value: this.#wall, unit: 'ms', less: true, cpuMicros: this.#cpu / count }
  }
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

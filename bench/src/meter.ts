import { KEEPS_SPANS, monotonicMicros, type Span } from './spans.ts'

/** One figure: `value` in `unit`; more is better unless `less` is set. */
export interface Figure {
  readonly operation: string
  readonly value: number
  readonly unit: string
  readonly less?: boolean
  /** Processor time of the whole process for one operation or row, in microseconds. */
  readonly cpuMicros?: number
  /** Operations or rows that were counted, and when; only where a profile is taken. */
  readonly profiled?: Profiled
}

export interface Profiled {
  readonly count: number
  readonly spans: readonly Span[]
}

export type Report = (figure: Figure) => void

const MILLISECONDS = 1000

/** Adds up the wall and processor time of pieces of work, and leaves out what lies between them. */
export class Meter {
  #wall = 0
  #cpu = 0
  #wallBegun = 0
  #cpuBegun = 0
  readonly #spans: Span[] = []

  start(): void {
    this.#cpuBegun = cpuMicros()
    this.#wallBegun = performance.now()
  }

  stop(): void {
    const now = performance.now()
    this.#wall += now - this.#wallBegun
    this.#cpu += cpuMicros() - this.#cpuBegun
    if (KEEPS_SPANS) this.#spans.push([monotonicMicros(this.#wallBegun), monotonicMicros(now)])
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
    return { operation, value, unit, cpuMicros: this.#cpu / count, ...this.#profiled(count) }
  }

  /** The time so far; `count` only divides the processor time. */
  duration(operation: string, count = 1): Figure {
    const cpuMicros = this.#cpu / count
    return { operation, value: this.#wall, unit: 'ms', less: true, cpuMicros, ...this.#profiled(count) }
  }

  #profiled(count: number): Pick<Figure, 'profiled'> {
    return KEEPS_SPANS ? { profiled: { count, spans: this.#spans } } : {}
  }
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

import type { Io } from './io.ts'
import { formatBytes, formatDuration, formatRate } from './quantity.ts'

const WIDTH = 24
const INTERVAL_MS = 100

export interface Step {
  readonly label: string
  /** The size of the work, in whatever unit `update` counts in; absent if nobody knows. */
  readonly total?: number
  /** What the rate counts; rows without it. */
  readonly unit?: 'rows' | 'bytes'
}

/** One line on a terminal that says how far a long command is; silent where stderr is no terminal. */
export class Progress {
  readonly #io: Io
  readonly #enabled: boolean
  #step: Step = { label: '' }
  #started = 0
  #drawn = 0
  #isShown = false

  constructor(io: Io, options: { enabled: boolean }) {
    this.#io = io
    this.#enabled = options.enabled && io.stderr.isTTY
  }

  begin(step: Step): void {
    this.#step = step
    this.#started = this.#io.now()
    this.#drawn = 0
  }

  /** `done` of the step's total; `count` so far, for the rate. */
  async update(done: number, count: number): Promise<void> {
    if (!this.#enabled) return
    const now = this.#io.now()
    if (now - this.#drawn < INTERVAL_MS) return
    this.#drawn = now
    this.#isShown = true
    const line = progressLine(this.#step, { done, count, milliseconds: now - this.#started })
    await this.#io.stderr.write(`\r\u001b[K${line.slice(0, this.#io.stderr.columns - 1)}`)
  }

  /** Takes the line away, so that a message can stand there. */
  async clear(): Promise<void> {
    if (!this.#isShown) return
    this.#isShown = false
    await this.#io.stderr.write('\r\u001b[K')
  }
}

/** `importing  ██████░░░░░░  52%  118,000 rows/s  3 s left`. */
export function progressLine(
  step: Step,
  at: { readonly done: number; readonly count: number; readonly milliseconds: number },
): string {
  const rate =
    step.unit === 'bytes'
      ? `${formatBytes(Math.round((at.count / Math.max(1, at.milliseconds)) * 1000))}/s`
      : `${formatRate(at.count, at.milliseconds)} rows/s`
  if (step.total === undefined || step.total === 0) return `${step.label}  ${rate}`
  const share = Math.min(1, at.done / step.total)
  const filled = Math.round(share * WIDTH)
  const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled)
  const percent = `${Math.floor(share * 100)}%`.padStart(4)
  const left = share === 0 ? '' : `  ${formatDuration((at.milliseconds / share) * (1 - share))} left`
  return `${step.label}  ${bar} ${percent}  ${rate}${left}`
}

import type { Engine } from './engine.ts'
import type { ExpectedTable } from './expected.ts'
import type { Report } from './meter.ts'

export interface Scale {
  /** Rows of the table that reads look at. */
  readonly rows: number
  /** A measured loop ends after this many milliseconds, or when it is through. */
  readonly budgetMs: number
}

export interface Subject {
  readonly engine: Engine
  readonly scale: Scale
  readonly expected: ExpectedTable
  readonly report: Report
}

export const BATCH_ROWS = 1000

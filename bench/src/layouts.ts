import { runScript } from './child.ts'
import { circumstances, type Circumstances } from './results.ts'

/** How files below level 0 are laid out; see the setting `layout.deeper`. */
export interface Layout {
  readonly pageRows: number
  readonly compression: 'none' | 'snappy' | 'zstd'
}

export interface LayoutsOptions {
  readonly rows: number
  readonly layouts: readonly Layout[]
  readonly rounds: number
  readonly gets: number
}

/** What the same table costs under one layout; medians of the rounds. */
export interface LayoutCost {
  readonly layout: Layout
  readonly bytesPerRow: number
  /** DuckDB's sum by user over the files, and over a table of its own with the same rows, in one run. */
  readonly duckOverFilesMs: number
  readonly duckOverOwnMs: number
  /** A get while nothing is in the page cache, and the operating system has the file. */
  readonly getMicros: number
  readonly scanMicrosPerRow: number
}

export interface LayoutsResults {
  readonly circumstances: Circumstances
  readonly options: LayoutsOptions
  readonly costs: readonly LayoutCost[]
}

export async function measureLayouts(options: LayoutsOptions): Promise<LayoutsResults> {
  const costs = (await runScript('run-layouts.ts', [JSON.stringify(options)])) as LayoutCost[]
  return { circumstances: circumstances(), options, costs }
}

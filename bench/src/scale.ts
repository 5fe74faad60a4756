import { runScript } from './child.ts'
import type { LoopDelay } from './event-loop.ts'
import type { Profiled } from './meter.ts'
import { circumstances, type Circumstances } from './results.ts'

export interface ScaleOptions {
  readonly rows: number
  /** How long random upserts go on. */
  readonly upsertMs: number
  /** Random upserts between two measured flushes. */
  readonly flushRows: number
  /** How long each repeat of a read goes on. */
  readonly readMs: number
  /** Of flushes, reads and openings; the median counts. */
  readonly repeats: number
}

/** What one operation, or one row of it, costs. */
export interface Cost {
  readonly name: string
  readonly count: number
  readonly wallMicros: number
  /** Of all threads. */
  readonly cpuMicros: number
  /** When it was measured; only where a profile is taken. */
  readonly profiled?: Profiled
}

export interface ScaleRun {
  readonly engine: string
  readonly version: string
  readonly rows: number
  readonly costs: readonly Cost[]
  readonly upserted: number
  /** Delay of the event loop in milliseconds: before, and while random upserts are made. */
  readonly loop: { readonly idle: LoopDelay; readonly ingest: LoopDelay }
  /** MiB of input a second. */
  readonly compactionRate?: number
  /** How much the memory of the process grew during it. */
  readonly compactionMebibytes?: number
  readonly bytesPerRow: number
  readonly peakMebibytes: number
}

export interface ScaleResults {
  readonly circumstances: Circumstances
  readonly options: Omit<ScaleOptions, 'rows'>
  readonly runs: readonly ScaleRun[]
  readonly skipped: readonly { readonly engine: string; readonly reason: string }[]
}

export interface ScaleRequest {
  readonly sizes: readonly number[]
  readonly engines: readonly string[]
  readonly options: Omit<ScaleOptions, 'rows'>
  readonly log: (line: string) => void
  /** Sees the results after each run: a run of hours keeps what it has. */
  readonly onRun: (results: ScaleResults) => void
}

/** The same work on tables of growing size, each engine in turn at every size. */
export async function measureScale({
  sizes,
  engines,
  options,
  log,
  onRun,
}: ScaleRequest): Promise<ScaleResults> {
  const runs: ScaleRun[] = []
  const skipped: { engine: string; reason: string }[] = []
  let results: ScaleResults = { circumstances: circumstances(), options, runs, skipped }
  for (const rows of sizes) {
    for (const engine of engines) {
      const begun = performance.now()
      const run = await runScript('run-scale.ts', [engine, JSON.stringify({ ...options, rows })])
      if (isSkipped(run)) {
        if (!skipped.some((one) => one.engine === engine)) skipped.push({ engine, reason: run.skipped })
        continue
      }
      runs.push(run as ScaleRun)
      results = { ...results, runs: [...runs], skipped: [...skipped] }
      onRun(results)
      log(`${rows} rows: ${engine} ${((performance.now() - begun) / 1000).toFixed(0)} s`)
    }
  }
  return results
}

function isSkipped(run: unknown): run is { skipped: string } {
  return typeof run === 'object' && run !== null && 'skipped' in run
}

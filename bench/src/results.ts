import { spawnSync } from 'node:child_process'
import { readFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { pinningFault } from './child.ts'
import type { Figure } from './meter.ts'

const RESULTS = new URL('../results/', import.meta.url)

/** Under what a run was made; every result file has one. */
export interface Circumstances {
  readonly date: string
  /** Of Meru itself, where the sources are a clone. */
  readonly commit?: string
  readonly node: string
  readonly cpu: string
  readonly cores: number
  readonly platform: string
  /** How threads were bound to cores, or why not. */
  readonly pinning: string
  /** Programs that wanted a core at the end, on average of a minute. */
  readonly load?: number
}

/** What one process reports of one engine. */
export type EngineRun =
  | { readonly engine: string; readonly version: string; readonly figures: readonly Figure[] }
  | { readonly engine: string; readonly skipped: string }

/** One line of the comparison: the same operation of one engine, once a round. */
export interface Series {
  readonly operation: string
  readonly unit: string
  readonly less?: boolean
  readonly values: readonly number[]
  readonly cpuMicros?: readonly number[]
}

export interface EngineResult {
  readonly name: string
  readonly version: string
  readonly series: readonly Series[]
}

export interface PeerResults {
  readonly circumstances: Circumstances
  readonly scale: { readonly rows: number; readonly budgetMs: number; readonly rounds: number }
  readonly engines: readonly EngineResult[]
  readonly skipped: readonly { readonly engine: string; readonly reason: string }[]
}

export function circumstances(): Circumstances {
  const fault = pinningFault()
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    ...commit(),
    load: loadavg()[0],
    node: process.version,
    cpu: cpus()[0].model,
    cores: cpus().length,
    platform: process.platform,
    pinning:
      fault === undefined ? 'one core for the calling thread, the next for all others' : `none: ${fault}`,
  }
}

function commit(): { commit?: string } {
  const { status, stdout } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' })
  return status === 0 ? { commit: stdout.trim() } : {}
}

/** The middle value; of an even number the lower middle one. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** The value that a share of the values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
}

export function seriesOf(engine: EngineResult | undefined, operation: string): Series | undefined {
  return engine?.series.find((series) => series.operation === operation)
}

export function readResults<T>(name: string): T | undefined {
  try {
    return JSON.parse(readFileSync(new URL(`${name}.json`, RESULTS), 'utf8')) as T
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Numbers keep five digits: more is noise, and the files stay small. */
export function writeResults(name: string, results: unknown): void {
  mkdirSync(RESULTS, { recursive: true })
  const text = JSON.stringify(
    results,
    (_, value: unknown) => (typeof value === 'number' ? round(value) : value),
    1,
  )
  const compact = text.replaceAll(
    /\[\s+([-\d.,\s]+?)\s+\]/g,
    (_, list: string) => `[${list.replaceAll(/\s+/g, ' ')}]`,
  )
  writeFileSync(new URL(`${name}.json`, RESULTS), `${compact}\n`)
}

function round(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(5))
}

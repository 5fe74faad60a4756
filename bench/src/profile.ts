import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { runScript } from './child.ts'
import { inDirectory } from './disk.ts'
import type { Figure, Profiled } from './meter.ts'
import { sharesOf, type CpuProfile, type Shares, type SourceOf } from './profile-shares.ts'
import { OWN } from './ratios.ts'
import { circumstances, type Circumstances } from './results.ts'
import type { ScaleOptions, ScaleRun } from './scale.ts'
import { sourceFiles } from './source-files.ts'
import type { Scale } from './subject.ts'

/** Where the time of one operation went. */
export interface ProfiledOperation {
  readonly operation: string
  /** Of the table, where the operation was measured on tables of several sizes. */
  readonly rows?: number
  readonly count: number
  readonly wallMicros: number
  /** Of the thread that calls, and of all that the engine has started. */
  readonly calling: Shares
  readonly others: Shares
}

export interface ProfileResults {
  readonly circumstances: Circumstances
  readonly intervalMicros: number
  readonly operations: readonly ProfiledOperation[]
}

export interface ProfileRequest {
  readonly scale: Scale
  readonly sizes: readonly number[]
  readonly options: Omit<ScaleOptions, 'rows'>
  readonly log: (line: string) => void
}

const INTERVAL_MICROS = 500

/** Runs the benchmarks of our own engine under V8's sampling profiler, which slows them down. */
export async function profile({ scale, sizes, options, log }: ProfileRequest): Promise<ProfileResults> {
  const sourceOf = sourceFiles()
  const operations: ProfiledOperation[] = []
  const run = async (script: string, own: object): Promise<{ result: unknown; profiles: ThreadProfiles }> =>
    inDirectory(async (directory) => {
      const args = [OWN, JSON.stringify(own)]
      const result = await runScript(script, args, { directory, intervalMicros: INTERVAL_MICROS })
      return { result, profiles: readProfiles(directory) }
    })
  const { result, profiles } = await run('run-engine.ts', scale)
  for (const { operation, profiled } of (result as { figures: readonly Figure[] }).figures) {
    if (profiled !== undefined) operations.push(operationOf(operation, profiled, profiles, sourceOf))
  }
  log('the engine is profiled')
  for (const rows of sizes) {
    const found = await run('run-scale.ts', { ...options, rows })
    for (const { name, profiled } of (found.result as ScaleRun).costs) {
      if (profiled === undefined) continue
      operations.push({ ...operationOf(name, profiled, found.profiles, sourceOf), rows })
    }
    log(`${rows} rows are profiled`)
  }
  return { circumstances: circumstances(), intervalMicros: INTERVAL_MICROS, operations }
}

interface ThreadProfiles {
  readonly calling: readonly CpuProfile[]
  readonly others: readonly CpuProfile[]
}

/** The files are named `CPU.<date>.<time>.<pid>.<thread>.<number>.cpuprofile`; the first thread is 0. */
function readProfiles(directory: string): ThreadProfiles {
  const calling: CpuProfile[] = []
  const others: CpuProfile[] = []
  for (const name of readdirSync(directory)) {
    const [, , , , thread] = name.split('.')
    const found = JSON.parse(readFileSync(path.join(directory, name), 'utf8')) as CpuProfile
    ;(thread === '0' ? calling : others).push(found)
  }
  return { calling, others }
}

function operationOf(
  operation: string,
  { count, spans }: Profiled,
  { calling, others }: ThreadProfiles,
  sourceOf: SourceOf,
): ProfiledOperation {
  return {
    operation,
    count,
    wallMicros: spans.reduce((sum, [from, to]) => sum + to - from, 0),
    calling: sharesOf(calling, spans, sourceOf),
    others: sharesOf(others, spans, sourceOf),
  }
}

import { runScript } from './child.ts'
import { MERUTABLE } from './engine-list.ts'
import { runMerutable } from './merutable.ts'
import { circumstances, type EngineResult, type EngineRun, type PeerResults, type Series } from './results.ts'
import type { Scale } from './subject.ts'

export interface PeerOptions {
  readonly scale: Scale
  readonly rounds: number
  readonly engines: readonly string[]
  readonly log: (line: string) => void
  /** Sees the results after each round: what was measured is not lost. */
  readonly onRound: (results: PeerResults) => void
}

const SECOND_MS = 1000

/** Runs the engines in turn, a process each, several rounds. */
export async function comparePeers({
  scale,
  rounds,
  engines,
  log,
  onRound,
}: PeerOptions): Promise<PeerResults> {
  const runs = new Map<string, Extract<EngineRun, { figures: unknown }>[]>()
  const skipped: { engine: string; reason: string }[] = []
  const soFar = (done: number): PeerResults => ({
    circumstances: circumstances(),
    scale: { ...scale, rounds: done },
    engines: [...runs].map(([name, own]) => engineResult(name, own)),
    skipped,
  })
  for (let round = 1; round <= rounds; round++) {
    for (const engine of engines) {
      if (skipped.some((one) => one.engine === engine)) continue
      const begun = performance.now()
      const run = await runOnce(engine, scale)
      const seconds = ((performance.now() - begun) / SECOND_MS).toFixed(1)
      if ('skipped' in run) {
        skipped.push({ engine, reason: run.skipped })
        log(`${engine} is skipped: ${run.skipped}`)
        continue
      }
      runs.set(engine, [...(runs.get(engine) ?? []), run])
      log(`round ${round} of ${rounds}: ${engine} ${seconds} s`)
    }
    onRound(soFar(round))
  }
  return soFar(rounds)
}

async function runOnce(engine: string, scale: Scale): Promise<EngineRun> {
  if (engine === MERUTABLE) return runMerutable(scale)
  return (await runScript('run-engine.ts', [engine, JSON.stringify(scale)])) as EngineRun
}

function engineResult(name: string, runs: readonly Extract<EngineRun, { figures: unknown }>[]): EngineResult {
  const [first] = runs
  const series = first.figures.map(({ operation, unit, less }): Series => {
    const figures = runs.flatMap((run) => run.figures.filter((figure) => figure.operation === operation))
    const cpuMicros = figures.flatMap((figure) => figure.cpuMicros ?? [])
    return {
      operation,
      unit,
      ...(less === true ? { less } : {}),
      values: figures.map((figure) => figure.value),
      ...(cpuMicros.length > 0 ? { cpuMicros } : {}),
    }
  })
  return { name, version: first.version, series }
}

import { runScript } from './child.ts'
import { circumstances, median, type Circumstances } from './results.ts'

export interface SoakOptions {
  readonly minutes: number
  /** Keys that are written over and over. */
  readonly rows: number
  /** Every so many puts one is durable. */
  readonly durableEvery: number
  readonly sampleMs: number
}

export interface SoakSample {
  readonly seconds: number
  readonly putsPerSecond: number
  readonly putP99Ms: number
  readonly putMaxMs: number
  readonly rssMebibytes: number
  readonly files: number
  readonly diskMebibytes: number
}

export interface SoakResults {
  readonly circumstances: Circumstances
  readonly options: SoakOptions
  readonly samples: readonly SoakSample[]
}

export type SoakMeasure = Exclude<keyof SoakSample, 'seconds'>

export async function soak(options: SoakOptions): Promise<SoakResults> {
  const samples = (await runScript('run-soak.ts', [JSON.stringify(options)])) as SoakSample[]
  return { circumstances: circumstances(), options, samples }
}

/** The last third beside the second one: 1 if nothing grew. The first third fills the table. */
export function growth(samples: readonly SoakSample[], measure: SoakMeasure): number {
  const third = Math.floor(samples.length / 3)
  if (third === 0) return Number.NaN
  const of = (from: number, to: number): number =>
    median(samples.slice(from, to).map((sample) => sample[measure]))
  return of(samples.length - third, samples.length) / of(third, samples.length - third)
}

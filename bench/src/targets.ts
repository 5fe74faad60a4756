import { readFileSync } from 'node:fs'

/** Two bars: of the release, and of what the machine allows. */
export interface Bar {
  readonly must: number
  readonly reach: number
}

export interface PeerTarget extends Bar {
  readonly operation: string
  /** The operation of the peers, if it has another name. */
  readonly against?: string
  /** The one peer that counts, if not the best of all. */
  readonly peer?: string
}

export interface Targets {
  readonly peers: readonly PeerTarget[]
  /** Of every operation that both have. */
  readonly merutable: Bar
  readonly scale: {
    readonly flat: Bar
    readonly upsertsOfRocksdb: Bar
    readonly loopP99Ms: Bar
    readonly loopMaxMs: Bar
    readonly openMs: readonly (Bar & { readonly rows: number })[]
  }
  readonly publish: Bar
  readonly soak: Bar
}

export function readTargets(): Targets {
  return JSON.parse(readFileSync(new URL('../targets.json', import.meta.url), 'utf8')) as Targets
}

export type Verdict = 'reached' | 'must' | 'MISSED'

/** What a figure is worth. `less` says that smaller is better. */
export function verdictOf(value: number, { must, reach }: Bar, less = false): Verdict {
  const holds = (bar: number): boolean => (less ? value <= bar : value >= bar)
  if (holds(reach)) return 'reached'
  return holds(must) ? 'must' : 'MISSED'
}

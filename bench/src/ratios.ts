import { MERUTABLE } from './engine-list.ts'
import { median, seriesOf, type EngineResult, type PeerResults } from './results.ts'
import type { PeerTarget } from './targets.ts'

export const OWN = 'meru'

export interface Ratio {
  readonly operation: string
  /** Own value ÷ the peer's: above 1 is faster, or larger where less is better. */
  readonly ratio: number
  readonly less: boolean
  /** The peer that it was compared with. */
  readonly peer: string
}

export function engineOf(results: PeerResults, name: string): EngineResult | undefined {
  return results.engines.find((engine) => engine.name === name)
}

/** The median of an operation, or nothing where the engine does not have it. */
export function valueOf(engine: EngineResult | undefined, operation: string): number | undefined {
  const series = seriesOf(engine, operation)
  return series === undefined ? undefined : median(series.values)
}

/** Own value beside the best peer's; merutable, being the model and not an alternative in Node, is left out. */
export function ratioToBest(
  results: PeerResults,
  target: Pick<PeerTarget, 'operation' | 'against' | 'peer'>,
): Ratio | undefined {
  const { operation, against = operation, peer } = target
  const own = engineOf(results, OWN)
  const value = valueOf(own, operation)
  if (value === undefined) return undefined
  const less = seriesOf(own, operation)?.less ?? false
  const peers = results.engines
    .filter(({ name }) => (peer === undefined ? name !== OWN && name !== MERUTABLE : name === peer))
    .flatMap((engine) => {
      const found = valueOf(engine, against)
      return found === undefined ? [] : [{ name: engine.name, value: found }]
    })
    .toSorted((a, b) => (less ? a.value - b.value : b.value - a.value))
  return peers.length === 0
    ? undefined
    : { operation, ratio: value / peers[0].value, less, peer: peers[0].name }
}

/** Every operation that both have, beside one engine. */
export function ratiosTo(results: PeerResults, peer: string): Ratio[] {
  const own = engineOf(results, OWN)
  return (own?.series ?? []).flatMap(({ operation }) => ratioToBest(results, { operation, peer }) ?? [])
}

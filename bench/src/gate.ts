import { OWN, ratioToBest } from './ratios.ts'
import type { PeerResults } from './results.ts'

export interface Regression {
  readonly operation: string
  readonly before: number
  readonly after: number
}

/**
 * Operations whose ratio to the best other engine got worse by more than `tolerance` (0.2 lets a fifth go).
 * Ratios of one run are compared with ratios of one run; absolute figures of different runs never.
 */
export function regressions(before: PeerResults, after: PeerResults, tolerance: number): Regression[] {
  const own = after.engines.find((engine) => engine.name === OWN)
  if (own === undefined) throw new Error(`the second results hold nothing of ${OWN}`)
  const found: Regression[] = []
  for (const { operation } of own.series) {
    const peers = commonPeers(before, after, operation)
    const [earlier, later] = [before, after].map((results) =>
      ratioToBest(only(results, peers), { operation }),
    )
    if (earlier === undefined || later === undefined) continue
    const worse = later.less ? later.ratio / earlier.ratio : earlier.ratio / later.ratio
    if (worse > 1 + tolerance) found.push({ operation, before: earlier.ratio, after: later.ratio })
  }
  return found
}

/** An engine that only one run has would change which one is the best. */
function commonPeers(before: PeerResults, after: PeerResults, operation: string): ReadonlySet<string> {
  const [first, second] = [before, after].map(
    ({ engines }) =>
      new Set(
        engines
          .filter(({ series }) => series.some((one) => one.operation === operation))
          .map(({ name }) => name),
      ),
  )
  return new Set([...first].filter((name) => second.has(name)))
}

function only(results: PeerResults, names: ReadonlySet<string>): PeerResults {
  return { ...results, engines: results.engines.filter(({ name }) => names.has(name)) }
}

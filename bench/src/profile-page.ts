import { MERUTABLE } from './engine-list.ts'
import { number, table } from './markdown.ts'
import { circumstancesText } from './peer-page.ts'
import type { Shares } from './profile-shares.ts'
import type { ProfiledOperation, ProfileResults } from './profile.ts'
import { engineOf, ratiosTo, ratioToBest, valueOf } from './ratios.ts'
import { readResults, type PeerResults } from './results.ts'
import type { ScaleResults } from './scale.ts'
import { missedCosts } from './scale-page.ts'
import { verdictOf, type Targets } from './targets.ts'

const MICROSECONDS = 1_000_000
const MILLISECOND = 1000
const MILLION = 1_000_000
/** Parts below this share of a thread's work are not named; nor are more parts than this. */
const SHARE_LEAST = 0.04
const PARTS_MAX = 7

/** The section on where the time of what missed its target goes. */
export function profilePage(results: ProfileResults, targets: Targets): string {
  const peers = readResults<PeerResults>('engines')
  const scale = readResults<ScaleResults>('scale')
  const allowed = peers === undefined ? new Map<string, number>() : allowedMicros(peers, targets)
  const model = peers === undefined ? new Map<string, number>() : merutableMicros(peers, targets)
  const growing = scale === undefined ? [] : missedCosts(scale, targets)
  const { operations, intervalMicros, circumstances } = results
  const side = operations.filter(({ rows }) => rows === undefined)
  const sizes = growing.flatMap((name) =>
    operations.filter((one) => one.rows !== undefined && one.operation === name),
  )
  return [
    `## Profiles`,
    `\`bench profile\`: V8's profiler looks at every thread of the process each ${intervalMicros} µs, which slows it down. For one operation or row: the time; how long a thread was busy with it; and with what, in parts of that. What our own code does, and what it calls, stands under the package and file. The rest of the time is waiting for the disk, for another thread or for its core, and the caller's own loop. Native threads of Node, which sync and read files, are not seen.`,
    circumstancesText(circumstances),
    `### Beside other engines`,
    `Operations that missed a target. "Allowed" is the time that the target leaves for one: what the best other engine needs, by the ratio.`,
    table(
      ['operation', 'thread', 'allowed, µs', 'time, µs', 'busy, µs', 'with'],
      side.flatMap((one) => (allowed.has(one.operation) ? linesOf(one, one.operation, allowed) : [])),
      2,
    ),
    `What merutable is faster at, with the time that it needs:`,
    table(
      ['operation', 'thread', 'merutable, µs', 'time, µs', 'busy, µs', 'with'],
      side.flatMap((one) => (model.has(one.operation) ? linesOf(one, one.operation, model) : [])),
      2,
    ),
    `### As tables grow`,
    `Costs that grew by more than ${targets.scale.flat.must} times.`,
    table(
      ['operation', 'thread', 'time, µs', 'busy, µs', 'with'],
      sizes.flatMap((one) => linesOf(one, `${one.operation}, ${(one.rows ?? 0) / MILLION} M`)),
      2,
    ),
  ].join('\n\n')
}

/** The microseconds that the target of each missed operation leaves for one operation or row. */
function allowedMicros(peers: PeerResults, targets: Targets): Map<string, number> {
  const found = new Map<string, number>()
  for (const target of targets.peers) {
    const ratio = ratioToBest(peers, target)
    if (ratio === undefined || ratio.less || verdictOf(ratio.ratio, target) !== 'MISSED') continue
    const best = valueOf(engineOf(peers, ratio.peer), target.against ?? target.operation)
    if (best !== undefined) found.set(target.operation, MICROSECONDS / (best * target.must))
  }
  return found
}

/** The microseconds that merutable needs for one of what it is faster at. */
function merutableMicros(peers: PeerResults, targets: Targets): Map<string, number> {
  const found = new Map<string, number>()
  const engine = engineOf(peers, MERUTABLE)
  for (const { operation, ratio, less } of ratiosTo(peers, MERUTABLE)) {
    const value = valueOf(engine, operation)
    if (value === undefined || verdictOf(less ? 1 / ratio : ratio, targets.merutable) !== 'MISSED') continue
    found.set(operation, less ? value * MILLISECOND : MICROSECONDS / value)
  }
  return found
}

function linesOf(one: ProfiledOperation, name: string, other?: ReadonlyMap<string, number>): string[][] {
  const { count, wallMicros, calling, others } = one
  const cells = (shares: Shares): string[] => [number(shares.busyMicros / count), partsOf(shares)]
  const before = (first: string, thread: string, isFirst: boolean): string[] => [
    first,
    thread,
    ...(other === undefined ? [] : [isFirst ? number(other.get(one.operation)) : '']),
    isFirst ? number(wallMicros / count) : '',
  ]
  return [
    [...before(name, 'calling', true), ...cells(calling)],
    ...(others.busyMicros > 0 ? [[...before('', 'others', false), ...cells(others)]] : []),
  ]
}

function partsOf({ busyMicros, by }: Shares): string {
  return by
    .filter(({ micros }) => micros >= SHARE_LEAST * busyMicros)
    .slice(0, PARTS_MAX)
    .map(({ what, micros }) => `${what} ${Math.round((micros / busyMicros) * 100)} %`)
    .join(', ')
}

import { MERUTABLE } from './engine-list.ts'
import { number, table } from './markdown.ts'
import { engineOf, OWN, ratiosTo, ratioToBest, valueOf, type Ratio } from './ratios.ts'
import { median, seriesOf, type Circumstances, type EngineResult, type PeerResults } from './results.ts'
import { verdictOf, type Targets } from './targets.ts'

/** The section on the other engines. */
export function peerPage(results: PeerResults, targets: Targets): string {
  const { scale, engines, skipped } = results
  const versions = engines.map((engine) => `${engine.name} ${engine.version}`).join(', ')
  const left = skipped.map(({ engine, reason }) => `${engine} was skipped: ${reason}.`)
  return [
    `## Other engines`,
    `\`bench\`: a process for each engine, engines in turn, ${scale.rounds} rounds in one run, medians. ${scale.rows.toLocaleString('en-US')} rows; a measured loop ends after ${scale.budgetMs} ms or when it is through.`,
    circumstancesText(results.circumstances),
    `${versions}. ${left.join(' ')}`.trim(),
    figures(results),
    `Ratios are Meru ÷ the best other engine; merutable is compared below. The spread is (largest − smallest) ÷ median of Meru's rounds.`,
    `### Targets`,
    targetTable(results, targets),
    `### Processor time`,
    `Microseconds of all threads for one operation or row; milliseconds of work that is not counted in rows. The ratio is the least of the other engines ÷ Meru: above 1 Meru needs less.`,
    processorTimes(results),
    `### Beside merutable`,
    merutable(results, targets),
  ].join('\n\n')
}

export function circumstancesText(found: Circumstances): string {
  const { date, commit, node, cpu, cores, platform, pinning, load } = found
  const at = commit === undefined ? '' : ` at ${commit}`
  const busy = load === undefined ? '' : `; load average ${load.toFixed(1)}`
  return `${date} UTC${at}; ${cpu}, ${cores} cores, ${platform}, Node ${node}; threads bound to cores: ${pinning}${busy}.`
}

function operationsOf(results: PeerResults): { operation: string; unit: string }[] {
  const found = new Map<string, { operation: string; unit: string }>()
  for (const { series } of results.engines) {
    for (const { operation, unit } of series) found.set(operation, { operation, unit })
  }
  const own = engineOf(results, OWN)?.series.map(({ operation }) => operation) ?? []
  const place = (operation: string): number => (own.includes(operation) ? own.indexOf(operation) : own.length)
  return [...found.values()].toSorted((a, b) => place(a.operation) - place(b.operation))
}

/** One line an operation: medians, the ratio to the best other engine, the spread of the own values. */
export function figures(results: PeerResults): string {
  const names = results.engines.map(({ name }) => name)
  const lines = operationsOf(results).map(({ operation, unit }) => [
    operation,
    unit,
    ...results.engines.map((engine) => number(valueOf(engine, operation))),
    ratioText(ratioToBest(results, { operation })),
    spreadOf(results, operation),
  ])
  return table(['operation', 'unit', ...names, 'ratio', 'spread'], lines, 2)
}

function ratioText(ratio: Ratio | undefined): string {
  if (ratio === undefined) return '–'
  return ratio.less ? `${ratio.ratio.toFixed(2)} (less is better)` : ratio.ratio.toFixed(2)
}

function spreadOf(results: PeerResults, operation: string): string {
  const values = seriesOf(engineOf(results, OWN), operation)?.values
  if (values === undefined) return '–'
  return `${Math.round(((Math.max(...values) - Math.min(...values)) / median(values)) * 100)} %`
}

function targetTable(results: PeerResults, targets: Targets): string {
  const lines = targets.peers.map((target) => {
    const ratio = ratioToBest(results, target)
    const sign = ratio?.less === true ? '≤' : '≥'
    const against = target.against === undefined ? '' : `: ${target.against}`
    return [
      target.operation,
      ratio === undefined ? '–' : `${ratio.peer}${against}`,
      ratio === undefined ? '–' : ratio.ratio.toFixed(2),
      `${sign} ${target.must}`,
      `${sign} ${target.reach}`,
      ratio === undefined ? 'not measured' : verdictOf(ratio.ratio, target, ratio.less),
    ]
  })
  return table(['operation', 'compared with', 'ratio', 'must', 'reach', 'verdict'], lines, 2)
}

const MILLISECONDS = 1000

function processorTimes(results: PeerResults): string {
  const lines = operationsOf(results).flatMap(({ operation, unit }) => {
    const cells = results.engines.map((engine) => {
      const micros = seriesOf(engine, operation)?.cpuMicros
      if (micros === undefined) return undefined
      return unit === 'ms' || unit === 'MiB/s' ? median(micros) / MILLISECONDS : median(micros)
    })
    if (cells.every((cell) => cell === undefined)) return []
    const each = unit === 'ms' ? 'ms' : unit === 'MiB/s' ? 'ms a MiB' : 'µs'
    return [[operation, each, ...cells.map(number), processorRatio(results, operation)]]
  })
  return table(['operation', 'unit', ...results.engines.map(({ name }) => name), 'ratio'], lines, 2)
}

/** What the most frugal other engine needs beside what Meru needs. */
function processorRatio(results: PeerResults, operation: string): string {
  const microsOf = (engine: EngineResult | undefined): number | undefined => {
    const micros = seriesOf(engine, operation)?.cpuMicros
    return micros === undefined ? undefined : median(micros)
  }
  const own = microsOf(engineOf(results, OWN))
  const others = results.engines.filter(({ name }) => name !== OWN && name !== MERUTABLE)
  const best = Math.min(...others.flatMap((engine) => microsOf(engine) ?? []))
  return own === undefined || best === Infinity ? '–' : (best / own).toFixed(2)
}

function merutable(results: PeerResults, targets: Targets): string {
  const ratios = ratiosTo(results, MERUTABLE)
  if (ratios.length === 0) return 'Not measured in this run.'
  const lines = ratios.map(({ operation, ratio, less }) => {
    const times = less ? 1 / ratio : ratio
    return [operation, times.toFixed(2), verdictOf(times, targets.merutable)]
  })
  const text = `How many times better Meru is. The bar for every operation is ${targets.merutable.must}.`
  return `${text}\n\n${table(['operation', 'times', 'verdict'], lines)}`
}

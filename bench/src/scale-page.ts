import { number, table } from './markdown.ts'
import { circumstancesText } from './peer-page.ts'
import { OWN } from './ratios.ts'
import type { Cost, ScaleResults, ScaleRun } from './scale.ts'
import { verdictOf, type Targets } from './targets.ts'

const MILLION = 1_000_000
const MILLISECONDS = 1000

/** The section on tables of growing size. */
export function scalePage(results: ScaleResults, targets: Targets): string {
  const { options, runs, skipped } = results
  const own = runs.filter((run) => run.engine === OWN)
  const versions = [...new Set(runs.map((run) => `${run.engine} ${run.version}`))].join(', ')
  const left = skipped.map(({ engine, reason }) => `${engine} was skipped: ${reason}.`)
  return [
    `## Growing tables`,
    `\`bench scale\`: the same work on tables of ${sizes(own)} rows. Random upserts for ${options.upsertMs / MILLISECONDS} s and until no work is left; flushes of ${options.flushRows.toLocaleString('en-US')} random upserts; reads for ${options.readMs} ms. Flushes, reads and opening are medians of ${options.repeats}; making rows is not counted. The page cache holds 16 MiB.`,
    circumstancesText(results.circumstances),
    `${versions}. ${left.join(' ')}`.trim(),
    costTable(own, targets),
    `A cost is the time of one row, of one get or range, or of one opening; growth is the cost at the largest size over that at the smallest.`,
    ingestTable(results, targets),
    sizeTable(own, targets),
  ].join('\n\n')
}

function sizes(runs: readonly ScaleRun[]): string {
  return runs.map((run) => `${run.rows / MILLION} M`).join(', ')
}

function costOf(run: ScaleRun, name: string): Cost | undefined {
  return run.costs.find((cost) => cost.name === name)
}

function costTable(runs: readonly ScaleRun[], targets: Targets): string {
  const names = [...new Set(runs.flatMap((run) => run.costs.map((cost) => cost.name)))]
  const lines = names.map((name) => {
    const costs = runs.map((run) => costOf(run, name))
    const growth = growthOf(costs, 'wallMicros')
    return [
      name,
      ...costs.map((cost) =>
        cost === undefined ? '–' : `${number(cost.wallMicros)} (${number(cost.cpuMicros)})`,
      ),
      growth === undefined ? '–' : growth.toFixed(2),
      growthOf(costs, 'cpuMicros')?.toFixed(2) ?? '–',
      growth === undefined ? '–' : verdictOf(growth, targets.scale.flat, true),
    ]
  })
  const head = runs.map((run) => `${run.rows / MILLION} M: µs (processor)`)
  return table(['operation', ...head, 'growth', 'of processor', `≤ ${targets.scale.flat.must}`], lines)
}

/** Names of costs that grow by more than they may. */
export function missedCosts({ runs }: ScaleResults, targets: Targets): string[] {
  const own = runs.filter((run) => run.engine === OWN)
  const names = [...new Set(own.flatMap((run) => run.costs.map((cost) => cost.name)))]
  return names.filter((name) => {
    const growth = growthOf(
      own.map((run) => costOf(run, name)),
      'wallMicros',
    )
    return growth !== undefined && verdictOf(growth, targets.scale.flat, true) === 'MISSED'
  })
}

/** The cost at the largest size over that at the smallest. */
function growthOf(costs: readonly (Cost | undefined)[], of: 'wallMicros' | 'cpuMicros'): number | undefined {
  const first = costs[0]
  const last = costs.at(-1)
  return costs.length < 2 || first === undefined || last === undefined ? undefined : last[of] / first[of]
}

const UPSERTS = 'sustained random upserts'

function ingestTable({ runs }: ScaleResults, targets: Targets): string {
  const bar = targets.scale
  const lines = runs.map((run) => {
    const cost = costOf(run, UPSERTS)
    const own = runs.find((one) => one.engine === OWN && one.rows === run.rows)
    const ownCost = own === undefined ? undefined : costOf(own, UPSERTS)
    const ratio = run.engine === OWN || !cost || !ownCost ? undefined : cost.wallMicros / ownCost.wallMicros
    const { idle, ingest } = run.loop
    const isOwn = run.engine === OWN
    return [
      run.engine,
      `${run.rows / MILLION} M`,
      cost === undefined ? '–' : number(MILLION / cost.wallMicros),
      ratio === undefined ? '–' : `${ratio.toFixed(2)} ${verdictOf(ratio, bar.upsertsOfRocksdb)}`,
      `${number(idle.p99)} / ${number(idle.max)}`,
      `${number(ingest.p99)} / ${number(ingest.max)}`,
      isOwn
        ? `${verdictOf(ingest.p99, bar.loopP99Ms, true)} / ${verdictOf(ingest.max, bar.loopMaxMs, true)}`
        : '–',
    ]
  })
  const verdicts = `≤ ${bar.loopP99Ms.must} / ${bar.loopMaxMs.must} ms`
  const head = [
    'engine',
    'rows',
    'upserts/s',
    'meru ÷ engine',
    'idle p99 / max, ms',
    'ingest p99 / max, ms',
    verdicts,
  ]
  return `Upserts, and the delay of the event loop before and while they are made:\n\n${table(head, lines, 2)}`
}

function sizeTable(runs: readonly ScaleRun[], targets: Targets): string {
  const lines = runs.map((run) => {
    const open = costOf(run, 'open, warm')
    const milliseconds = open === undefined ? Number.NaN : open.wallMicros / MILLISECONDS
    const bar = targets.scale.openMs.find(({ rows }) => rows === run.rows)
    return [
      `${run.rows / MILLION} M`,
      number(run.compactionRate),
      number(run.compactionMebibytes),
      number(run.bytesPerRow),
      number(run.peakMebibytes),
      number(milliseconds),
      bar === undefined ? '–' : `≤ ${bar.must}: ${verdictOf(milliseconds, bar, true)}`,
    ]
  })
  const head = [
    'rows',
    'compaction, MiB/s',
    'its memory, MiB',
    'bytes per row',
    'peak memory, MiB',
    'open, ms',
    'bar',
  ]
  return table(head, lines)
}

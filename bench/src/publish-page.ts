import { number, table } from './markdown.ts'
import { circumstancesText } from './peer-page.ts'
import type { PublishResults } from './publish.ts'
import { verdictOf, type Targets } from './targets.ts'

/** The section on incremental Iceberg publication. */
export function publishPage(
  { circumstances, options, publications }: PublishResults,
  targets: Targets,
): string {
  const lines = publications.map((one) => [
    one.rows.toLocaleString('en-US'),
    String(one.dataFiles),
    one.upserts.toLocaleString('en-US'),
    number(one.milliseconds),
    number(one.cpuMilliseconds),
    number(one.metadataBytes / 1024),
  ])
  const worst = spread(publications.map((one) => one.milliseconds))
  const worstCpu = spread(publications.map((one) => one.cpuMilliseconds))
  return [
    `## Incremental publication`,
    `\`bench publish\`: \`exportIceberg()\` after ${options.upserts.toLocaleString('en-US')} random upserts that are flushed already; median of ${options.rounds}, after one such table that does not count. Small files stand for large tables, for the metadata sees files and not rows. Tables of up to ${options.checkedRowsMax.toLocaleString('en-US')} rows are read back by DuckDB through the published metadata.`,
    circumstancesText(circumstances),
    table(['rows', 'data files', 'upserts', 'ms', 'processor, ms', 'written, KiB'], lines, 0),
    `The dearest costs ${worst.toFixed(2)} times the cheapest, ${worstCpu.toFixed(2)} times in processor time; bar ${targets.publish.must}: ${verdictOf(worst, targets.publish, true)}.`,
  ].join('\n\n')
}

function spread(values: readonly number[]): number {
  return Math.max(...values) / Math.min(...values)
}

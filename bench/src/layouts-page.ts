import type { LayoutsResults } from './layouts.ts'
import { number, table } from './markdown.ts'
import { circumstancesText } from './peer-page.ts'

/** The section on what the sizes of pages and their compression cost. */
export function layoutsPage({ circumstances, options, costs }: LayoutsResults): string {
  const lines = costs.map(({ layout, ...cost }) => [
    `${layout.pageRows.toLocaleString('en-US')} rows, ${layout.compression}`,
    number(cost.bytesPerRow),
    number(cost.duckOverFilesMs),
    number(cost.duckOverOwnMs),
    (cost.duckOverOwnMs / cost.duckOverFilesMs).toFixed(2),
    number(cost.getMicros),
    number(cost.scanMicrosPerRow),
  ])
  const head = [
    'pages',
    'bytes per row',
    'DuckDB, files, ms',
    'DuckDB, own table, ms',
    'own ÷ files',
    'get, nothing cached, µs',
    'scan to batches, µs a row',
  ]
  return [
    `## Pages`,
    `\`bench layouts\`: the same ${options.rows.toLocaleString('en-US')} rows under several settings of \`layout.deeper\`, in turn, ${options.rounds} rounds, medians. DuckDB sums by user over the files and over a table of its own with the two columns that this reads.`,
    circumstancesText(circumstances),
    table(head, lines),
  ].join('\n\n')
}

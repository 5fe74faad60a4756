import type { Figure } from './workload.ts'

/** What a benchmark run keeps. */
export interface Results {
  readonly date: string
  readonly machine: {
    readonly node: string
    readonly cpu: string
    readonly cores: number
    readonly platform: string
  }
  readonly scale: { readonly rows: number; readonly durableWrites: number; readonly rounds: number }
  readonly engines: readonly {
    readonly name: string
    readonly version: string
    readonly rounds: readonly (readonly Figure[])[]
  }[]
}

/** The middle value; of an even number the lower middle one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)]
}

/** A table: one line an operation, medians of all rounds, and the ratio of Meru to the best other engine. */
export function markdown(results: Results): string {
  const [own, ...peers] = results.engines
  const lines = [
    `| operation | unit | ${results.engines.map((engine) => engine.name).join(' | ')} | meru ÷ best other |`,
    `|---|---|${results.engines.map(() => '---:').join('|')}|---:|`,
  ]
  for (const { operation, unit, less } of own.rounds[0]) {
    const ownValue = valueOf(own, operation) as number
    const others = peers.map((peer) => valueOf(peer, operation)).filter((value) => value !== undefined)
    const best = others.length === 0 ? undefined : less ? Math.min(...others) : Math.max(...others)
    const cells = results.engines.map((engine) => format(valueOf(engine, operation)))
    const ratio =
      best === undefined ? '–' : `${(ownValue / best).toFixed(2)}${less ? ' (less is better)' : ''}`
    lines.push(`| ${operation} | ${unit} | ${cells.join(' | ')} | ${ratio} |`)
  }
  return lines.join('\n')
}

function valueOf(engine: Results['engines'][number], operation: string): number | undefined {
  const values = engine.rounds.flatMap((figures) =>
    figures.filter((figure) => figure.operation === operation),
  )
  return values.length === 0 ? undefined : median(values.map((figure) => figure.value))
}

function format(value: number | undefined): string {
  if (value === undefined) return '–'
  if (value >= 1000) return Math.round(value).toLocaleString('en-US')
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** The page that shows a run. */
export function page(results: Results): string {
  const { date, machine, scale } = results
  const versions = results.engines.map((engine) => `${engine.name} ${engine.version}`).join(', ')
  return `# Benchmarks

Written by \`npx -y pnpm@12 bench --write\`. One process for each engine, engines in turn, ${scale.rounds} rounds in one run,
medians. ${scale.rows.toLocaleString('en-US')} rows of about 140 bytes: \`{ id: long, user: 16 characters, score: double, payload: 88 to 100 characters }\`.
What is read is compared with what was written. Absolute figures are those of one shared machine; the ratios count.

${machine.cpu}, ${machine.cores} cores, ${machine.platform}, Node ${machine.node}; ${versions}; ${date}.

${markdown(results)}

Durable: \`put\` of Meru; \`put\` with \`sync: true\` of classic-level; \`put\`, then \`flushed\`, of lmdb; \`synchronous = full\` in WAL
mode of node:sqlite, which has no concurrent writers in one process, so its writers take turns. Buffered: \`durability: 'buffered'\`;
\`put\`; \`put\`, which resolves at the commit; none for node:sqlite. "After flush" and "after compaction" concern Meru and
classic-level; the others do the same reads again. "Sum of a column" uses column batches in Meru and SQL in node:sqlite.
`
}

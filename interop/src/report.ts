import { remark } from './expected.ts'
import { CHECKS, type Cell, type Check, type Tally } from './cell.ts'

export interface Missing {
  readonly reader: string
  readonly reason: string
}

const NAMES = Object.keys(CHECKS) as Check[]

/** The matrix for a terminal, with the first difference of every check that failed. */
export function matrixText(cells: readonly Cell[], missing: readonly Missing[]): string {
  const lines = cells.flatMap((cell) => {
    const tallies = NAMES.map((name) => `${name} ${tallyText(cell.results[name])}`).join('  ')
    const reasons = NAMES.flatMap((name) => {
      const { failed, reason } = cell.results[name]
      return failed > 0 ? [`    ${name}: ${reason.slice(0, 600)}`] : []
    })
    const note = [...cell.reasons].map((why) => `    known: ${why}`)
    return [`${cell.reader} ${cell.version}, format ${cell.formatVersion}: ${tallies}`, ...note, ...reasons]
  })
  return [...lines, ...missing.map(({ reader, reason }) => `${reader}: left out: ${reason}`)].join('\n')
}

/** The page of the documentation. */
export function matrixPage(page: {
  readonly cells: readonly Cell[]
  readonly missing: readonly Missing[]
  readonly seeds: number
  readonly snapshots: number
  readonly date: Date
}): string {
  const checks = NAMES.map((name) => `| ${name} | ${CHECKS[name]} |`)
  const rows = page.cells.map((cell) => {
    const tallies = NAMES.map((name) => tallyText(cell.results[name])).join(' | ')
    return `| ${cell.reader} | ${cell.version} | ${cell.formatVersion} | ${tallies} | ${remark(cell)} |`
  })
  const absent = page.missing.map(({ reader, reason }) => `| ${reader} | ${reason.replaceAll('|', '/')} |`)
  return [
    '# Who reads what',
    '',
    `Written by \`pnpm test:interop --write\` on ${page.date.toISOString().slice(0, 10)}, with Node ${process.version}: ${page.snapshots} snapshots of`,
    `${page.seeds} random histories (puts, updates, deletes, flushes, compactions, exports at random moments), each compared`,
    'with what `scan()` gave at the moment of its export. One table of each history is partitioned, by columns and transforms',
    'that differ from history to history. A number is of snapshots that were right; after a slash, of all; a dash is',
    'of what the reader was not asked.',
    '',
    '| check | what |',
    '|---|---|',
    ...checks,
    '',
    `| reader | version | format | ${NAMES.join(' | ')} | remark |`,
    `|---|---|---|${NAMES.map(() => '---|').join('')}---|`,
    ...rows,
    '',
    ...(absent.length === 0 ? [] : ['| left out | why |', '|---|---|', ...absent, '']),
  ].join('\n')
}

function tallyText({ passed, failed, known }: Tally): string {
  const all = passed + failed + known
  if (all === 0) return '–'
  return passed === all ? String(all) : `${passed}/${all}`
}

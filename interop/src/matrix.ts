import type { Exported } from './histories.ts'
import type { Answer, Reader, TextRow } from './reader.ts'
import { sortedLines } from '@meru/testkit/interop'

/** What is asked of every reader, by the names of the plan of proof. */
export const CHECKS = {
  C1: 'all rows of the current snapshot, value for value',
  C2: 'one row for each key, the declared columns and no other',
  C3: 'all rows of every older snapshot, by its id',
} as const

export type Check = keyof typeof CHECKS

/** The result of one reader in one format version. */
export interface Cell {
  readonly reader: string
  readonly version: string
  readonly formatVersion: string
  readonly results: Readonly<Record<Check, Tally>>
}

export interface Tally {
  passed: number
  failed: number
  /** Of the first failure. */
  reason: string
}

/** Versions of the format as the matrix tells them apart. */
export function formatOf({ formatVersion, hasVectors }: Exported): string {
  if (formatVersion === 2) return '2'
  return hasVectors ? '3, deletion vectors' : '3, nothing deleted'
}

export async function testReader(reader: Reader, exported: readonly Exported[]): Promise<Cell[]> {
  const answers = await reader.read(
    exported.map(({ table, metadata, snapshot, isCurrent }) => ({
      table,
      metadata,
      ...(isCurrent ? {} : { snapshot }),
    })),
  )
  const cells = new Map<string, Cell>()
  for (const [i, each] of exported.entries()) {
    const format = formatOf(each)
    const cell = cells.get(format) ?? emptyCell(reader, format)
    cells.set(format, cell)
    const answer = answers[i]
    count(cell.results[each.isCurrent ? 'C1' : 'C3'], each, rowsProblem(answer, each, reader.name))
    if (each.isCurrent) count(cell.results.C2, each, shapeProblem(answer, each))
  }
  return [...cells.values()].sort((a, b) => (a.formatVersion < b.formatVersion ? -1 : 1))
}

function emptyCell({ name, version }: Reader, formatVersion: string): Cell {
  const none = (): Tally => ({ passed: 0, failed: 0, reason: '' })
  return { reader: name, version, formatVersion, results: { C1: none(), C2: none(), C3: none() } }
}

function count(tally: Tally, { seed, table, snapshot }: Exported, problem: string | undefined): void {
  if (problem === undefined) {
    tally.passed++
    return
  }
  tally.failed++
  if (tally.reason === '')
    tally.reason = `seed ${seed}, ${table.split('/').at(-1)}, snapshot ${snapshot}: ${problem}`
}

function rowsProblem(answer: Answer | undefined, { lines }: Exported, reader: string): string | undefined {
  if (answer === undefined) return 'no answer'
  if ('error' in answer) return answer.error
  const rows = lines.map((line): TextRow => Object.fromEntries(JSON.parse(line) as []))
  const isPlain = reader === 'icebird'
  const found = sortedLines(isPlain ? answer.rows.map(plain) : answer.rows)
  const wanted = isPlain ? sortedLines(rows.map(asNumbers).map(plain)) : lines
  const at = wanted.findIndex((line, i) => line !== found[i])
  if (found.length === wanted.length && at < 0) return undefined
  const place = at < 0 ? wanted.length : at
  return `${found.length} rows, ${wanted.length} wanted; first ${found[place] ?? 'none'}, ${wanted[place] ?? 'none'} wanted`
}

function shapeProblem(answer: Answer | undefined, { columns, key }: Exported): string | undefined {
  if (answer === undefined) return 'no answer'
  if ('error' in answer) return answer.error
  const keys = new Set(answer.rows.map((row) => JSON.stringify(key.map((name) => row[name]))))
  if (keys.size !== answer.rows.length) return `${answer.rows.length} rows with ${keys.size} keys`
  const wanted = [...columns].sort().join()
  const other = answer.rows.map((row) => Object.keys(row).sort().join()).find((names) => names !== wanted)
  return other === undefined ? undefined : `columns ${other}, ${wanted} wanted`
}

/** Rows as icebird gives them: decimals and doubles are numbers of JavaScript, days are moments. */
function asNumbers(row: TextRow): TextRow {
  const spell = (name: string, value: string | null): string | null => {
    if (value === null) return null
    if (name === 'ratio' || name === 'price') return String(Buffer.from(value, 'hex').readDoubleBE())
    return name === 'day' ? String(BigInt(Date.parse(value)) * 1000n) : value
  }
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, spell(name, value)]))
}

/** Without bytes, which icebird takes for text, and with decimals that are rounded back. */
function plain({ payload: _bytes, ...row }: TextRow): TextRow {
  return 'amount' in row && row['amount'] !== null
    ? { ...row, amount: Number(row['amount']).toFixed(2) }
    : row
}

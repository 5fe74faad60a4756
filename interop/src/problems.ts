import { sortedLines } from '@meru/testkit/interop'
import type { Exported, Filtered } from './exported.ts'
import type { Answer, FilterRequest, TextRow } from './reader.ts'

type Problem = string | undefined

const ROW_ID = '_row_id'
const UPDATED = '_last_updated_sequence_number'

/** A row without the columns of row lineage. */
function declared({ [ROW_ID]: _id, [UPDATED]: _updated, ...row }: TextRow): TextRow {
  return row
}

/** How the rows differ from those that `scan()` gave. `unread`: names of columns that are not compared. */
export function rowsProblem(
  answer: Answer | undefined,
  { lines }: Pick<Exported, 'lines'>,
  unread: readonly string[] = [],
): Problem {
  if (answer === undefined || !('rows' in answer)) return errorOf(answer)
  const without = (row: TextRow): TextRow =>
    unread.length === 0
      ? declared(row)
      : Object.fromEntries(Object.entries(row).filter(([name]) => !unread.includes(name)))
  const found = sortedLines(answer.rows.map(without))
  const rows = lines.map((line): TextRow => Object.fromEntries(JSON.parse(line) as []))
  const wanted = unread.length === 0 ? lines : sortedLines(rows.map(without))
  const place = differenceAt(found, wanted)
  if (place < 0) return undefined
  const isOfNulls = differenceAt(withoutEmpty(found), withoutEmpty(wanted)) < 0
  return `${isOfNulls ? 'empty lists in place of nulls: ' : ''}${found.length} rows, ${wanted.length} wanted; first ${found[place] ?? 'none'}, ${wanted[place] ?? 'none'} wanted`
}

/** Where the first line is that differs; negative if there is none. */
function differenceAt(found: readonly string[], wanted: readonly string[]): number {
  const at = wanted.findIndex((line, i) => line !== found[i])
  return at < 0 && found.length > wanted.length ? wanted.length : at
}

/** Empty lists as nulls. */
function withoutEmpty(lines: readonly string[]): string[] {
  return lines.map((line) => line.replaceAll('"[]"', 'null')).toSorted()
}

/** Whether a key has two rows, or a row columns that were not declared. Keys with `unread` columns are not told apart. */
export function shapeProblem(
  answer: Answer | undefined,
  { columns, key }: Exported,
  unread: readonly string[] = [],
): Problem {
  if (answer === undefined || !('rows' in answer)) return errorOf(answer)
  const keys = new Set(answer.rows.map((row) => keyText(row, key)))
  const isTold = !key.some((name) => unread.includes(name))
  if (isTold && keys.size !== answer.rows.length) return `${answer.rows.length} rows with ${keys.size} keys`
  const wanted = [...columns].sort().join()
  const other = answer.rows
    .map((row) => Object.keys(declared(row)).sort().join())
    .find((names) => names !== wanted)
  return other === undefined ? undefined : `columns ${other}, ${wanted} wanted`
}

export function keyText(row: TextRow, key: readonly string[]): string {
  return JSON.stringify(key.map((name) => row[name]))
}

/** A snapshot as a reader showed it. */
export interface Shown {
  readonly answer: Answer | undefined
  readonly key: readonly string[]
}

/**
 * Row lineage: ids that no two rows share; rows that were not written since the snapshot before have what they had,
 * whatever was merged; rows that were written have a later sequence number, and an id that no row had.
 */
export function lineageProblem(
  answer: Answer | undefined,
  previous: Shown | undefined,
  { key, written }: Exported,
): Problem {
  if (answer === undefined || !('rows' in answer)) return errorOf(answer)
  const ids = new Set(answer.rows.map((row) => row[ROW_ID]))
  if (answer.rows.some((row) => row[ROW_ID] == null || row[UPDATED] == null)) return 'rows without an id'
  if (ids.size !== answer.rows.length) return `${answer.rows.length} rows with ${ids.size} ids`
  if (previous?.answer === undefined || !('rows' in previous.answer)) return undefined
  const { rows } = previous.answer
  const before = new Map(rows.map((row) => [keyText(row, previous.key), row]))
  const oldIds = new Set(rows.map((row) => row[ROW_ID]))
  const newest = Math.max(-1, ...rows.map((row) => Number(row[UPDATED])))
  for (const row of answer.rows) {
    const name = keyText(row, key)
    const lineage = `${row[ROW_ID]} of ${row[UPDATED]}`
    const old = before.get(name)
    if (!written.has(name)) {
      const was = `${old?.[ROW_ID]} of ${old?.[UPDATED]}`
      if (lineage !== was) return `row ${name} is ${lineage}, it was ${was}`
    } else if (oldIds.has(row[ROW_ID]) || Number(row[UPDATED]) <= newest) {
      return `row ${name} was written and is ${lineage}`
    }
  }
  return undefined
}

/** How the metadata differs from what the reader writes of it. */
export function metadataProblem(answer: Answer | undefined): Problem {
  if (answer === undefined || !('rows' in answer)) return errorOf(answer)
  return answer.metadata ?? undefined
}

/** How count, least and greatest values differ. */
export function aggregateProblem(answer: Answer | undefined, { lines, numbers }: Exported): Problem {
  if (answer === undefined || !('aggregate' in answer)) return errorOf(answer)
  const rows = lines.map((line): TextRow => Object.fromEntries(JSON.parse(line) as []))
  const wanted: Record<string, unknown> = { count: rows.length }
  for (const name of numbers) {
    const values = rows.flatMap((row) => (row[name] == null ? [] : [BigInt(row[name])]))
    values.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    wanted[name] = [values.at(0)?.toString() ?? null, values.at(-1)?.toString() ?? null]
  }
  const [found, expected] = [answer.aggregate, wanted].map((each) =>
    JSON.stringify(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  )
  return found === expected ? undefined : `${found}, ${expected} wanted`
}

export function filterRequests({ cases }: Filtered['filters']): FilterRequest[] {
  return cases.map(({ column, type, operator, probes }) => ({
    column,
    type,
    operator,
    values: probes.map(({ text }) => text),
  }))
}

/** One for each condition. Readers may take NaN for more than every number, or for none. */
export function filterProblems(answer: Answer | undefined, table: Filtered['filters']): Problem[] {
  const nan = new Map<string, Set<number>>()
  for (const { column, operator, ids } of table.cases) if (operator === 'isNan') nan.set(column, new Set(ids))
  if (answer === undefined || !('matches' in answer)) return [errorOf(answer)]
  const problems = table.cases.flatMap((each, i): Problem[] => {
    const { column, operator, probes, ids } = each
    const what = `${column} ${operator} ${probes.map(({ text }) => JSON.stringify(text)).join(' ')}`
    const found = answer.matches[i]
    if (typeof found === 'string') return [`${what}: ${found}`]
    const isOpen = ['ne', 'gt', 'gte'].includes(operator)
    const counted = (id: number): boolean => !isOpen || nan.get(column)?.has(id) !== true
    const [got, wanted] = [found, ids].map((all) =>
      all
        .filter(counted)
        .toSorted((a, b) => a - b)
        .join(' '),
    )
    return [got === wanted ? undefined : `${what}: rows ${got}; ${wanted} wanted`]
  })
  const most = table.cases.length * table.files.length
  if (answer.files !== undefined && answer.files > most / 2)
    problems.push(`${answer.files} of ${most} files were planned: bounds leave too few out`)
  return problems
}

function errorOf(answer: Answer | undefined): string {
  return answer !== undefined && 'error' in answer ? answer.error : 'no answer'
}

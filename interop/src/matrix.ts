import { type Cell, type Check, CHECKS, type Tally } from './cell.ts'
import { chosen } from './conditions.ts'
import { knownReason } from './expected.ts'
import type { Appended, Exported, Filtered } from './exported.ts'
import {
  aggregateProblem,
  filterProblems,
  filterRequests,
  lineageProblem,
  metadataProblem,
  rowsProblem,
  type Shown,
  shapeProblem,
} from './problems.ts'
import type { Ability, Answer, Reader, Request } from './reader.ts'

/** What there is to ask about. */
export interface Material {
  readonly exported: readonly Exported[]
  readonly filtered: readonly Filtered[]
  readonly appended: readonly Appended[]
}

/** Versions of the format as the matrix tells them apart. */
function formatOf({ formatVersion, hasVectors }: Pick<Exported, 'formatVersion' | 'hasVectors'>): string {
  if (formatVersion === 2) return '2'
  return hasVectors ? '3, deletion vectors' : '3, nothing deleted'
}

function rowsCheck({ kind, isCurrent }: Exported): Check {
  if (kind === 'history') return isCurrent ? 'C1' : 'C3'
  return ({ expiry: 'C12', deletes: 'C6', evolution: 'C7' } as const)[kind]
}

/** Asks a reader for everything that it can be asked for. */
export async function testReader(reader: Reader, material: Material): Promise<Cell[]> {
  const cells = new Map<string, Cell>()
  const cellOf = (format: string): Cell => {
    const cell = cells.get(format) ?? emptyCell(reader, format)
    cells.set(format, cell)
    return cell
  }
  await countRows(reader, material, cellOf)
  await countTags(reader, material, cellOf)
  await countAggregates(reader, material, cellOf)
  await countFilters(reader, material, cellOf)
  await countAppends(reader, material, cellOf)
  return [...cells.values()].sort((a, b) => (a.formatVersion < b.formatVersion ? -1 : 1))
}

type CellOf = (format: string) => Cell

async function countRows(reader: Reader, { exported }: Material, cellOf: CellOf): Promise<void> {
  const answers = await reader.read(
    exported.map((each): Request => {
      const { table, metadata, snapshot, isCurrent } = each
      const lineage = asksLineage(reader, each) ? { lineage: true } : {}
      return { table, metadata, ...(isCurrent ? {} : { snapshot }), ...lineage }
    }),
  )
  const previous = new Map<string, Shown>()
  for (const [i, each] of exported.entries()) {
    const cell = cellOf(formatOf(each))
    const answer: Answer | undefined = answers[i]
    count(cell, rowsCheck(each), placeOf(each), rowsProblem(answer, each, reader.unread))
    if (asksLineage(reader, each)) {
      count(cell, 'C8 ids', placeOf(each), lineageProblem(answer, previous.get(each.table), each))
      previous.set(each.table, { answer, key: each.key })
    }
    if (!each.isCurrent) continue
    count(cell, 'C2', placeOf(each), shapeProblem(answer, each, reader.unread))
    if (can(reader, 'metadata')) count(cell, 'C8', placeOf(each), metadataProblem(answer))
  }
}

/** The rows of snapshots by their names. */
async function countTags(reader: Reader, { exported }: Material, cellOf: CellOf): Promise<void> {
  if (!can(reader, 'tags')) return
  const named = exported.flatMap((each) => each.tags.map((tag) => ({ each, tag })))
  const answers = await reader.read(
    named.map(({ each: { table, metadata }, tag }) => ({ table, metadata, tag })),
  )
  for (const [i, { each, tag }] of named.entries()) {
    const problem = rowsProblem(answers[i], each, reader.unread)
    count(cellOf(formatOf(each)), 'C12 tags', `${placeOf(each)}, tag ${tag}`, problem)
  }
}

/** Of snapshots that expire, some are missing between those that can be compared. */
function asksLineage(reader: Reader, { formatVersion, kind }: Exported): boolean {
  return can(reader, 'lineage') && formatVersion === 3 && kind !== 'expiry'
}

async function countAggregates(reader: Reader, { exported }: Material, cellOf: CellOf): Promise<void> {
  if (!can(reader, 'aggregate')) return
  const current = exported.filter(({ isCurrent }) => isCurrent)
  const answers = await reader.read(
    current.map(({ table, metadata, numbers }) => ({ table, metadata, aggregate: numbers })),
  )
  for (const [i, each] of current.entries()) {
    count(cellOf(formatOf(each)), 'C5', placeOf(each), aggregateProblem(answers[i], each))
  }
}

async function countFilters(reader: Reader, { filtered }: Material, cellOf: CellOf): Promise<void> {
  if (!can(reader, 'filters')) return
  const tables = filtered
    .filter(({ hasTimes }) => hasTimes !== can(reader, 'noTimes'))
    .map((each) => ({ ...each, filters: chosen(each.filters, reader.conditionsMax ?? Infinity) }))
  const answers = await reader.read(
    tables.map(({ table, metadata, filters }) => ({ table, metadata, filters: filterRequests(filters) })),
  )
  for (const [i, { formatVersion, filters }] of tables.entries()) {
    const cell = cellOf(formatOf({ formatVersion, hasVectors: true }))
    for (const problem of filterProblems(answers[i], filters))
      count(cell, 'C4', `version ${formatVersion}`, problem)
  }
}

async function countAppends(reader: Reader, { appended }: Material, cellOf: CellOf): Promise<void> {
  if (!can(reader, 'appends')) return
  const answers = await reader.read(
    appended.map(({ table, metadata, after }) => ({ table, metadata, after })),
  )
  for (const [i, each] of appended.entries()) {
    const cell = cellOf(formatOf({ ...each, hasVectors: false }))
    const place = `${each.table.split('/').at(-3)}, after snapshot ${each.after}`
    count(cell, 'C15', place, rowsProblem(answers[i], each))
  }
}

function can({ abilities }: Reader, ability: Ability): boolean {
  return abilities.includes(ability)
}

function placeOf({ seed, table, snapshot }: Exported): string {
  return `seed ${seed}, ${table.split('/').at(-3)}, ${table.split('/').at(-1)}, snapshot ${snapshot}`
}

function emptyCell({ name, version }: Reader, formatVersion: string): Cell {
  const results = Object.fromEntries(
    Object.keys(CHECKS).map((check) => [check, { passed: 0, failed: 0, reason: '', known: 0 }]),
  )
  return {
    reader: name,
    version,
    formatVersion,
    results: results as unknown as Cell['results'],
    reasons: new Set(),
  }
}

function count(cell: Cell, check: Check, place: string, problem: string | undefined): void {
  const tally: Tally = cell.results[check]
  const known = problem === undefined ? undefined : knownReason(cell, check, `${place}: ${problem}`)
  if (problem === undefined) tally.passed++
  else if (known === undefined) {
    tally.failed++
    if (tally.reason === '') tally.reason = `${place}: ${problem}`
  } else {
    tally.known++
    cell.reasons.add(known)
  }
}

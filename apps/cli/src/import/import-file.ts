import type { Database, IngestReport, Table } from '@meru/db'
import { Failure } from '../failure.ts'
import type { Input, RowBatch } from '../input/input.ts'
import type { Progress } from '../progress.ts'
import {
  checkFit,
  checkWish,
  defineTable,
  definitionOf,
  rowBuilder,
  type AnyDefinition,
  type Row,
  type Wish,
} from './plan.ts'
import { Survey, type SurveyedColumn } from './survey.ts'

export interface ImportRequest {
  readonly input: Input
  readonly wish: Wish
  /** Drop the stored table first. */
  readonly replace: boolean
  /** Rows from which types are inferred; all without it. */
  readonly sampleRows: number | undefined
  readonly signal: AbortSignal
  readonly progress: Progress
  /** Opens the database, making it if need be; called when the first rows of the file are known to fit. */
  readonly open: () => Promise<Database>
}

export interface ImportReport {
  readonly table: string
  /** Rows of the file. */
  readonly rows: number
  /** Rows whose key was new. */
  readonly inserted: number
  /** Rows whose key was stored already, or stood in the file before. */
  readonly replaced: number
  /** Rows in the table now. */
  readonly tableRows: number
  /** Size of the table's files. */
  readonly bytes: number
}

/** Rows from which the types of a new table are guessed, before it is known whether all others have them. */
const HEAD_ROWS = 10_000

/**
 * Reads the file once: the types of a new table are guessed from its first rows, and checked while the others are
 * loaded. If they were guessed wrong, nothing was loaded, and the file is read from its start to find the right ones.
 * Where a stored table is to be dropped first, the whole file is checked before. If a row does not fit, nothing changes.
 */
export async function importFile(request: ImportRequest, stored: Table | undefined): Promise<ImportReport> {
  const { input, wish } = request
  const base = stored === undefined || request.replace ? undefined : definitionOf(wish.table, stored.schema)
  if (input.columns.length > 0) checkColumns(wish, base, input.columns)
  if (base !== undefined || !request.replace) {
    const report = await importGuessing(request, base)
    if (report !== undefined) return report
  }
  const survey = beginSurvey(request, base)
  await surveyAll(request, survey)
  checkColumns(wish, base, input.columns)
  const definition = defineTable(wish, columnsOf(request, survey), { isComplete: true })
  const database = await request.open()
  if (stored !== undefined && request.replace) await database.dropTable(wish.table, { confirm: wish.table })
  return load(request, database, definition, { head: [], rest: input.batches(request.signal) })
}

interface Rows {
  readonly head: readonly RowBatch[]
  readonly rest: AsyncIterable<RowBatch>
}

/** Undefined if rows after the first ones show that the types of a new table are others. */
async function importGuessing(
  request: ImportRequest,
  base: AnyDefinition | undefined,
): Promise<ImportReport | undefined> {
  const { input, wish, progress, sampleRows } = request
  const survey = beginSurvey(request, base)
  const batches = input.batches(request.signal)[Symbol.asyncIterator]()
  const head: RowBatch[] = []
  progress.begin({ label: 'importing', total: input.bytes })
  while (survey.rows < (sampleRows ?? HEAD_ROWS)) {
    const next = await batches.next()
    if (next.done === true) break
    survey.add(next.value)
    head.push(next.value)
  }
  if (survey.rows === 0) throw new Failure(`${input.path} has no rows`)
  checkColumns(wish, base, input.columns)
  const isSample = sampleRows !== undefined && input.typed === undefined
  const guessed = columnsOf(request, survey)
  const definition = base ?? defineTable(wish, guessed, { isComplete: !isSample })
  const rest: AsyncIterable<RowBatch> = { [Symbol.asyncIterator]: () => batches }
  const database = await request.open()
  const isNew = !database.tableNames().includes(wish.table)
  if (base !== undefined || isSample) return loadOrDrop(request, database, definition, { head, rest }, isNew)
  const check = (): void => {
    if (!sameColumns(guessed, columnsOf(request, survey))) throw new GuessedWrong()
  }
  try {
    return await load(request, database, definition, { head, rest: surveyed(rest, survey, check) })
  } catch (error) {
    await database.dropTable(wish.table, { confirm: wish.table })
    // Whether the row is wrong, or only the guess, a look at all rows tells.
    if (error instanceof GuessedWrong || error instanceof Failure) return undefined
    throw error
  }
}

/** The types of a new table were guessed from too few rows. */
class GuessedWrong extends Error {
  override readonly name: string = 'GuessedWrong'
}

async function* surveyed(
  batches: AsyncIterable<RowBatch>,
  survey: Survey,
  check: () => void,
): AsyncGenerator<RowBatch> {
  for await (const batch of batches) {
    survey.add(batch)
    check()
    yield batch
  }
}

function sameColumns(a: readonly SurveyedColumn[], b: readonly SurveyedColumn[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function checkColumns(wish: Wish, base: AnyDefinition | undefined, columns: readonly string[]): void {
  if (base !== undefined) checkFit(wish, base.schema, columns)
  checkWish(wish, columns)
}

function beginSurvey({ input, wish }: ImportRequest, base: AnyDefinition | undefined): Survey {
  const expected = new Map((input.typed ?? []).map(({ name, type }) => [name, type]))
  for (const [name, { type }] of wish.types) expected.set(name, type)
  for (const { name, type } of base?.schema.columns ?? []) expected.set(name, type)
  const required = new Set(wish.key)
  for (const { name, required: isRequired } of base?.schema.columns ?? []) if (isRequired) required.add(name)
  return new Survey(input, { expected, required })
}

async function surveyAll({ input, progress, signal }: ImportRequest, survey: Survey): Promise<void> {
  progress.begin({ label: 'checking ', total: input.bytes })
  for await (const batch of input.batches(signal)) {
    survey.add(batch)
    await progress.update(batch.bytesRead, survey.rows)
  }
  await progress.clear()
  if (survey.rows === 0) throw new Failure(`${input.path} has no rows`)
}

/** What is known of the columns by now. */
function columnsOf({ input }: ImportRequest, survey: Survey): SurveyedColumn[] {
  const nullable = new Set((input.typed ?? []).filter(({ isNullable }) => isNullable).map(({ name }) => name))
  return survey
    .finish()
    .map((column) => ({ ...column, hasNulls: column.hasNulls || nullable.has(column.name) }))
}

/** A table that was made for rows that do not fit goes again. */
async function loadOrDrop(
  request: ImportRequest,
  database: Database,
  definition: AnyDefinition,
  rows: Rows,
  isNew: boolean,
): Promise<ImportReport> {
  try {
    return await load(request, database, definition, rows)
  } catch (error) {
    const { table } = request.wish
    if (isNew && database.tableNames().includes(table)) await database.dropTable(table, { confirm: table })
    throw error
  }
}

async function load(
  request: ImportRequest,
  database: Database,
  definition: AnyDefinition,
  rows: Rows,
): Promise<ImportReport> {
  const { input, wish, signal, progress } = request
  const table: Table<Row, Row> = await database.table(definition)
  progress.begin({ label: 'importing', total: input.bytes })
  const report: IngestReport = await table.ingest(rowsOf(request, definition, rows), { signal })
  await progress.clear()
  const replaced = report.duplicates + report.replaced
  const tableRows = await table.count()
  const { bytes } = table.stats()
  return {
    table: wish.table,
    rows: report.rows,
    inserted: report.rows - replaced,
    replaced,
    tableRows,
    bytes,
  }
}

async function* rowsOf(
  { input, progress }: ImportRequest,
  definition: AnyDefinition,
  { head, rest }: Rows,
): AsyncGenerator<Row[]> {
  const build = rowBuilder(input, definition)
  let count = 0
  for (const batch of head) {
    yield build(batch)
    count += batch.rows.length
  }
  for await (const batch of rest) {
    await progress.update(batch.bytesRead, count)
    yield build(batch)
    count += batch.rows.length
  }
}

import type { Database, Table } from '@meru/db'
import { Failure, codeOf, explain } from '../failure.ts'
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
  /** Opens the database, making it if need be; called when the file is known to fit. */
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

/**
 * Reads the file once to check it and find its types, and once to write it. Unless the types come from a
 * sample, nothing is written if a row does not fit.
 */
export async function importFile(request: ImportRequest, stored: Table | undefined): Promise<ImportReport> {
  const { input, wish, progress } = request
  const base = stored === undefined || request.replace ? undefined : definitionOf(wish.table, stored.schema)
  if (input.columns.length > 0) checkColumns(wish, base, input.columns)
  const surveyed = await survey(request, base)
  checkColumns(wish, base, input.columns)
  const isComplete = request.sampleRows === undefined || input.typed !== undefined
  const definition = base ?? defineTable(wish, surveyed, { isComplete })
  const database = await request.open()
  if (stored !== undefined && request.replace) await database.dropTable(wish.table, { confirm: wish.table })
  const table = await database.table(definition)
  const before = await table.count()
  progress.begin({ label: 'importing', total: input.bytes })
  const rows = await writeRows(request, table, definition)
  await progress.clear()
  await table.flush()
  const tableRows = await table.count()
  const inserted = tableRows - before
  const { bytes } = table.stats()
  return { table: wish.table, rows, inserted, replaced: rows - inserted, tableRows, bytes }
}

function checkColumns(wish: Wish, base: AnyDefinition | undefined, columns: readonly string[]): void {
  if (base !== undefined) checkFit(wish, base.schema, columns)
  checkWish(wish, columns)
}

async function survey(request: ImportRequest, base: AnyDefinition | undefined): Promise<SurveyedColumn[]> {
  const { input, wish, progress, signal } = request
  const expected = new Map((input.typed ?? []).map(({ name, type }) => [name, type]))
  for (const [name, { type }] of wish.types) expected.set(name, type)
  for (const { name, type } of base?.schema.columns ?? []) expected.set(name, type)
  const required = new Set(wish.key)
  for (const { name, required: isRequired } of base?.schema.columns ?? []) if (isRequired) required.add(name)
  const reading = new Survey(input, { expected, required })
  progress.begin({ label: 'checking ', total: input.bytes })
  for await (const batch of input.batches(signal)) {
    reading.add(batch)
    await progress.update(batch.bytesRead, reading.rows)
    if (request.sampleRows !== undefined && reading.rows >= request.sampleRows) break
  }
  await progress.clear()
  if (reading.rows === 0) throw new Failure(`${input.path} has no rows`)
  const nullable = new Set((input.typed ?? []).filter(({ isNullable }) => isNullable).map(({ name }) => name))
  return reading
    .finish()
    .map((column) => ({ ...column, hasNulls: column.hasNulls || nullable.has(column.name) }))
}

/** Batches are applied in order and made durable together by the flush at the end. */
async function writeRows(
  { input, signal, progress }: ImportRequest,
  table: Table<Row, Row>,
  definition: AnyDefinition,
): Promise<number> {
  const build = rowBuilder(input, definition)
  let rows = 0
  for await (const batch of input.batches(signal)) {
    try {
      await table.putMany(build(batch), { durability: 'buffered' })
    } catch (error) {
      throw interrupted(input, batch, rows, error)
    }
    rows += batch.rows.length
    await progress.update(batch.bytesRead, rows)
  }
  return rows
}

/** Says how far it came, because what was written before stays. */
function interrupted(input: Input, batch: RowBatch, rows: number, error: unknown): unknown {
  if (!(error instanceof Failure) && codeOf(error) !== 'INVALID') return error
  const { message, hint, exitCode } = explain(error)
  const place = error instanceof Failure ? '' : `${input.path} from ${input.unit} ${batch.places[0]}: `
  const written = rows === 0 ? 'nothing was written' : `the ${rows} rows before it were written`
  return new Failure(`${place}${message}; ${written}`, {
    exitCode,
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  })
}

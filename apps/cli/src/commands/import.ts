import { open, type Database } from '@meru/db'
import type { Arguments, Command } from '../command.ts'
import { parseTypeChoices, TYPE_NAMES } from '../column-types.ts'
import { inspectDirectory, removeDatabase, reportRecovery } from '../database.ts'
import { EXIT, usageFailure, type ExitCode, type Failure } from '../failure.ts'
import { importFile, type ImportReport } from '../import/import-file.ts'
import type { Wish } from '../import/plan.ts'
import type { Input } from '../input/input.ts'
import { FORMATS, openInput } from '../input/open-input.ts'
import type { Io } from '../io.ts'
import { Progress } from '../progress.ts'
import { countOf, formatBytes, formatDuration, formatRate } from '../quantity.ts'

export const importCommand: Command = {
  name: 'import',
  summary: 'put the rows of a CSV, JSON, NDJSON or Parquet file into a table',
  positionals: ['file', 'database'],
  options: {
    table: { value: 'NAME', help: 'the table; made if there is none' },
    key: {
      value: 'COLUMNS',
      multiple: true,
      help: 'columns of the primary key, separated by commas; @row numbers the rows of the file',
    },
    types: {
      value: 'COLUMN=TYPE',
      multiple: true,
      help: 'types to use instead of inferred ones, separated by commas',
    },
    replace: { help: 'drop the stored table first' },
    sample: {
      value: 'ROWS',
      help: 'infer types from so many rows only; a later one that does not fit fails the import',
    },
    format: { value: FORMATS.join('|'), help: 'the format, where the name of the file does not say it' },
    delimiter: { value: 'CHARACTER', help: 'what separates the cells of CSV' },
  },
  notes: [
    'All rows go in or none: a row that does not fit stops the import, and nothing is written. The file is read once, unless its first rows do not show the types of the others.',
    'Rows go in by key: of rows with the same key the last one stays, and a stored row of that key is replaced.',
    `Types: ${TYPE_NAMES}; a ? after the type allows null.`,
  ],
  examples: [
    'meru import zipcodes.csv db --table zips --key zip_code',
    "meru import flights.json db --table flights --key @row --types 'delay=long'",
  ],
  run: runImport,
}

async function runImport(args: Arguments, io: Io): Promise<ExitCode> {
  const [path, directory] = args.positionals
  const wish = readWish(args)
  const sampleRows = args.count('sample')
  const replace = args.has('replace')
  if (replace && sampleRows !== undefined) {
    throw usageFailure(
      '--replace and --sample exclude each other',
      'a table is dropped only for a file known to fit',
    )
  }
  const format = FORMATS.find((name) => name === args.text('format'))
  if (args.has('format') && format === undefined) {
    throw usageFailure(`--format: "${args.text('format')}" is none of ${FORMATS.join(', ')}`)
  }
  const delimiter = readDelimiter(args)
  const input = await openInput(path, { ...(format && { format }), ...(delimiter && { delimiter }) })
  const state = await inspectDirectory(directory)
  let database: Database | undefined = state === 'database' ? await open(directory) : undefined
  const started = io.now()
  let isDone = false
  try {
    if (database !== undefined) await reportRecovery(database, io)
    const stored = await database?.storedTable(wish.table)
    if (wish.key.length === 0 && (stored === undefined || replace))
      throw missingKey(await columnsOf(input, io.signal))
    const report = await importFile(
      {
        input,
        wish,
        replace,
        sampleRows,
        signal: io.signal,
        progress: new Progress(io, { enabled: !args.has('quiet') }),
        open: async () => (database ??= await open(directory)),
      },
      stored,
    )
    await printReport(args, io, report, { bytes: input.bytes, milliseconds: io.now() - started })
    isDone = true
  } finally {
    const isBare = database?.tableNames().length === 0
    await database?.close()
    if (isBare && !isDone && state !== 'database') await removeDatabase(directory)
    await input.close()
  }
  return EXIT.ok
}

function readWish(args: Arguments): Wish {
  const table = args.text('table')
  if (table === undefined)
    throw usageFailure('--table NAME is missing', 'it names the table to put the rows into')
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(table)) {
    throw usageFailure(`--table: "${table}" is not 1 to 128 letters, digits, "_" or "-"`)
  }
  return { table, key: args.list('key'), types: parseTypeChoices(args.texts('types')) }
}

function readDelimiter(args: Arguments): string | undefined {
  const given = args.text('delimiter')
  const delimiter = given === '\\t' ? '\t' : given
  if (delimiter === undefined || (delimiter.length === 1 && !/["\r\n]/.test(delimiter))) return delimiter
  throw usageFailure(`--delimiter: ${JSON.stringify(given)} is not one character`)
}

/** The columns of JSON show only while it is read. */
async function columnsOf(input: Input, signal: AbortSignal): Promise<readonly string[]> {
  if (input.columns.length === 0)
    for await (const batch of input.batches(signal)) if (batch.rows.length > 0) break
  return input.columns
}

function missingKey(columns: readonly string[]): Failure {
  const list =
    columns.length === 0 ? '' : `; the columns are ${columns.map((name) => `"${name}"`).join(', ')}`
  return usageFailure(
    `--key COLUMNS is missing${list}`,
    'rows are stored by key; if none is natural, --key @row numbers the rows',
  )
}

async function printReport(
  args: Arguments,
  io: Io,
  report: ImportReport,
  work: { readonly bytes: number; readonly milliseconds: number },
): Promise<void> {
  const milliseconds = Math.round(work.milliseconds)
  const rowsPerSecond = Math.round((report.rows / Math.max(work.milliseconds, 1)) * 1000)
  if (args.has('json')) {
    await io.stdout.write(
      `${JSON.stringify({ ...report, fileBytes: work.bytes, milliseconds, rowsPerSecond })}\n`,
    )
    return
  }
  if (args.has('quiet')) return
  const { table, rows, replaced, tableRows, bytes } = report
  const rate = `${formatRate(rows, work.milliseconds)} rows/s`
  const same = replaced === 0 ? '' : `, ${countOf(replaced, 'row')} took the place of one with the same key`
  await io.stdout.write(
    `${countOf(rows, 'row')} into "${table}" in ${formatDuration(work.milliseconds)} (${rate})${same}\n` +
      `the table has ${countOf(tableRows, 'row')} in ${formatBytes(bytes)}; the file has ${formatBytes(work.bytes)}\n`,
  )
}

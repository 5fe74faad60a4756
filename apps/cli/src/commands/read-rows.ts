import type { ColumnDef } from '@meru/core'
import type { Table } from '@meru/db'
import type { Arguments, Command } from '../command.ts'
import { openStored, withDatabase } from '../database.ts'
import { EXIT, Failure, usageFailure, type ExitCode } from '../failure.ts'
import type { Row } from '../import/plan.ts'
import type { Io } from '../io.ts'
import { parseBound, parseKey, parsePrefix } from '../key-arguments.ts'
import { cellText, isNumeric, jsonLine } from '../row-text.ts'
import { columnWidths, tableLine } from '../text-table.ts'

const BOUNDS = ['gt', 'gte', 'lt', 'lte'] as const
const VALUES_NOTE =
  'JSON holds a long as a number where a double is exact and as a string elsewhere; decimals, dates and times are strings, bytes are hexadecimal digits.'

export const getCommand: Command = {
  name: 'get',
  summary: 'print the row of a key',
  positionals: ['database', 'table', 'key…'],
  options: {
    select: { value: 'COLUMNS', multiple: true, help: 'the columns to print, separated by commas' },
  },
  notes: [
    'A key of several columns takes one value for each, in their order. Exit code 4 if there is no such row.',
    VALUES_NOTE,
  ],
  examples: ['meru get db zips 10001', 'meru get db samples --json -- host -5'],
  run: runGet,
}

async function runGet(args: Arguments, io: Io): Promise<ExitCode> {
  const [path, name, ...texts] = args.positionals
  return await withDatabase(path, io, async (database) => {
    const table = await openStored(database, name)
    const columns = selectColumns(table, args)
    const key = parseKey(table.schema, texts)
    const row = await table.get(key, { select: columns.map((column) => column.name) })
    if (row === undefined) {
      throw new Failure(`table "${name}" has no row with the key ${texts.join(', ')}`, {
        exitCode: EXIT.absent,
      })
    }
    if (args.has('json')) {
      await io.stdout.write(`${jsonLine(columns, row)}\n`)
    } else {
      const width = Math.max(...columns.map((column) => column.name.length))
      const lines = columns.map(
        (column) => `${column.name.padEnd(width)}  ${cellText(column.type, row[column.name])}`,
      )
      await io.stdout.write(`${lines.join('\n')}\n`)
    }
    return EXIT.ok
  })
}

export const scanCommand: Command = {
  name: 'scan',
  summary: 'print the rows of a key range, in key order',
  positionals: ['database', 'table'],
  options: {
    gt: { value: 'VALUE', multiple: true, help: 'keys above this one' },
    gte: { value: 'VALUE', multiple: true, help: 'keys from this one on' },
    lt: { value: 'VALUE', multiple: true, help: 'keys below this one' },
    lte: { value: 'VALUE', multiple: true, help: 'keys up to this one' },
    prefix: { value: 'VALUE', multiple: true, help: 'keys that start with this' },
    reverse: { help: 'from the last key to the first' },
    limit: { value: 'ROWS', help: 'stop after so many rows' },
    select: { value: 'COLUMNS', multiple: true, help: 'the columns to print, separated by commas' },
    count: { help: 'print only how many rows there are' },
  },
  notes: [
    'For a key of several columns a bound is given once for each column, in their order; leading columns are enough.',
    `With --json each row is one line (NDJSON). ${VALUES_NOTE}`,
  ],
  examples: [
    'meru scan db zips --prefix 100 --select zip_code,city',
    'meru scan db samples --gte cpu --gte 2026-01-01T00:00:00Z --json | head',
  ],
  run: runScan,
}

async function runScan(args: Arguments, io: Io): Promise<ExitCode> {
  const [path, name] = args.positionals
  return await withDatabase(path, io, async (database) => {
    const table = await openStored(database, name)
    const columns = selectColumns(table, args)
    const query = {
      ...readRange(table, args),
      reverse: args.has('reverse'),
      limit: args.count('limit'),
      select: columns.map((column) => column.name),
      signal: io.signal,
    }
    if (args.has('count')) {
      const count = await table.scan(query).count()
      await io.stdout.write(args.has('json') ? `{"count":${count}}\n` : `${count}\n`)
      return EXIT.ok
    }
    const print = args.has('json')
      ? (rows: readonly Row[]) => rows.map((row) => jsonLine(columns, row))
      : tablePrinter(columns, io)
    for await (const batch of table.scan(query).batches()) {
      io.signal.throwIfAborted()
      const lines = print(batch.rows())
      if (lines.length > 0) await io.stdout.write(`${lines.join('\n')}\n`)
    }
    return EXIT.ok
  })
}

function readRange(table: Table<Row, Row>, args: Arguments): Record<string, unknown> {
  const range: Record<string, unknown> = {}
  for (const option of BOUNDS) {
    const texts = args.texts(option)
    if (texts.length > 0) range[option] = parseBound(table.schema, option, texts)
  }
  const start = args.texts('prefix')
  if (start.length > 0) range['prefix'] = parsePrefix(table.schema, start)
  return range
}

function selectColumns(table: Table<Row, Row>, args: Arguments): readonly ColumnDef[] {
  const names = args.list('select')
  if (names.length === 0) return table.schema.columns
  return names.map((name) => {
    const column = table.schema.columns.find((candidate) => candidate.name === name)
    if (column !== undefined) return column
    const known = table.schema.columns.map((candidate) => `"${candidate.name}"`).join(', ')
    throw usageFailure(`--select: table "${table.name}" has no column "${name}"; it has ${known}`)
  })
}

const WIDTH_MAX = 40

/** Aligns rows by those of the first batch. On a terminal long cells are cut, elsewhere nothing is lost. */
function tablePrinter(columns: readonly ColumnDef[], io: Io): (rows: readonly Row[]) => string[] {
  const headings = columns.map(({ name }) => name)
  const right = new Set(columns.flatMap(({ type }, index) => (isNumeric(type) ? [index] : [])))
  let widths: number[] | undefined
  return (rows) => {
    const cells = rows.map((row) => columns.map(({ name, type }) => cellText(type, row[name])))
    const lines: string[] = []
    if (widths === undefined) {
      widths = columnWidths(headings, cells, io.stdout.isTTY ? { widthMax: WIDTH_MAX } : {})
      const rules = widths.map((width) => '─'.repeat(width))
      lines.push(tableLine(headings, widths, right), tableLine(rules, widths))
    }
    for (const row of cells) {
      const fitting = io.stdout.isTTY
        ? widths
        : widths.map((width, index) => Math.max(width, row[index].length))
      lines.push(tableLine(row, fitting, right))
    }
    return lines
  }
}

import { keyColumns } from '@meru/core'
import type { Database, TableStats } from '@meru/db'
import type { Arguments, Command } from '../command.ts'
import { openStored, withDatabase } from '../database.ts'
import { EXIT, type ExitCode } from '../failure.ts'
import type { Io } from '../io.ts'
import { countOf, formatBytes, formatCount } from '../quantity.ts'
import { textTable } from '../text-table.ts'

export const tablesCommand: Command = {
  name: 'tables',
  summary: 'list the tables of a database',
  positionals: ['database'],
  options: {},
  notes: [],
  examples: [],
  run: runTables,
}

async function runTables(args: Arguments, io: Io): Promise<ExitCode> {
  return await withDatabase(args.positionals[0], io, async (database) => {
    const tables = await Promise.all(
      database.tableNames().map(async (name) => {
        const table = await openStored(database, name)
        const key = keyColumns(table.schema).map((column) => column.name)
        const { files, bytes } = table.stats()
        return { name, rows: await table.count(), key, columns: table.schema.columns.length, files, bytes }
      }),
    )
    if (args.has('json')) {
      await io.stdout.write(`${JSON.stringify(tables)}\n`)
      return EXIT.ok
    }
    const rows = tables.map(({ name, rows: count, key, columns, files, bytes }) => [
      name,
      formatCount(count),
      String(columns),
      key.join(', '),
      String(files),
      formatBytes(bytes),
    ])
    const lines = textTable(['table', 'rows', 'columns', 'key', 'files', 'size'], rows, {
      right: new Set([1, 2, 4, 5]),
    })
    await io.stdout.write(`${tables.length === 0 ? 'no tables' : lines.join('\n')}\n`)
    return EXIT.ok
  })
}

export const statsCommand: Command = {
  name: 'stats',
  summary: 'print what a database is made of: tables, levels, files, sizes',
  positionals: ['database'],
  options: {},
  notes: ['A dead row is one that a newer row or a delete has taken out; compaction removes it.'],
  examples: [],
  run: runStats,
}

async function runStats(args: Arguments, io: Io): Promise<ExitCode> {
  return await withDatabase(args.positionals[0], io, async (database) => {
    const lines = args.has('json') ? [JSON.stringify(database.stats())] : statsLines(database)
    await io.stdout.write(`${lines.join('\n')}\n`)
    return EXIT.ok
  })
}

function statsLines(database: Database): string[] {
  const { path, tables, visibleSeqno, manifestId, epoch } = database.stats()
  const bytes = tables.reduce((sum, table) => sum + table.bytes, 0)
  return [
    `${path}: ${countOf(tables.length, 'table')}, ${formatBytes(bytes)}`,
    `last write ${formatCount(visibleSeqno)}, manifest ${manifestId}, opened ${countOf(epoch, 'time')}`,
    ...tables.toSorted((a, b) => (a.name < b.name ? -1 : 1)).flatMap((table) => ['', ...tableLines(table)]),
  ]
}

function tableLines({ name, levels, liveRows, deadRows, files, bytes }: TableStats): string[] {
  const rows = levels.map((level) => [
    String(level.level),
    formatCount(level.files),
    formatBytes(level.bytes),
    formatCount(level.rows - level.deadRows),
    formatCount(level.deadRows),
  ])
  const total = ['all', formatCount(files), formatBytes(bytes), formatCount(liveRows), formatCount(deadRows)]
  const headings = ['level', 'files', 'size', 'live rows', 'dead rows']
  return [
    name,
    ...textTable(headings, [...rows, total], { right: new Set([1, 2, 3, 4]) }).map((line) => `  ${line}`),
  ]
}

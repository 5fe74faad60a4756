import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isNested } from '@meru/core'
import { afterAll, describe, expect, test } from 'vitest'
import { preparePythonReaders, readTables, type PythonReader } from '@meru/testkit/interop'
import { openDuckDb, readResolved } from './interop/resolved-files.ts'
import { makeRanges, type Condition } from './ranges.ts'
import { makeScenarios } from './scenarios.ts'
import { sortedLines } from '@meru/testkit/interop'

const TIMEOUT_MS = 180_000

const root = mkdtempSync(join(tmpdir(), 'meru-iceberg-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const version2 = { root, formatVersion: 2 } as const
const version3 = { root: join(root, 'v3'), formatVersion: 3 } as const
mkdirSync(version3.root)
const old = (await makeScenarios(version2)).map((scenario) => ({ ...scenario, root }))
const scenarios = [
  ...old,
  ...(await makeScenarios(version3)).map((scenario) => ({ ...scenario, root: version3.root })),
]
const ranges = await makeRanges(root)
const missing = await preparePythonReaders()

test('the files that each snapshot names hold its rows and no other', async () => {
  const connection = await openDuckDb()
  // Plain Parquet knows nothing of deletion vectors.
  // Only tables of scalars: the readers below, which know Iceberg's types, see the nested ones.
  const flat = old.filter(({ snapshots }) =>
    snapshots.every(({ schema }) => schema.columns.every(({ type }) => !isNested(type))),
  )
  for (const { name, directory, snapshots } of flat) {
    const hint = readFileSync(`${root}/${directory}/metadata/version-hint.text`, 'utf8')
    const metadataFile = `${root}/${directory}/metadata/v${hint}.metadata.json`
    for (const { id, rows } of snapshots) {
      const found = await readResolved(connection, metadataFile, id)
      expect({ name, id, lines: sortedLines(found) }).toEqual({ name, id, lines: sortedLines(rows) })
    }
  }
  connection.closeSync()
})

const readers = (Object.keys(missing) as PythonReader[]).map((reader) => {
  const reason = missing[reader]
  return { reader, reason, title: reason === undefined ? reader : `${reader}, left out: ${reason}` }
})

for (const { reason, title } of readers) if (reason !== undefined) process.stderr.write(`${title}\n`)

describe.each(readers)('$title', ({ reader, reason }) => {
  test.skipIf(reason !== undefined)(
    'shows every snapshot of every table',
    async () => {
      const wanted = scenarios.flatMap(({ name, root: place, directory, snapshots }) =>
        snapshots.map(({ id, rows }) => ({
          name,
          directory: `${place}/${directory}`,
          id,
          lines: sortedLines(rows),
        })),
      )
      const requests = wanted.map(({ directory, id }) => ({
        reader,
        table: directory,
        snapshot: id,
      }))
      const answers = await readTables(requests)
      const found = answers.map((rows, i) => ({ ...wanted[i], lines: sortedLines(rows) }))
      for (const [i, answer] of found.entries()) expect(answer).toEqual(wanted[i])
    },
    TIMEOUT_MS,
  )

  test.skipIf(reason !== undefined)(
    'leaves out files by their bounds and loses no row',
    async () => {
      // DuckDB 1.4 shows dead rows where a condition is IS NULL, whoever wrote the table.
      const conditions = ranges.conditions.filter(
        ({ operator }) => reader === 'pyiceberg' || operator !== 'is null',
      )
      const table = `${root}/${ranges.directory}`
      const filters = conditions.map((condition) => filterText(reader, condition))
      const answers = await readTables(filters.map((filter) => ({ reader, table, filter, columns: ['id'] })))
      const found = answers.map(
        (rows, i) =>
          `${filters[i]}: ${rows
            .map((row) => row['id'] ?? '')
            .sort()
            .join(' ')}`,
      )
      expect(found).toEqual(conditions.map(({ ids }, i) => `${filters[i]}: ${ids.join(' ')}`))
    },
    TIMEOUT_MS,
  )
})

function filterText(reader: PythonReader, { column, operator, value }: Condition): string {
  if (operator === 'is null') return `${column} is null`
  if (['id', 'price'].includes(column)) return `${column} ${operator} ${value}`
  const quoted = `'${value}'`
  if (reader === 'pyiceberg') return `${column} ${operator} ${quoted}`
  const types: Record<string, string> = {
    amount: 'DECIMAL(9, 2)',
    day: 'DATE',
    token: 'UUID',
    word: 'VARCHAR',
  }
  return `${column} ${operator} CAST(${quoted} AS ${types[column]})`
}

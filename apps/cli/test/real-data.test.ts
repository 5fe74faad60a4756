import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { meruOk, scanRows } from './command-line.ts'
import { scratchDirectory } from './scratch.ts'

const DATA = join(import.meta.dirname, '../../../../shared/data')
const isThere = existsSync(DATA)
if (!isThere) console.warn(`skipped: the files of ${DATA} are not on this machine`)

async function importAll(
  name: string,
  ...key: string[]
): Promise<{ db: string; report: Record<string, unknown> }> {
  const db = join(scratchDirectory(), 'db')
  const text = await meruOk('import', join(DATA, name), db, '--table', 't', '--key', ...key, '--json')
  return { db, report: JSON.parse(text) as Record<string, unknown> }
}

async function typesOf(db: string): Promise<Record<string, string>> {
  const { columns } = JSON.parse(await meruOk('schema', 'show', db, 't', '--json')) as {
    columns: { name: string; type: string; required: boolean }[]
  }
  return Object.fromEntries(columns.map(({ name, type, required }) => [name, required ? type : `${type}?`]))
}

test.skipIf(!isThere)('postal codes keep their leading zeros, every row is as in the file', async () => {
  const { db, report } = await importAll('zipcodes.csv', 'zip_code')
  expect(report).toMatchObject({ rows: 42_049, tableRows: 42_049, replaced: 0 })
  expect(await typesOf(db)).toMatchObject({ zip_code: 'string', latitude: 'double', city: 'string' })
  const lines = readFileSync(join(DATA, 'zipcodes.csv'), 'utf8').trimEnd().split('\n').slice(1)
  const rows = await scanRows(db, 't')
  const shown = rows.map((row) =>
    Object.values(row)
      .map((value) => (value === null ? '' : JSON.stringify(value).replace(/^"|"$/g, '')))
      .join(','),
  )
  expect(new Set(shown)).toEqual(new Set(lines.map((line) => line.trimEnd())))
})

test.skipIf(!isThere)('bird strikes have dates, free column names and empty cells', async () => {
  const { db, report } = await importAll('birdstrikes.csv', '@row')
  expect(report).toMatchObject({ rows: 10_000, tableRows: 10_000 })
  expect(await typesOf(db)).toMatchObject({
    'Flight Date': 'date',
    'Cost Total $': 'int',
    'Speed IAS in knots': 'int?',
  })
  const [first] = await scanRows(db, 't', '--limit', '1')
  expect(first).toMatchObject({ row_number: 1, 'Flight Date': '1990-01-08', 'Speed IAS in knots': 300 })
})

test.skipIf(!isThere)('flights have timestamps and delays below zero', async () => {
  const { db, report } = await importAll('flights-20k.json', '@row')
  expect(report).toMatchObject({ rows: 20_000, tableRows: 20_000 })
  expect(await typesOf(db)).toMatchObject({ date: 'timestamp', delay: 'int' })
  const flights = JSON.parse(readFileSync(join(DATA, 'flights-20k.json'), 'utf8')) as Record<
    string,
    unknown
  >[]
  const rows = await scanRows(db, 't')
  expect(rows.map(({ delay }) => delay)).toEqual(flights.map(({ delay }) => delay))
  expect(rows[0]['date']).toBe('2001-01-01T00:47:00')
})

test.skipIf(!isThere)('earthquakes are flattened', async () => {
  const { db, report } = await importAll('earthquakes.json', 'id')
  expect(report).toMatchObject({ rows: 1707, tableRows: 1707 })
  expect(await typesOf(db)).toMatchObject({
    id: 'string',
    longitude: 'double',
    mag: 'double',
    time: 'long',
    felt: 'int?',
  })
  expect(await scanRows(db, 't', '--gte', 'ci37868143', '--limit', '1')).toMatchObject([
    { id: 'ci37868143', longitude: -118.6671667, latitude: 34.4945, z: 26.49, mag: 2, alert: null },
  ])
})

import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { t, table } from '@meru/core'
import { expect, test } from 'vitest'
import { csvRows, ndjsonRows } from '../src/index.ts'
import { collect } from './random-table.ts'

const DATA = join(import.meta.dirname, '../../../../shared/data')
const isThere = existsSync(DATA)
if (!isThere) process.stderr.write(`skipped: the files of ${DATA} are not on this machine\n`)

test.skipIf(!isThere)('every postal code of a CSV file, leading zeros included', async () => {
  const columns = {
    zip_code: t.string(),
    latitude: t.double(),
    longitude: t.double(),
    city: t.string(),
    state: t.string(),
    county: t.string().nullable(),
  }
  const definition = table('zips', columns, { key: ['zip_code'] })
  const rows = await collect(csvRows(createReadStream(join(DATA, 'zipcodes.csv')), definition))
  const text = readFileSync(join(DATA, 'zipcodes.csv'), 'utf8')
  const [heading, ...lines] = text.trimEnd().split(/\r?\n/)
  expect(rows).toHaveLength(42_049)
  const names = heading.split(',')
  expect(rows.map((row) => names.map((name) => String(Reflect.get(row, name) ?? '')).join(','))).toEqual(
    lines.map((line) =>
      line
        .replace(/"/g, '')
        .split(',')
        .map((cell, i) => (i === 1 || i === 2 ? String(Number(cell)) : cell))
        .join(','),
    ),
  )
})

test.skipIf(!isThere)('flights as lines of JSON', async () => {
  const columns = {
    date: t.timestamp(),
    delay: t.int(),
    distance: t.int(),
    origin: t.string(),
    destination: t.string(),
  }
  const definition = table('flights', columns, { key: ['date', 'origin', 'destination'] })
  const flights = JSON.parse(readFileSync(join(DATA, 'flights-20k.json'), 'utf8')) as { date: string }[]
  async function* lines(): AsyncGenerator<string> {
    for (const flight of flights) yield await Promise.resolve(`${JSON.stringify(flight)}\n`)
  }
  const rows = await collect(ndjsonRows(lines(), definition))
  const dateOf = (text: string): Date => new Date(`${text.replaceAll('/', '-').replace(' ', 'T')}Z`)
  expect(rows).toEqual(flights.map((flight) => ({ ...flight, date: dateOf(flight.date) })))
})

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from '@meru/db'
import { Random, replayCommand, seedsFromEnvironment } from '@meru/testkit'
import { asyncBufferFromFile } from 'hyparquet'
import { expect, test } from 'vitest'
import { csvRows, ndjsonRows, parquetRows } from '../src/index.ts'
import { chunksOf, collect, randomRows, randomTable, stored } from './random-table.ts'
import { cellText, jsonText } from './value-text.ts'

const { seeds, operations } = seedsFromEnvironment(process.env, { seeds: 12, operations: 60 })
const FILE = 'test/round-trip.test.ts'

test.each(seeds)('seed %i: rows come back from CSV and from NDJSON as they were', async (seed) => {
  const random = new Random(seed)
  const definition = randomTable(random)
  const { columns } = definition.schema
  const rows = randomRows(random, definition, operations)
  const expected = stored(definition, rows)
  const replay = replayCommand(FILE, seed, operations)

  const shuffled = random.shuffle([...columns])
  const lineBreak = random.pick(['\n', '\r\n'])
  const lines = [
    shuffled.map(({ name }) => `"${name.replaceAll('"', '""')}"`),
    ...rows.map((row) => shuffled.map(({ name, type }) => cellText(random, type, row[name]))),
  ].map((cells) => cells.join(','))
  const csv = `${random.pick(['', '\ufeff'])}${lines.join(lineBreak)}${random.pick(['', lineBreak])}`
  expect({
    replay,
    rows: stored(definition, await collect(csvRows(chunksOf(random, csv), definition))),
  }).toEqual({ replay, rows: expected })

  const objects = rows.map((row) => {
    const given = shuffled.filter(({ name }) => row[name] !== null || random.oneIn(2))
    return `{${given.map(({ name, type }) => `${JSON.stringify(name)}:${jsonText(random, type, row[name])}`).join(',')}}`
  })
  const json = objects.join(lineBreak) + random.pick(['', lineBreak])
  expect({
    replay,
    rows: stored(definition, await collect(ndjsonRows(chunksOf(random, json), definition))),
  }).toEqual({ replay, rows: expected })
})

test.each(seeds.slice(0, 4))(
  'seed %i: rows come back from a Parquet file of a table as they were',
  async (seed) => {
    const random = new Random(seed)
    const definition = randomTable(random)
    const rows = randomRows(random, definition, operations)
    const directory = mkdtempSync(join(tmpdir(), 'meru-formats-'))
    try {
      const database = await open(join(directory, 'db'))
      const things = await database.table(definition)
      await things.ingest([rows])
      await database.close()
      const data = join(directory, 'db/tables/things/data')
      const files = readdirSync(data).filter((name) => name.endsWith('.parquet'))
      const back: Record<string, unknown>[] = []
      for (const name of files) {
        const file = await asyncBufferFromFile(join(data, name))
        back.push(...(await collect(parquetRows(file, definition, { unknown: 'ignore' }))))
      }
      back.sort((a, b) => Number(a['id']) - Number(b['id']))
      const replay = replayCommand(FILE, seed, operations)
      expect({ replay, rows: stored(definition, back) }).toEqual({ replay, rows: stored(definition, rows) })
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  },
)

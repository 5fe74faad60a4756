import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { preparePythonReaders, pythonProgram, readTables } from '@meru/testkit/interop'
import { afterAll, describe, expect, test } from 'vitest'
import { open, t, table } from '../src/index.ts'
import { TINY } from './fixture.ts'

const TIMEOUT_MS = 180_000
const DAY_MS = 86_400_000
const root = mkdtempSync(join(tmpdir(), 'meru-partitions-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const visits = table(
  'visits',
  { site: t.string(), at: t.timestamptz(), id: t.int(), note: t.string().nullable() },
  {
    key: ['site', 'at', 'id'],
    partitionBy: [
      { column: 'site', transform: 'identity' },
      { column: 'at', transform: 'day' },
    ],
  },
)
const SITES = ['é', 'north', 'south']

/** Files of one partition, one of several, and deletes of both forms; gives the metadata file. */
async function makeTable(
  formatVersion: 2 | 3,
): Promise<{ metadata: string; directory: string; ids: Map<string, number[]> }> {
  const directory = join(root, `v${formatVersion}`)
  await using db = await open(directory, { settings: { ...TINY, workers: 0, autoCompaction: false } })
  const stored = await db.table(visits)
  const rows = SITES.flatMap((site, s) =>
    [-2, -1, 0, 1].flatMap((day, d) =>
      Array.from({ length: 10 }, (_, i) => ({
        site,
        at: new Date(day * DAY_MS + i * 8_000_000),
        id: s * 1000 + d * 100 + i,
        note: i % 3 === 0 ? null : `${site} ${i}`,
      })),
    ),
  )
  await stored.putMany(rows)
  await stored.compact()
  await stored.exportIceberg({ formatVersion })
  const gone = rows.filter(({ id }) => id % 7 === 0)
  await stored.deleteMany(gone.map(({ site, at, id }) => ({ site, at, id })))
  await stored.exportIceberg()
  // One file of two partitions, which is in none.
  await stored.putMany(
    ['north', 'south'].map((site) => ({ site, at: new Date(5 * DAY_MS), id: 1, note: 'late' })),
  )
  const { metadataFile } = await stored.exportIceberg()
  const ids = new Map(SITES.map((site) => [site, [] as number[]]))
  for await (const row of stored.scan()) ids.get(row.site)?.push(row.id)
  return { metadata: fileURLToPath(metadataFile), directory: join(directory, 'tables', 'visits'), ids }
}

const tables = [await makeTable(2), await makeTable(3)]
const missing = await preparePythonReaders()
for (const reason of Object.values(missing))
  if (reason !== undefined) process.stderr.write(`left out: ${reason}\n`)

const PROGRAM = `
import json, sys
from pyiceberg.table import StaticTable
t = StaticTable.from_metadata(sys.argv[1])
def plan(filter):
    return len(list(t.scan(row_filter=filter).plan_files()))
print(json.dumps({
    "partitions": [
        [p["spec_id"], p["partition"].get("site"), str(p["partition"].get("at_day")), p["record_count"], p["file_count"]]
        for p in t.inspect.partitions().to_pylist()
    ],
    "north": plan("site = 'north'"),
    "day": plan("site = 'é' and at >= '1970-01-02T00:00:00+00:00'"),
    "all": plan("id >= 0"),
}))
`

describe.each(tables.map((made, i) => [i + 2, made] as const))(
  'a partitioned table of version %i',
  (_, made) => {
    test.skipIf(missing.pyiceberg !== undefined)(
      'is planned by its partitions in pyiceberg',
      { timeout: TIMEOUT_MS },
      () => {
        const found = JSON.parse(
          execFileSync(pythonProgram(), ['-c', PROGRAM, made.metadata], {
            encoding: 'utf8',
            timeout: TIMEOUT_MS,
          }),
        ) as Record<string, unknown>
        const days = ['1969-12-30', '1969-12-31', '1970-01-01', '1970-01-02']
        const expected = SITES.flatMap((site) => days.map((day) => [1, site, day, 10, 1]))
        expect(found['partitions']).toEqual(expect.arrayContaining(expected))
        // Beside the file that is in no partition, those of the partition alone.
        expect(found).toMatchObject({ all: 13, north: 5, day: 1 })
      },
    )

    const readers = (['pyiceberg', 'duckdb'] as const).filter((reader) => missing[reader] === undefined)
    test.each(readers)('shows the rows of each partition to %s', { timeout: TIMEOUT_MS }, async (reader) => {
      const place = reader === 'duckdb' ? made.directory : made.metadata
      const requests = [...made.ids.keys()].map((site) => ({
        reader,
        table: place,
        filter: `site = '${site}'`,
        columns: ['id'],
      }))
      const answers = await readTables(requests)
      for (const [i, ids] of [...made.ids.values()].entries()) {
        const found = answers[i].map((row) => Number(row['id'])).toSorted((a, b) => a - b)
        expect(found).toEqual(ids.toSorted((a, b) => a - b))
      }
    })
  },
)

import { t, table as declare } from '@meru/core'
import { MemoryFs } from '@meru/fs'
import { TestEnvironment } from '@meru/testkit'
import { sortedLines, textRows } from '@meru/testkit/interop'
import { beforeEach, expect, test } from 'vitest'
import { createExportCache, type ExportCache } from '../src/index.ts'
import { TableFiles } from '../src/published-table.ts'
import { readWithIcebird } from './icebird-reader.ts'
import { readSnapshot } from './reference-reader.ts'
import { exportChecked, readPublished } from './sample-export.ts'
import { SampleTable, type Row } from './sample-table.ts'

const CITIES = declare(
  'cities',
  { city: t.string(), id: t.int() },
  { key: ['city', 'id'], partitionBy: [{ column: 'city', transform: 'truncate[1]' }] },
)
/** One more than have delete files of their own. */
const MANY = 65
const FEW = 64

let env: TestEnvironment
let cache: ExportCache
let fs: MemoryFs
let table: SampleTable

beforeEach(async () => {
  env = new TestEnvironment()
  cache = createExportCache()
  fs = new MemoryFs()
  table = await SampleTable.create(fs, env, CITIES)
})

/** Each file has three rows of each city; gives the first row of each file. */
async function flushFiles(count: number, cities: readonly string[]): Promise<Row[]> {
  const firsts: Row[] = []
  for (let i = 0; i < count; i++) {
    const rows = [3 * i, 3 * i + 1, 3 * i + 2].flatMap((id) => cities.map((city) => ({ city, id })))
    firsts.push(rows[0])
    await table.flush(rows)
  }
  return firsts
}

interface DeleteFile {
  readonly path: string
  /** The spec, and the partition as text. */
  readonly place: string
  readonly rows: number
  /** The data file that the entry names, if it is about one alone. */
  readonly about: string | null
}

/** Publishes in version 2, expects the right rows in every reader, and gives the delete files. */
async function publish(): Promise<DeleteFile[]> {
  const { version } = await exportChecked(table, env, { formatVersion: 2, cache })
  const { metadata, snapshot, rows } = await readPublished(table, version)
  const id = Number(snapshot['snapshot-id'])
  const expected = sortedLines(textRows(table.schema, table.rows))
  const read = (await readSnapshot(fs, metadata, id)).map(({ row }) => row)
  expect(sortedLines(textRows(table.schema, read))).toEqual(expected)
  const icebird = await readWithIcebird(fs, metadata, id)
  expect(sortedLines(textRows(table.schema, icebird))).toEqual(expected)
  const files = new TableFiles(table, metadata.location)
  const manifests = rows.filter(({ content }) => content === 1)
  const found = manifests.map(async (row) =>
    (await files.loadManifest(row)).live.map(({ data_file: file }) => ({
      path: file.file_path,
      place: `${row.partition_spec_id} ${JSON.stringify(file.partition)}`,
      rows: file.record_count,
      about: file.referenced_data_file,
    })),
  )
  return (await Promise.all(found)).flat()
}

/** How many delete files there are in each place, and the rows of each. */
function shape(files: readonly DeleteFile[]): Record<string, number[]> {
  const rows: Record<string, number[]> = {}
  for (const { place, rows: count } of files) (rows[place] ??= []).push(count)
  return rows
}

const [B, N, O, NONE] = [
  ...['b', 'n', 'o'].map((city_trunc) => `1 ${JSON.stringify({ city_trunc })}`),
  '0 {}',
]

test('many data files share one delete file for each partition, and one for those of several', async () => {
  const deleted = [
    ...(await flushFiles(MANY, ['oslo'])),
    ...(await flushFiles(MANY, ['nice'])),
    ...(await flushFiles(MANY, ['rome', 'zug'])),
    ...(await flushFiles(2, ['bern'])),
  ]
  expect(await publish()).toEqual([])
  await table.flush([], deleted)
  const first = await publish()
  expect(shape(first)).toEqual({ [O]: [MANY], [N]: [MANY], [NONE]: [MANY], [B]: [1, 1] })
  for (const { place, about } of first) expect(about === null).toBe(place !== B)

  const others = (files: readonly DeleteFile[]): string[] =>
    files.flatMap(({ place, path }) => (place === N ? [] : [path])).toSorted()
  // One row more comes in a file of its own.
  await table.flush([], [{ city: 'nice', id: 1 }])
  const second = await publish()
  expect(shape(second)[N].toSorted((a, b) => a - b)).toEqual([1, MANY])
  expect(others(second)).toEqual(others(first))
  // With its last row a data file goes, and the shared file with it; the rest are few enough for files of their own.
  await table.flush([], [{ city: 'nice', id: 2 }])
  const third = await publish()
  expect(shape(third)[N]).toEqual(Array.from({ length: MANY - 1 }, () => 1))
  expect(others(third)).toEqual(others(first))
})

test('partitions are counted each on their own', async () => {
  const deleted = [...(await flushFiles(FEW, ['oslo'])), ...(await flushFiles(FEW, ['nice']))]
  await table.flush([], deleted)
  const ones = Array.from({ length: FEW }, () => 1)
  expect(shape(await publish())).toEqual({ [O]: ones, [N]: ones })
})

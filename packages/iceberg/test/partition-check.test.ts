import { MemoryFs } from '@meru/fs'
import { TestEnvironment } from '@meru/testkit'
import { beforeEach, expect, test } from 'vitest'
import { t, table as declare } from '@meru/core'
import { checkTable, exportIceberg } from '../src/index.ts'
import type { ManifestRow } from '../src/manifest-entry.ts'
import { rewriteManifests, withFile, withRow, type ManifestEdits } from './rewritten-manifests.ts'
import { editJson, expectSound, optionsFor, readPublished } from './sample-export.ts'
import { readWithIcebird } from './icebird-reader.ts'
import { SampleTable } from './sample-table.ts'

const CITIES = declare(
  'cities',
  { city: t.string(), id: t.int() },
  { key: ['city', 'id'], partitionBy: [{ column: 'city', transform: 'truncate[1]' }] },
)
const METADATA = 'tables/cities/metadata/v2.metadata.json'

let fs: MemoryFs
let table: SampleTable

beforeEach(async () => {
  fs = new MemoryFs()
  const env = new TestEnvironment()
  table = await SampleTable.create(fs, env, CITIES)
  const rows = (city: string): { city: string; id: number }[] => [1, 2, 3].map((id) => ({ city, id }))
  await table.flush(rows('bern'))
  await table.flush([...rows('oslo'), ...rows('ostend')])
  await table.flush([...rows('rome'), ...rows('zug')])
  await exportIceberg(optionsFor(table, env))
  await table.flush([], [rows('bern')[0], rows('rome')[0]])
  await exportIceberg(optionsFor(table, env))
  await expectSound(fs, table.directory)
})

async function expectViolation(problem: RegExp): Promise<void> {
  const { violations } = await checkTable(fs, table.directory)
  expect(violations).toContainEqual({
    rule: 'partition',
    file: expect.any(String) as string,
    problem: expect.stringMatching(problem) as string,
  })
}

const MOVED = withFile({ partition: { city_trunc: 'x' } })
const summary = (change: Partial<ManifestRow['partitions'][number]>): ManifestEdits => ({
  row: (row) => ({ ...row, partitions: row.partitions.map((each) => ({ ...each, ...change })) }),
})

test('files of one partition and of several, and deletes of them, are named by manifests of their own', async () => {
  const { rows, entries, metadata } = await readPublished(table, 2)
  expect(rows.map((row) => [row.content, row.partition_spec_id])).toEqual([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ])
  expect(entries.map(({ data_file: file }) => [file.content, file.partition])).toEqual([
    [0, {}],
    [0, { city_trunc: 'o' }],
    [0, { city_trunc: 'b' }],
    [1, {}],
    [1, { city_trunc: 'b' }],
  ])
  expect(metadata['default-spec-id']).toBe(1)
  expect(metadata['last-partition-id']).toBe(1000)
})

test('icebird sees every row', async () => {
  const { metadata, snapshot } = await readPublished(table, 2)
  const found = await readWithIcebird(fs, metadata, Number(snapshot['snapshot-id']))
  expect(found).toHaveLength(table.rows.length)
})

test.each([
  ['a partition that the rows are not in', 0, MOVED, /city_trunc is x, the transform of/],
  ['a delete file of another partition', 1, MOVED, /the partition of .* expected/],
  [
    'a summary with another lower bound',
    0,
    summary({ lower_bound: Buffer.from('c') }),
    /lower_bound of field/,
  ],
  [
    'a summary with another upper bound',
    0,
    summary({ upper_bound: Buffer.from('n') }),
    /upper_bound of field/,
  ],
  ['a summary with nulls', 0, summary({ contains_null: true }), /contains_null of field/],
  ['a row without summaries', 0, withRow({ partitions: [] }), /number of summaries/],
] as const)('%s is found', async (_, content, edits, problem) => {
  await rewriteManifests(table, { version: 2, content }, edits)
  await expectViolation(problem)
})

test.each([
  ['a field id that was not given out', '"field-id":1000', '"field-id":1001', /field id 1001 is outside/],
  ['a source that is no column', '"source-id":10', '"source-id":99', /lacks column 99/],
  ['a transform that nobody knows', 'truncate[1]', 'shrink[1]', /transform shrink/],
  ['a name that a column has', '"name":"city_trunc"', '"name":"id"', /has the name of a column/],
  ['a spec that is not listed', '"spec-id":1,', '"spec-id":2,', /spec 1 is not in the metadata/],
] as const)('%s is found', async (_, from, to, problem) => {
  await editJson(fs, METADATA, (text) => text.replace(from, to))
  await expectViolation(problem)
})

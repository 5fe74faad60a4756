import { MemoryFs } from '@meru/fs'
import { writePositionDeletes } from '@meru/sst'
import { TestEnvironment } from '@meru/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { avroBytes } from '../src/avro-file.ts'
import { checkTable, exportIceberg, type Rule } from '../src/index.ts'
import type { ManifestEntry, ManifestRow } from '../src/manifest-entry.ts'
import { TableFiles } from '../src/published-table.ts'
import {
  editJson,
  expectSound,
  optionsFor,
  ORDERS,
  orders,
  readPublished,
  replaceFile,
} from './sample-export.ts'
import { rewriteManifests, withEntry, withFile, withRow } from './rewritten-manifests.ts'
import { SampleTable } from './sample-table.ts'

const VERSION = 3
const METADATA = `tables/orders/metadata/v${VERSION}.metadata.json`
const DATA = { version: VERSION, content: 0 } as const
const DELETES = { version: VERSION, content: 1 } as const
const SYNC = new Uint8Array(16)

let fs: MemoryFs
let table: SampleTable

beforeEach(async () => {
  fs = new MemoryFs()
  const env = new TestEnvironment()
  table = await SampleTable.create(fs, env, ORDERS)
  for (let i = 0; i < VERSION; i++) {
    await table.flush(orders(i * 10, i * 10 + 20, `export ${i}`), i === 2 ? [{ id: 0 }] : [])
    await exportIceberg(optionsFor(table, env))
  }
  await expectSound(fs, table.directory)
})

async function expectViolation(rule: Rule, problem: RegExp | string): Promise<void> {
  const { violations } = await checkTable(fs, table.directory)
  expect(violations).toContainEqual({
    rule,
    file: expect.any(String),
    problem: expect.stringMatching(problem),
  })
}

describe('the metadata file', () => {
  const edits: [name: string, edit: (text: string) => string, rule: Rule, problem: RegExp][] = [
    [
      'null',
      (text) => text.replace('"refs":', '"statistics":null,"refs":'),
      'metadata',
      /null at \/statistics/,
    ],
    [
      'format version',
      (text) => text.replace('"format-version":2', '"format-version":1'),
      'metadata',
      /format-version/,
    ],
    ['UUID', (text) => text.replace(/"table-uuid":"[^"]+"/, '"table-uuid":"x"'), 'metadata', /UUID/],
    [
      'sort order',
      (text) => text.replace('"default-sort-order-id":1', '"default-sort-order-id":7'),
      'metadata',
      /sort order/,
    ],
    [
      'column id',
      (text) => text.replace('"last-column-id":12', '"last-column-id":11'),
      'schema',
      /last-column-id/,
    ],
    [
      'identifier',
      (text) => text.replace('"identifier-field-ids":[10]', '"identifier-field-ids":[11]'),
      'schema',
      /identify/,
    ],
    [
      'current schema',
      (text) => text.replace('"current-schema-id":0', '"current-schema-id":4'),
      'schema',
      /not listed/,
    ],
    [
      'sequence',
      (text) => text.replace('"last-sequence-number":3', '"last-sequence-number":2'),
      'snapshot',
      /sequence number 3/,
    ],
    ['schema of a snapshot', (text) => text.replace('},"schema-id":0}', '}}'), 'snapshot', /schema-id/],
    [
      'main',
      (text) => text.replace(/"main":\{"snapshot-id":\d+/, '"main":{"snapshot-id":77'),
      'snapshot',
      /names snapshot 77/,
    ],
    [
      'operation',
      (text) => text.replace('"operation":"append"', '"operation":"insert"'),
      'snapshot',
      /known operation/,
    ],
    [
      'total',
      (text) => text.replace('"total-records":"20"', '"total-records":"21"'),
      'summary',
      /total-records/,
    ],
    ['added', (text) => text.replace(/("added-records":")20/g, '$119'), 'summary', /added-records/],
    [
      'live',
      (text) => text.replace('"meru.live-records":"39"', '"meru.live-records":"40"'),
      'summary',
      /live-records/,
    ],
    [
      'log order',
      (text) => text.replace(/("snapshot-log":.*?"timestamp-ms":)\d+/, '$19999999999999'),
      'log',
      /not sorted/,
    ],
    [
      'log end',
      (text) =>
        text.replace(/,\{"snapshot-id":\d+,"timestamp-ms":\d+\}\],"metadata-log"/, '],"metadata-log"'),
      'log',
      /last of snapshot-log/,
    ],
    [
      'location',
      (text) => text.replace('"location":"memory:///files', '"location":"memory:///my files'),
      'uri',
      /canonical/,
    ],
    ['lost metadata', (text) => text.replace('v1.metadata.json', 'v9.metadata.json'), 'log', /v9.* absent/],
  ]
  test.each(edits)('%s', async (_name, edit, rule, problem) => {
    await editJson(fs, METADATA, edit)
    await expectViolation(rule, problem)
  })

  test.each(['3\n', 'v3', '2', ''])('hint %j', async (hint) => {
    await replaceFile(fs, 'tables/orders/metadata/version-hint.text', new TextEncoder().encode(hint))
    await expectViolation('hint', /./)
  })
})

function bound(...bytes: number[]): { key: number; value: Uint8Array }[] {
  return [{ key: 10, value: avroBytes(Uint8Array.from(bytes)) }]
}

describe('manifests', () => {
  const rowEdits: [name: string, change: Partial<ManifestRow>, rule: Rule, problem: RegExp][] = [
    ['files count', { added_files_count: 5 }, 'manifest', /added_files_count is 5/],
    ['rows count', { added_rows_count: 5 }, 'manifest', /added_rows_count is 5/],
    ['min sequence', { min_sequence_number: 0 }, 'manifest', /min_sequence_number/],
    ['length', { manifest_length: 12 }, 'manifest-list', /manifest_length/],
    ['sequence', { sequence_number: 9 }, 'manifest-list', /later snapshot/],
    ['spec', { partition_spec_id: 1 }, 'partition', /spec 1 is not in the metadata/],
  ]
  test.each(rowEdits)('row: %s', async (_name, change, rule, problem) => {
    await rewriteManifests(table, DATA, withRow(change))
    await expectViolation(rule, problem)
  })

  const dataEdits: [name: string, change: object, rule: Rule, problem: RegExp][] = [
    ['path', { file_path: 'memory:///files/tables/orders/data/gone.parquet' }, 'data-file', /does not exist/],
    ['other spelling', { file_path: 'memory:/files/tables/orders/data/x.parquet' }, 'uri', /canonical/],
    ['record count', { record_count: 7 }, 'data-file', /record_count is 7/],
    ['no rows', { record_count: 0 }, 'entry', /no rows/],
    ['size', { file_size_in_bytes: 99 }, 'data-file', /file_size_in_bytes is 99/],
    ['offsets', { split_offsets: [5] }, 'data-file', /split_offsets/],
    ['offsets order', { split_offsets: [9, 4] }, 'entry', /not ascending/],
    ['sort order', { sort_order_id: null }, 'entry', /sort_order_id/],
    ['format', { file_format: 'ORC' }, 'entry', /file_format/],
    ['content', { content: 1 }, 'entry', /content 1/],
    ['null counts', { null_value_counts: [{ key: 10, value: 3 }] }, 'data-file', /null_value_counts of id/],
    ['value counts', { value_counts: [{ key: 10, value: 3 }] }, 'data-file', /value_counts of id/],
    ['sizes', { column_sizes: [{ key: 10, value: 3 }] }, 'data-file', /column_sizes of id/],
    ['hidden column', { value_counts: [{ key: 1, value: 20 }] }, 'data-file', /hidden column 1/],
    ['bound width', { lower_bounds: bound(1, 2) }, 'bounds', /2 bytes/],
    ['bounds crossed', { lower_bounds: bound(255, 255, 255, 127) }, 'bounds', /above the upper/],
    ['unknown column', { lower_bounds: [{ key: 99, value: avroBytes(SYNC) }] }, 'bounds', /in no schema/],
    ['no bounds', { upper_bounds: null }, 'entry', /upper_bounds is missing/],
  ]
  test.each(dataEdits)('data file: %s', async (_name, change, rule, problem) => {
    await rewriteManifests(table, DATA, withFile(change))
    await expectViolation(rule, problem)
  })

  const deleteEdits: [name: string, change: object, rule: Rule, problem: RegExp][] = [
    [
      'no target',
      { referenced_data_file: null },
      'delete-file',
      /rows about one data file, which the entry does not name/,
    ],
    [
      'other target',
      { referenced_data_file: 'memory:///files/tables/orders/data/x.parquet' },
      'snapshot',
      /not live/,
    ],
    ['sort order', { sort_order_id: 1 }, 'entry', /sort_order_id/],
    ['cut bounds', { upper_bounds: [{ key: 2147483546, value: avroBytes(SYNC) }] }, 'entry', /whole path/],
    ['record count', { record_count: 3 }, 'delete-file', /record_count is 3/],
    ['all rows', { record_count: 20 }, 'snapshot', /every row/],
    ['format', { file_format: 'PUFFIN' }, 'entry', /file_format/],
  ]
  test.each(deleteEdits)('delete file: %s', async (_name, change, rule, problem) => {
    await rewriteManifests(table, DELETES, withFile(change))
    await expectViolation(rule, problem)
  })

  const entryEdits: [name: string, change: Partial<ManifestEntry>, rule: Rule, problem: RegExp][] = [
    [
      'inherited though existing',
      { status: 0, snapshot_id: null, sequence_number: null },
      'entry',
      /must be explicit/,
    ],
    [
      'deleted by another',
      { status: 2, snapshot_id: 5, sequence_number: 1, file_sequence_number: 1 },
      'entry',
      /removed by/,
    ],
    ['added by another', { snapshot_id: 5 }, 'entry', /added by another/],
    ['unknown status', { status: 3 }, 'entry', /status 3/],
    [
      'later than its deletes',
      { status: 0, snapshot_id: 5, sequence_number: 9, file_sequence_number: 9 },
      'snapshot',
      /older than its data file/,
    ],
  ]
  test.each(entryEdits)('entry: %s', async (_name, change, rule, problem) => {
    await rewriteManifests(table, DATA, withEntry(change))
    await expectViolation(rule, problem)
  })

  test('a file that is live twice', async () => {
    const { entries } = await readPublished(table, VERSION)
    const { data_file: file } = entries[0]
    await rewriteManifests(table, DATA, withFile(file))
    await expectViolation('snapshot', /live twice/)
  })

  test('a damaged Avro file', async () => {
    const { rows, metadata } = await readPublished(table, VERSION)
    const path = new TableFiles(table, metadata.location).pathOf(rows[0].manifest_path) ?? ''
    const bytes = (await fs.readFile(path)) ?? SYNC
    await replaceFile(fs, path, bytes.subarray(0, bytes.length - 3))
    await expectViolation('avro', /bytes expected/)
  })

  test.each(['field-id', '"default":null', 'added_files_count', '"k117_v118"'])(
    'an Avro schema without %s',
    async (text) => {
      const { rows, snapshot, metadata } = await readPublished(table, VERSION)
      const uri = text === 'added_files_count' ? snapshot['manifest-list'] : rows[0].manifest_path
      const path = new TableFiles(table, metadata.location).pathOf(uri) ?? ''
      const latin = Buffer.from((await fs.readFile(path)) ?? SYNC).toString('latin1')
      const other = text.replace(/[a-z]/, 'x')
      await replaceFile(fs, path, Buffer.from(latin.replaceAll(text, other), 'latin1'))
      await expectViolation('avro', /expected/)
    },
  )
})

describe('the rows of a delete file', () => {
  const replaceDeletes = async (dead: Parameters<typeof writePositionDeletes>[0]): Promise<void> => {
    const { entries, metadata } = await readPublished(table, VERSION)
    const entry = entries.find(({ data_file: file }) => file.content === 1)
    const path = new TableFiles(table, metadata.location).pathOf(entry?.data_file.file_path ?? '') ?? ''
    await replaceFile(fs, path, await writePositionDeletes(dead))
  }

  test('are in order', async () => {
    const positions = BigInt64Array.of(7n, 3n)
    await replaceDeletes([{ referencedDataFile: 'memory:///elsewhere', positions }])
    await expectViolation('delete-file', /position 3 after 7/)
    await expectViolation('delete-file', /about memory:\/\/\/elsewhere/)
  })

  test('which is the order of bytes, not of UTF-16', async () => {
    const positions = BigInt64Array.of(3n)
    await replaceDeletes(['～', '\u{1f600}'].map((referencedDataFile) => ({ referencedDataFile, positions })))
    await expectViolation('delete-file', /about \u{1f600}/u)
    const { violations } = await checkTable(fs, table.directory)
    expect(violations.filter(({ problem }) => problem.includes(' after '))).toEqual([])
  })
})

test('a data file that is no Parquet', async () => {
  await replaceFile(fs, `tables/orders/data/${table.files[0].id}.parquet`, new Uint8Array(100))
  await expectViolation('data-file', /not readable as Parquet/)
})

test('a directory without metadata', async () => {
  const { violations, version } = await checkTable(new MemoryFs(), table.directory)
  expect(version).toBeUndefined()
  expect(violations).toMatchObject([{ rule: 'hint' }])
})

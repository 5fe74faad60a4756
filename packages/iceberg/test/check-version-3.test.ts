import { MemoryFs } from '@meru/fs'
import { DeadPositions, encodeDeletionVector } from '@meru/sst'
import { TestEnvironment } from '@meru/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { avroBytes } from '../src/avro-file.ts'
import { checkTable, exportIceberg, type Rule } from '../src/index.ts'
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
import { rewriteManifests, withFile, withRow, type ManifestEdits } from './rewritten-manifests.ts'
import { SampleTable } from './sample-table.ts'

const VERSION = 2
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
  await table.flush(orders(0, 20))
  await exportIceberg(optionsFor(table, env, { formatVersion: 3 }))
  await table.flush(orders(20, 40), [{ id: 3 }, { id: 4 }])
  await exportIceberg(optionsFor(table, env))
  await expectSound(fs, table.directory)
})

async function expectViolation(rule: Rule, problem: RegExp): Promise<void> {
  const { violations } = await checkTable(fs, table.directory)
  expect(violations).toContainEqual({
    rule,
    file: expect.any(String),
    problem: expect.stringMatching(problem),
  })
}

describe('the checker has teeth: deletion vectors', () => {
  const edits: [name: string, edits: ManifestEdits, rule: Rule, problem: RegExp][] = [
    ['wrong cardinality', withFile({ record_count: 3 }), 'delete-file', /3/],
    ['no cardinality', withFile({ record_count: 0 }), 'entry', /no rows/],
    ['every row', withFile({ record_count: 20 }), 'snapshot', /every row/],
    ['no target', withFile({ referenced_data_file: null }), 'entry', /without referenced_data_file/],
    ['no offset', withFile({ content_offset: null }), 'entry', /without content_offset/],
    ['no size', withFile({ content_size_in_bytes: null }), 'entry', /without content_size/],
    ['zero length', withFile({ content_size_in_bytes: 0 }), 'delete-file', /./],
    ['another offset', withFile({ content_offset: 5 }), 'delete-file', /./],
    ['size of the file', withFile({ file_size_in_bytes: 9 }), 'delete-file', /file_size_in_bytes/],
    ['row ids', withFile({ first_row_id: 0 }), 'entry', /with first_row_id/],
    ['Parquet', withFile({ file_format: 'PARQUET' }), 'entry', /new deletion vectors only/],
    [
      'two for one file',
      { entries: ([entry]) => [entry, entry] },
      'snapshot',
      /2 of 2 delete files about .* are deletion vectors/,
    ],
  ]
  test.each(edits)('%s', async (_name, change, rule, problem) => {
    await rewriteManifests(table, DELETES, change)
    await expectViolation(rule, problem)
  })

  async function editVector(edit: (blob: Uint8Array) => void): Promise<void> {
    const { entries, metadata } = await readPublished(table, VERSION)
    const file = entries.find(({ data_file: { content } }) => content === 1)?.data_file
    const path =
      new TableFiles({ fs, directory: table.directory }, metadata.location).pathOf(file?.file_path ?? '') ??
      ''
    const bytes = ((await fs.readFile(path)) ?? SYNC).slice()
    const start = file?.content_offset ?? 0
    edit(bytes.subarray(start, start + (file?.content_size_in_bytes ?? 0)))
    await replaceFile(fs, path, bytes)
  }

  test('a position that is another one', async () => {
    // The checksum fits: the blob is that of other rows.
    const other = encodeDeletionVector(DeadPositions.empty.with(Uint32Array.of(3, 99)))
    await editVector((blob) => blob.set(other))
    await expectViolation('delete-file', /position 99 in a data file of 20 rows/)
  })

  test.each([
    ['its magic number', 4],
    ['its length', 3],
    ['a position', 28],
  ])('damage to %s', async (_name, at) => {
    await editVector((blob) => (blob[at] ^= 1))
    await expectViolation('delete-file', /./)
  })
})

describe('the checker has teeth: row ids', () => {
  const edits: [name: string, edits: ManifestEdits, problem: RegExp][] = [
    ['of another file', withFile({ first_row_id: 0 }), /row ids of another file/],
    ['never given out', withFile({ first_row_id: 21 }), /not given out/],
    ['a manifest of another one', withRow({ first_row_id: 0 }), /row ids of another file/],
  ]
  test.each(edits)('%s', async (_name, change, problem) => {
    await rewriteManifests(table, DATA, change)
    await expectViolation('row-id', problem)
  })

  test('a manifest without them', async () => {
    await rewriteManifests(table, DATA, withRow({ first_row_id: null }))
    await expectViolation('manifest-list', /first_row_id/)
  })

  const metadataEdits: [name: string, from: string, to: string, rule: Rule, problem: RegExp][] = [
    ['no next-row-id', '"next-row-id":40,', '', 'metadata', /next-row-id/],
    ['given out twice', '"next-row-id":40', '"next-row-id":39', 'snapshot', /beyond next-row-id/],
    ['a snapshot without', '"added-rows":20', '"added-row":20', 'snapshot', /belong together/],
    [
      'too few',
      '"first-row-id":20,"added-rows":20',
      '"first-row-id":20,"added-rows":19',
      'row-id',
      /not given out/,
    ],
  ]
  test.each(metadataEdits)('metadata: %s', async (_name, from, to, rule, problem) => {
    await editJson(fs, METADATA, (text) => {
      expect(text).toContain(from)
      return text.replace(from, to)
    })
    await expectViolation(rule, problem)
  })
})

describe('the checker has teeth: counts and bounds', () => {
  const four = (...bytes: number[]): object => [{ key: 10, value: avroBytes(Uint8Array.from(bytes)) }]
  const edits: [name: string, edits: ManifestEdits, rule: Rule, problem: RegExp][] = [
    ['record count', withFile({ record_count: 19 }), 'data-file', /record_count is 19/],
    [
      'a lower bound above a value',
      withFile({ lower_bounds: four(21, 0, 0, 0) }),
      'bounds',
      /lower bound is above a value/,
    ],
    [
      'an upper bound below a value',
      withFile({ upper_bounds: four(38, 0, 0, 0) }),
      'bounds',
      /upper bound is below a value/,
    ],
  ]
  test.each(edits)('%s', async (_name, change, rule, problem) => {
    await rewriteManifests(table, DATA, change)
    await expectViolation(rule, problem)
  })
})

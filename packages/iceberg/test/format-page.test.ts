import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compileAvroSchema } from '../src/avro-file.ts'
import { manifestFileSchema } from '../src/avro-schema.ts'
import * as format from '../src/format.ts'
import { formatJson } from '../src/json.ts'
import { currentSnapshot, parseTableMetadata } from '../src/table-metadata.ts'
import { shown } from './readme-example.ts'

const page = read('../../../docs/format/iceberg-mapping.md')

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}

function block(language: string): string {
  const found = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(page)?.[1]
  if (found === undefined) throw new Error(`the page has no ${language} block`)
  return found
}

test('the hex example of the page is one row of a manifest list', () => {
  const hex = block('hex')
    .replaceAll(/ {2}\S.*$/gm, '')
    .replaceAll(/\s/g, '')
  const bytes = new Uint8Array(Buffer.from(hex, 'hex'))
  const schema = compileAvroSchema(manifestFileSchema(2))
  const { value, offset } = schema.decode(bytes, 0)
  expect(offset).toBe(bytes.length)
  expect({ ...(value as object) }).toEqual({
    manifest_path: 'file:///db/tables/t/metadata/m0.avro',
    manifest_length: 3381,
    partition_spec_id: format.UNPARTITIONED_SPEC_ID,
    content: format.MANIFEST_DATA,
    sequence_number: 2,
    min_sequence_number: 1,
    added_snapshot_id: 7001,
    added_files_count: 1,
    existing_files_count: 2,
    deleted_files_count: 0,
    added_rows_count: 500,
    existing_rows_count: 1000,
    deleted_rows_count: 0,
    partitions: [],
    key_metadata: null,
  })
  expect(Buffer.from(schema.encode(value)).toString('hex')).toBe(hex)
})

test('the metadata file of the page is one that the export reads and writes', () => {
  const text = block('json')
  const metadata = parseTableMetadata(text, 'page')
  expect(currentSnapshot(metadata)?.['snapshot-id']).toBe(7001)
  expect(formatJson(metadata)).toBe(formatJson(JSON.parse(text)))
  expect(metadata.properties).toMatchObject({ [format.PROPERTY_TABLE_ID]: '1', 'gc.enabled': 'false' })
})

test('the example in the README is one that runs', () => {
  const example = /```ts\n([^]*?)```/.exec(read('../README.md'))?.[1]
  const source = read('readme-example.ts').replace("'../src/index.ts'", "'@meru/iceberg'")
  expect(source.replace(/\nexport const shown.*\n/, '')).toBe(example)
  expect(shown).toEqual([1, true, 0, []])
})

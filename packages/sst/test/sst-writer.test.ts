import { readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import type { BytesVector } from '@meru/core'
import { MemoryFs } from '@meru/fs'
import { parquetMetadata } from 'hyparquet'
import { describe, expect, test } from 'vitest'
import { CREATED_BY } from '../src/format.ts'
import { layoutFor } from '../src/layout.ts'
import type { SstBatch } from '../src/sst-batch.ts'
import { SstWriter } from '../src/sst-writer.ts'
import {
  encodeRows,
  everyType,
  everyTypeRows,
  openSample,
  seqnoOf,
  TINY,
  writeSample,
} from './sample-files.ts'

const rows = everyTypeRows(41, 200)
const encoded = encodeRows(everyType, rows)

function create(fs: MemoryFs, level = 1): Promise<SstWriter> {
  return SstWriter.create({
    fs,
    path: 'w.parquet',
    id: 'w',
    schema: everyType.schema,
    level,
    layout: layoutFor(level, TINY),
  })
}

describe('a finished file', () => {
  test.each([0, 1])('level %i: says what it holds', async (level) => {
    const { fs, path, meta } = await writeSample(everyType, rows, { level, layout: TINY })
    const bytes = (await fs.readFile(path)) as Uint8Array
    const seqnos = rows.map((_, i) => seqnoOf(i))
    expect(meta).toMatchObject({
      id: '0b8e3b0e-6a1c-4d61-9c0e-4f5a3c2d1e00',
      level,
      schemaId: 0,
      rows: 200,
      bytes: bytes.length,
      hash: createHash('sha256').update(bytes).digest('hex'),
      minSeqno: Math.min(...seqnos),
      maxSeqno: Math.max(...seqnos),
      minKey: keyAt(encoded.keys, 0),
      maxKey: keyAt(encoded.keys, 199),
    })
    expect(meta.columns.map(({ id }) => id)).toEqual(everyType.schema.columns.map(({ id }) => id))
    const groups = parquetMetadata(bytes).row_groups
    expect(groups.map((group) => Number(group.num_rows))).toEqual([64, 64, 64, 8])
    expect(meta.splitOffsets).toEqual(groups.map((group) => Number(group.file_offset)))
    meta.columns.forEach((column, i) => {
      const stored = groups.reduce(
        (sum, group) => sum + Number(group.columns[i].meta_data?.total_compressed_size),
        0,
      )
      expect(column.bytes).toBe(stored)
    })
  })

  test('is the same, byte for byte, for the same rows', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map(() => writeSample(everyType, rows, { level: 1, layout: TINY, batchRows: 50 })),
    )
    expect(second.meta.hash).toBe(first.meta.hash)
  })

  test('does not depend on how the rows came', async () => {
    for (const level of [0, 1]) {
      const whole = await writeSample(everyType, rows, { level, layout: TINY, batchRows: 1000 })
      for (const batchRows of [1, 7, 64, 100]) {
        const parts = await writeSample(everyType, rows, { level, layout: TINY, batchRows })
        expect(parts.meta.hash, `batches of ${batchRows}`).toBe(whole.meta.hash)
      }
    }
  })

  test('names its writer as other engines expect, with the version of this package', async () => {
    const { fs, path } = await writeSample(everyType, rows, { level: 1 })
    const metadata = parquetMetadata((await fs.readFile(path)) as Uint8Array)
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    expect(metadata.created_by).toBe(`meru version ${version}`)
    expect(CREATED_BY).toBe(metadata.created_by)
    expect(metadata.key_value_metadata).toEqual([
      { key: 'meru.format', value: '1' },
      { key: 'meru.id', value: '0b8e3b0e-6a1c-4d61-9c0e-4f5a3c2d1e00' },
      { key: 'meru.level', value: '1' },
      { key: 'meru.schema-id', value: '0' },
      { key: 'meru.key', value: '10,11' },
    ])
  })

  test('holds wide rows in pages of few, and in row groups of bounded size', async () => {
    const wide = everyTypeRows(42, 40).map((row) => ({ ...row, blob: new Uint8Array(5000).fill(7) }))
    const layout = {
      pageRows: 16,
      rowGroupRows: 1600,
      pageBytes: 20_000,
      rowGroupBytes: 120_000,
      compression: 'none',
    } as const
    const file = await writeSample(everyType, wide, { level: 1, layout })
    const metadata = parquetMetadata((await file.fs.readFile(file.path)) as Uint8Array)
    expect(metadata.row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([16, 16, 8])
    for (const { columns, num_rows } of metadata.row_groups) {
      const pages = columns.map(
        ({ meta_data }) =>
          meta_data?.encoding_stats?.find(({ page_type }) => page_type === 'DATA_PAGE')?.count,
      )
      // Four rows of 5,000 bytes and more do not fit into 20,000.
      expect(new Set(pages).size).toBe(1)
      expect(pages[0]).toBeGreaterThanOrEqual(Number(num_rows) / 3)
    }
    const reader = await openSample(file, everyType)
    const blob = everyType.schema.columns.findIndex(({ name }) => name === 'blob')
    const read = reader.readRowsSync(0, 40, [everyType.schema.columns[blob].id])
    expect((read.columns[0] as BytesVector).offsets[40]).toBe(200_000)
    await reader.close()
  })
})

describe('a writer', () => {
  test('refuses keys that do not ascend, within a batch and between batches', async () => {
    const fs = new MemoryFs()
    const writer = await create(fs)
    await writer.append(encoded.batch(10, 20, 1))
    const message = /w\.parquet: key [0-9a-f]+.* is written after key [0-9a-f]+/
    await expect(writer.append(encoded.batch(19, 25, 1))).rejects.toThrow(message)
    await expect(writer.append(encoded.batch(0, 5, 1))).rejects.toMatchObject({ code: 'CORRUPT' })
    const batch = encoded.batch(30, 32, 1)
    const { bytes, offsets } = batch.keys
    const swapped: BytesVector = {
      physical: 'bytes',
      length: 2,
      bytes: Uint8Array.of(
        ...bytes.subarray(offsets[1], offsets[2]),
        ...bytes.subarray(offsets[0], offsets[1]),
      ),
      offsets: Uint32Array.of(0, offsets[2] - offsets[1], offsets[2] - offsets[0]),
    }
    await expect(writer.append({ ...batch, keys: swapped })).rejects.toThrow(message)
    await writer.abort()
  })

  test('counts rows and bytes as it goes', async () => {
    const writer = await create(new MemoryFs())
    expect(writer.rows).toBe(0)
    await writer.append(encoded.batch(0, 100, 1))
    expect(writer.rows).toBe(100)
    expect(writer.bytes).toBeGreaterThan(5000)
    await writer.append(encoded.batch(100, 100, 1))
    expect(writer.rows).toBe(100)
    await writer.abort()
  })

  test('does not finish a file without rows, and aborting leaves nothing', async () => {
    const fs = new MemoryFs()
    const writer = await create(fs)
    await expect(writer.finish()).rejects.toThrow(TypeError)
    expect(await fs.size('w.parquet')).toBeDefined()
    await writer.abort()
    expect(await fs.size('w.parquet')).toBeUndefined()
  })

  test('never overwrites a file', async () => {
    const fs = new MemoryFs()
    await (await create(fs)).append(encoded.batch(0, 5, 1))
    await expect(create(fs)).rejects.toThrow(/w\.parquet/)
  })

  const good = encoded.batch(0, 5, 1)
  const bad: readonly (readonly [string, Partial<SstBatch>, RegExp])[] = [
    ['too few columns', { columns: good.columns.slice(1) }, /21 columns, schema 0 has 22/],
    [
      'a column of another type',
      { columns: [good.columns[1], ...good.columns.slice(1)] },
      /"tenant" is 5 × i64, bytes expected/,
    ],
    ['a column of another length', { columns: encoded.batch(0, 4, 1).columns }, /"tenant" is 4 × bytes/],
    [
      'nulls in a required column',
      { columns: [{ ...good.columns[0], validity: Uint8Array.of(1) }, ...good.columns.slice(1)] },
      /"tenant" is required/,
    ],
    ['keys of another length', { keys: encoded.batch(0, 4, 1).keys }, /keys or seqnos/],
    ['seqnos of another length', { seqnos: new Float64Array(2) }, /keys or seqnos/],
    ['values on a deeper level', { values: encoded.batch(0, 5, 0).values }, /values are for level 0/],
  ]
  test.each(bad)('refuses a batch with %s', async (_, change, message) => {
    const writer = await create(new MemoryFs())
    await expect(writer.append({ ...good, ...change })).rejects.toThrow(message)
    await expect(writer.append({ ...good, ...change })).rejects.toThrow(TypeError)
    await writer.abort()
  })

  test('needs values on level 0', async () => {
    const writer = await create(new MemoryFs(), 0)
    await expect(writer.append(good)).rejects.toThrow(/values are for level 0/)
    await writer.abort()
  })
})

function keyAt({ bytes, offsets }: BytesVector, row: number): Uint8Array {
  return bytes.slice(offsets[row], offsets[row + 1])
}

import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { t, table } from '@meru/core'
import { parquetWriteBuffer, type ColumnSource } from 'hyparquet-writer'
import { expect, test } from 'vitest'
import { parquetRows, type ParquetSource, type RowsOptions } from '../src/index.ts'
import { collect } from './random-table.ts'

const birds = table(
  'birds',
  { id: t.long({ mode: 'number' }), name: t.string().nullable(), seen: t.timestamptz().nullable() },
  { key: ['id'] },
)

function fileOf(columnData: ColumnSource[], rowGroupSize = 1000): ArrayBuffer {
  return parquetWriteBuffer({ columnData, rowGroupSize })
}

async function read(source: ParquetSource, options?: RowsOptions): Promise<unknown[]> {
  return await collect(parquetRows(source, birds, options))
}

async function failureOf(rows: Promise<unknown>): Promise<string> {
  const error: unknown = await rows.catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'INVALID' })
  return (error as Error).message
}

const ids: ColumnSource = { name: 'id', data: [1, 2], type: 'INT32' }

test('rows have the types and the modes of the table, not those of the file', async () => {
  const file = fileOf([
    { name: 'seen', data: [new Date(5), null], type: 'TIMESTAMP' },
    ids,
    { name: 'name', data: ['ü', null], type: 'STRING' },
  ])
  expect(await read(file)).toEqual([
    { id: 1, name: 'ü', seen: new Date(5) },
    { id: 2, name: null, seen: null },
  ])
})

test('row groups come one after the other, and only columns of the table are read', async () => {
  const count = 5000
  const file = fileOf([
    { name: 'id', data: Array.from({ length: count }, (_, i) => i), type: 'INT32' },
    { name: 'other', data: Array.from({ length: count }, (_, i) => `other ${i}`), type: 'STRING' },
  ])
  let bytes = 0
  const counted: ParquetSource = {
    byteLength: file.byteLength,
    slice: (start, end = file.byteLength) => {
      bytes += end - start
      return file.slice(start, end)
    },
  }
  const rows = await read(counted, { unknown: 'ignore' })
  expect(rows).toEqual(Array.from({ length: count }, (_, id) => ({ id })))
  const whole = { ...counted }
  const withOther = table('o', { id: t.int(), other: t.string() }, { key: ['id'] })
  const some = bytes
  bytes = 0
  await collect(parquetRows(whole, withOther))
  expect(bytes - some).toBeGreaterThan(count)
})

test.each([
  ['GZIP', gzipSync],
  ['BROTLI', brotliCompressSync],
  ['ZSTD', zstdCompressSync],
] as const)('%s is decompressed', async (codec, compress) => {
  const data = Array.from({ length: 500 }, (_, i) => i)
  const columnData: ColumnSource[] = [{ name: 'id', data, type: 'INT32' }]
  const compressors = { [codec]: (bytes: Uint8Array) => new Uint8Array(compress(bytes)) }
  expect(await read(parquetWriteBuffer({ columnData, codec, compressors }))).toEqual(
    data.map((id) => ({ id })),
  )
})

test('a consumer that stops reads no further row group', async () => {
  const file = fileOf([{ name: 'id', data: Array.from({ length: 50_000 }, (_, i) => i), type: 'INT32' }])
  let last = 0
  const watched: ParquetSource = {
    byteLength: file.byteLength,
    slice: (start, end) => {
      if (start < file.byteLength / 2) last = Math.max(last, start)
      return file.slice(start, end)
    },
  }
  for await (const rows of parquetRows(watched, birds)) {
    expect(rows[0].id).toBe(0)
    break
  }
  expect(last).toBeLessThan(file.byteLength / 10)
})

test.each<[string, () => Promise<unknown>, RegExp]>([
  [
    'a value that does not fit',
    () => read(fileOf([{ name: 'id', data: [1n, 2n ** 60n], type: 'INT64' }])),
    /^row 2 of the input: table "birds", column "id": 1152921504606846976 is no long; expected .* between/,
  ],
  [
    'null in a required column',
    () => read(fileOf([{ name: 'id', data: [1, null], type: 'INT32' }])),
    /^row 2 .*column "id": is empty/,
  ],
  [
    'a column that the table lacks',
    () => read(fileOf([ids, { name: 'x', data: [1, 2], type: 'INT32' }])),
    /^table "birds": the input has column "x", which the table lacks/,
  ],
  [
    'a column that is missing',
    () => read(fileOf([{ name: 'name', data: ['a'], type: 'STRING' }])),
    /^table "birds", column "id": is missing/,
  ],
  [
    'a file that is no Parquet',
    () => read(new ArrayBuffer(64)),
    /^table "birds": the input cannot be read as Parquet/,
  ],
  ['a file that is cut off', () => read(fileOf([ids]).slice(0, -20)), /cannot be read as Parquet/],
])('%s is refused', async (_what, rows, expected) => {
  expect(await failureOf(rows())).toMatch(expected)
})

test('a source that is none is a TypeError', () => {
  expect(() => parquetRows('birds.parquet' as never, birds)).toThrow(/asyncBufferFromFile/)
})

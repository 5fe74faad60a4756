import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { NodeFs } from '@meru/fs'
import { parquetMetadata, parquetReadObjects, type AsyncBuffer, type FileMetaData } from 'hyparquet'
import { readColumnIndex, readOffsetIndex } from 'hyparquet/src/indexes.js'
import { readParquet, writeParquet } from 'parquet-wasm/node'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Codec } from '../src/compression.ts'
import type { SstLayout } from '../src/layout.ts'
import {
  everyType,
  everyTypeRows,
  seqnoOf,
  TINY,
  writeSample,
  type Row,
  type SampleFile,
} from './sample-files.ts'

// Pages as small as these would hardly ever be compressed.
vi.mock('../src/codec-choice.ts', () => ({ choosePageCodec: (codec: Codec) => ({ codec, level: 1 }) }))

const rows = everyTypeRows(21, 500)
const noNulls = everyTypeRows(22, 300, Infinity)
const allNulls = everyTypeRows(23, 200, 1)

const FILES: readonly (readonly [name: string, rows: Row[], level: number, layout: Partial<SstLayout>])[] = [
  ['level 0', rows, 0, TINY],
  ['level 0, one page', rows, 0, {}],
  ['level 1', rows, 1, TINY],
  ['level 1, no compression', rows, 1, { ...TINY, compression: 'none' }],
  ['level 1, snappy', rows, 1, { ...TINY, compression: 'snappy' }],
  ['level 1, no dictionary', rows, 1, { ...TINY, dictionary: false }],
  ['level 1, one page', rows, 1, {}],
  ['without nulls', noNulls, 1, TINY],
  ['all nulls', allNulls, 1, TINY],
]

let directory: string
let duckdb: DuckDBConnection
const samples = new Map<string, SampleFile>()

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meru-sst-'))
  const fs = new NodeFs(directory)
  for (const [name, fileRows, level, layout] of FILES) {
    const path = `${samples.size}.parquet`
    samples.set(name, await writeSample(everyType, fileRows, { level, layout, fs, path, batchRows: 61 }))
  }
  duckdb = await (await DuckDBInstance.create(':memory:')).connect()
})

afterAll(async () => {
  duckdb.closeSync()
  await rm(directory, { recursive: true })
})

async function bytesOf(name: string): Promise<Uint8Array> {
  const { fs, path } = samples.get(name) as SampleFile
  return (await fs.readFile(path)) as Uint8Array
}

function bufferOf(bytes: Uint8Array): AsyncBuffer {
  return {
    byteLength: bytes.length,
    slice: (start, end) => Uint8Array.from(bytes.subarray(start, end)).buffer,
  }
}

/** Keeps values as the file has them: no dates of milliseconds, no text where there is none. */
const RAW = {
  parsers: {
    timestampFromMilliseconds: (value: bigint) => value,
    timestampFromMicroseconds: (value: bigint) => value,
    timestampFromNanoseconds: (value: bigint) => value,
    dateFromDays: (value: number) => value,
    stringFromBytes: (value: Uint8Array) => value,
    uuidFromBytes: (value: Uint8Array) => value,
  } as never,
}

const NUMBERS = [
  'flag',
  'maybeFlag',
  'small',
  'ratio',
  'score',
  'id',
  'big',
  'clock',
  'at',
  'zoned',
  'nano',
  'zonedNano',
]

function hex(value: unknown): unknown {
  return value === null ? null : Buffer.from(value as Uint8Array).toString('hex')
}

/** A row with numbers, texts and bytes as plain values that every reader can be brought to. Decimals are left out. */
function plain(row: Row): Row {
  const result: Row = {
    tenant: row.tenant,
    text: row.text,
    word: row.word,
    code: hex(row.code),
    blob: hex(row.blob),
  }
  for (const name of NUMBERS) result[name] = typeof row[name] === 'bigint' ? String(row[name]) : row[name]
  if (row.clock !== null) result.clock = (row.clock as number).toString()
  result.day = row.day === null ? null : Date.parse(`${row.day as string}T00:00:00Z`) / 86_400_000
  result.uid = row.uid === null ? null : (row.uid as string).replaceAll('-', '')
  return result
}

describe.each(FILES)('%s', (name, fileRows) => {
  test('hyparquet reads what was written', async () => {
    const bytes = await bytesOf(name)
    const compressors = { ZSTD: (body: Uint8Array) => new Uint8Array(zstdDecompressSync(body)) }
    const read = await parquetReadObjects({ file: bufferOf(bytes), compressors, utf8: false, ...RAW })
    const text = (value: unknown): unknown =>
      value === null ? null : Buffer.from(value as Uint8Array).toString()
    const found = read.map((row) => {
      const result: Row = { tenant: text(row.tenant), text: text(row.text), word: text(row.word) }
      for (const key of ['code', 'blob', 'uid']) result[key] = hex(row[key])
      for (const key of NUMBERS) result[key] = typeof row[key] === 'bigint' ? String(row[key]) : row[key]
      return { ...result, day: row.day }
    })
    expect(found).toEqual(fileRows.map(plain))
    expect(read.map((row) => Number(row._seqno))).toEqual(fileRows.map((_, i) => seqnoOf(i)))
  })

  test('DuckDB reads what was written, decimals included', async () => {
    const { path } = samples.get(name) as SampleFile
    expect(await readByDuckdb(join(directory, path))).toEqual(fileRows.map(asDuckdb))
  })

  test('DuckDB finds the same rows whether or not it may use statistics', async () => {
    const path = join(directory, (samples.get(name) as SampleFile).path)
    for (const condition of [
      'id = 7',
      "tenant = 'b' and id > 20",
      "word = 'beta'",
      'small < 0',
      'score = 0',
      'price > 0',
      'big is null',
      "text >= 'gamma'",
    ]) {
      const counts = await duckdb.runAndReadAll(`
        select (select count(*) from read_parquet('${path}') where ${condition}),
               (select count(*) from (select * from read_parquet('${path}') offset 0) where ${condition})`)
      const [pruned, whole] = counts.getRows()[0]
      expect([condition, pruned]).toEqual([condition, whole])
    }
  })

  test('Arrow in Rust reads what was written: DuckDB finds it all in a copy that Arrow made', async () => {
    const copy = join(directory, `copy-of-${(samples.get(name) as SampleFile).path}`)
    await writeFile(copy, writeParquet(readParquet(await bytesOf(name))))
    const plainUuid = fileRows.map((row, i) => ({ ...asDuckdb(row, i), uid: hexOrNull(uuidBytes(row.uid)) }))
    // Arrow has no UUID, so the copy holds bare bytes.
    expect(await readByDuckdb(copy, 'hex(uid)')).toEqual(plainUuid)
  })
})

async function readByDuckdb(path: string, uid = 'uid::varchar'): Promise<Row[]> {
  const sql = `
    select tenant, id, flag, maybeFlag, small, big, ratio, score, price::varchar price, amount::varchar amount,
      huge::varchar huge, "day"::varchar "day", epoch_us(clock) clock, epoch_us("at") "at", epoch_us(zoned) zoned,
      epoch_ns(nano) nano, epoch_ns(zonedNano) zonedNano, "text", word, ${uid} uid, hex(code) code,
      hex(blob) blob, _seqno
    from read_parquet('${path}')`
  return (await duckdb.runAndReadAll(sql)).getRowObjects()
}

function uuidBytes(uuid: unknown): Uint8Array | null {
  return uuid === null ? null : Buffer.from((uuid as string).replaceAll('-', ''), 'hex')
}

/** Bytes as DuckDB's `hex` prints them. */
function hexOrNull(value: unknown): string | null {
  return value === null ? null : String(hex(value)).toUpperCase()
}

/** A row as `readByDuckdb` gives it. */
function asDuckdb(row: Row, index: number): Row {
  return {
    ...row,
    clock: row.clock === null ? null : BigInt(row.clock as number),
    // DuckDB keeps zoned times in microseconds.
    zonedNano: row.zonedNano === null ? null : ((row.zonedNano as bigint) / 1000n) * 1000n,
    code: hexOrNull(row.code),
    blob: hexOrNull(row.blob),
    _seqno: BigInt(seqnoOf(index)),
  }
}

describe('metadata', () => {
  test('every column has its field id, hidden columns last', async () => {
    for (const [name, , level] of FILES) {
      const { schema } = metadataOf(await bytesOf(name))
      const hidden = level === 0 ? [1, 2] : [1]
      expect(schema.slice(1).map((element) => element.field_id)).toEqual([
        ...everyType.schema.columns.map(({ id }) => id),
        ...hidden,
      ])
    }
  })

  test('types carry their logical and, where there is one, converted type', async () => {
    const { schema } = metadataOf(await bytesOf('level 0'))
    const described = schema
      .slice(1)
      .map(({ name, type, type_length, repetition_type, converted_type, logical_type }) =>
        [
          name,
          type,
          type_length,
          repetition_type,
          converted_type,
          logical_type && JSON.stringify(logical_type),
        ]
          .filter((part) => part !== undefined)
          .join(' '),
      )
    expect(described).toMatchInlineSnapshot(`
      [
        "tenant BYTE_ARRAY REQUIRED UTF8 {"type":"STRING"}",
        "id INT64 REQUIRED",
        "flag BOOLEAN REQUIRED",
        "maybeFlag BOOLEAN OPTIONAL",
        "small INT32 OPTIONAL",
        "big INT64 OPTIONAL",
        "ratio FLOAT OPTIONAL",
        "score DOUBLE OPTIONAL",
        "price INT32 OPTIONAL DECIMAL {"type":"DECIMAL","scale":2,"precision":9}",
        "amount INT64 OPTIONAL DECIMAL {"type":"DECIMAL","scale":4,"precision":18}",
        "huge FIXED_LEN_BYTE_ARRAY 16 OPTIONAL DECIMAL {"type":"DECIMAL","scale":10,"precision":38}",
        "day INT32 OPTIONAL DATE {"type":"DATE"}",
        "clock INT64 OPTIONAL {"type":"TIME","isAdjustedToUTC":false,"unit":"MICROS"}",
        "at INT64 OPTIONAL {"type":"TIMESTAMP","isAdjustedToUTC":false,"unit":"MICROS"}",
        "zoned INT64 OPTIONAL TIMESTAMP_MICROS {"type":"TIMESTAMP","isAdjustedToUTC":true,"unit":"MICROS"}",
        "nano INT64 OPTIONAL {"type":"TIMESTAMP","isAdjustedToUTC":false,"unit":"NANOS"}",
        "zonedNano INT64 OPTIONAL {"type":"TIMESTAMP","isAdjustedToUTC":true,"unit":"NANOS"}",
        "text BYTE_ARRAY OPTIONAL UTF8 {"type":"STRING"}",
        "word BYTE_ARRAY REQUIRED UTF8 {"type":"STRING"}",
        "uid FIXED_LEN_BYTE_ARRAY 16 OPTIONAL {"type":"UUID"}",
        "code FIXED_LEN_BYTE_ARRAY 5 OPTIONAL",
        "blob BYTE_ARRAY OPTIONAL",
        "_seqno INT64 REQUIRED",
        "_row BYTE_ARRAY REQUIRED",
      ]
    `)
  })

  test('row groups say that they are sorted by the key', async () => {
    const { row_groups } = metadataOf(await bytesOf('level 1'))
    expect(row_groups.length).toBeGreaterThan(3)
    for (const { sorting_columns } of row_groups) {
      expect(sorting_columns).toEqual([
        { column_idx: 0, descending: false, nulls_first: false },
        { column_idx: 1, descending: false, nulls_first: false },
      ])
    }
  })

  test('page indexes lead to pages that start where they say, with the bounds of their rows', async () => {
    const bytes = await bytesOf('level 1')
    const metadata = metadataOf(bytes)
    const checked = new Map<string, number>()
    let first = 0
    for (const group of metadata.row_groups) {
      const rowsOf = (column: string): unknown[] =>
        rows.slice(first, first + Number(group.num_rows)).map((row) => row[column])
      group.columns.forEach((chunk, i) => {
        const element = metadata.schema[i + 1]
        if (chunk.offset_index_offset === undefined) return
        const pages = readOffsetIndex(readerAt(bytes, chunk.offset_index_offset)).page_locations
        expect(pages[0].offset).toBe(chunk.meta_data?.data_page_offset)
        expect(pages.map((page) => Number(page.first_row_index))).toEqual(pages.map((_, page) => page * 16))
        for (const { offset } of pages) expect(bytes[Number(offset)]).toBe(0x15)
        if (chunk.column_index_offset === undefined) return
        const index = readColumnIndex(readerAt(bytes, chunk.column_index_offset), element, RAW.parsers)
        expect(index.null_pages.length).toBe(pages.length)
        checked.set(element.name, (checked.get(element.name) ?? 0) + 1)
        if (!['small', 'id', 'big', 'ratio'].includes(element.name)) return
        const expected = pages.map((_, page) =>
          boundsOf(rowsOf(element.name).slice(page * 16, page * 16 + 16)),
        )
        expect(pages.map((_, page) => [index.min_values[page], index.max_values[page]])).toEqual(expected)
      })
      first += Number(group.num_rows)
    }
    expect(checked.get('small')).toBe(8)
    expect(checked.size).toBeGreaterThan(15)
  })

  test.each(['level 0', 'level 1'] as const)(
    'every chunk has an offset index, the hidden row too: %s',
    async (name) => {
      const { row_groups } = metadataOf(await bytesOf(name))
      const chunks = row_groups.flatMap(({ columns }) => columns)
      expect(chunks.length).toBeGreaterThan(0)
      const names = chunks.filter((chunk) => chunk.offset_index_offset === undefined)
      expect(names.map((chunk) => chunk.meta_data?.path_in_schema)).toEqual([])
    },
  )

  test('hyparquet reads any rows through the page indexes', async () => {
    const file = bufferOf(await bytesOf('level 1, snappy'))
    for (const [rowStart, rowEnd] of [
      [0, 1],
      [70, 75],
      [127, 260],
      [490, 500],
    ]) {
      const read = await parquetReadObjects({
        file,
        rowStart,
        rowEnd,
        columns: ['id', 'small'],
        useOffsetIndex: true,
      })
      expect(read).toEqual(rows.slice(rowStart, rowEnd).map(({ id, small }) => ({ id, small })))
    }
  })

  test('the first key column ascends from page to page', async () => {
    const bytes = await bytesOf('level 1')
    const metadata = metadataOf(bytes)
    const orders = metadata.row_groups.flatMap(({ columns: [chunk] }) =>
      chunk.column_index_offset === undefined
        ? []
        : [
            readColumnIndex(readerAt(bytes, chunk.column_index_offset), metadata.schema[1], RAW.parsers)
              .boundary_order,
          ],
    )
    expect(new Set(orders)).toEqual(new Set(['ASCENDING']))
  })
})

/** Smallest and largest of the values that are neither null nor NaN. */
function boundsOf(values: readonly unknown[]): unknown[] {
  const present = (values as (number | bigint | null)[]).filter((value) => value !== null && value === value)
  const sorted = (present as number[]).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const zero = (value: number, side: number): number => (value === 0 ? (side < 0 ? -0 : 0) : value)
  return [zero(sorted[0], -1), zero(sorted[sorted.length - 1], 1)]
}

function metadataOf(bytes: Uint8Array): FileMetaData {
  return parquetMetadata(bytes, RAW)
}

function readerAt(bytes: Uint8Array, offset: bigint): { view: DataView; offset: number } {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: Number(offset) }
}

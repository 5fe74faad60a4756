import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { RowCodec, t, table, type TableDefinition } from '@meru/core'
import { NodeFs, type MemoryFs } from '@meru/fs'
import { Random, randomColumn, RandomRows } from '@meru/testkit'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { readParquet, writeParquet } from 'parquet-wasm/node'
import { describe, expect, test, vi } from 'vitest'
import type { Codec } from '../src/compression.ts'
import { ABSENT, PAGE_MISS, seek, type SstReader } from '../src/sst-reader.ts'
import { openSample, TINY, writeSample, type Row, type SampleFile } from './sample-files.ts'

// Pages as small as these would hardly ever be compressed.
vi.mock('../src/codec-choice.ts', () => ({ choosePageCodec: (codec: Codec) => ({ codec, level: 1 }) }))

/** Lists, structs and maps, alone and in one another; each leaf type that is read in a way of its own. */
const nested: TableDefinition = table(
  'nested',
  {
    id: t.int(),
    tags: t.list(t.string()),
    gaps: t.list(t.int().nullable()).nullable(),
    flags: t.list(t.boolean().nullable()),
    home: t
      .struct({
        street: t.string(),
        zip: t.int().nullable(),
        place: t.struct({ lat: t.double(), lon: t.double().nullable() }).nullable(),
      })
      .nullable(),
    must: t.struct({ a: t.long({ mode: 'number' }), b: t.struct({ c: t.int() }) }),
    counts: t.map(t.string(), t.int().nullable(), { mode: 'object' }),
    matrix: t.list(t.list(t.int().nullable()).nullable()).nullable(),
    orders: t
      .list(
        t.struct({
          sku: t.string(),
          sizes: t.map(t.string(), t.list(t.int()), { mode: 'object' }).nullable(),
          day: t.date().nullable(),
        }),
      )
      .nullable(),
    last: t.string(),
  },
  { key: ['id'] },
)

function randomRows(definition: TableDefinition, seed: number, count: number): Row[] {
  const random = new Random(seed)
  const rows = new RandomRows(definition, random)
  return Array.from({ length: count }, (_, id) => ({ ...withNulls(definition, rows.row()), id }))
}

function withNulls({ schema }: TableDefinition, row: object): Row {
  return Object.fromEntries(schema.columns.map(({ name }) => [name, (row as Row)[name] ?? null]))
}

/** As JSON has it: what is read through other readers is compared in this form. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [key, plain(one)]))
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'bigint') return Number(value)
  // hyparquet has it for null within a row.
  if (value === undefined) return null
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]))
}

/** Numbers, booleans and texts that JSON tells alike everywhere. */
function tameRows(seed: number, count: number): Row[] {
  const random = new Random(seed)
  const maybe = <T>(value: () => T): T | null => (random.oneIn(4) ? null : value())
  const list = <T>(value: () => T): T[] =>
    Array.from({ length: random.oneIn(4) ? 0 : random.below(5) }, value)
  const int = (): number => random.below(2000) - 1000
  const word = (): string =>
    random.pick(['', 'a', 'ß', 'a longer text than most', '漢😀']) + String(random.below(50))
  const object = <T>(value: () => T): Record<string, T> =>
    Object.fromEntries(list(() => [`k${random.below(30)}`, value()] as const))
  return Array.from({ length: count }, (_, id) => ({
    id,
    tags: list(word),
    gaps: maybe(() => list(() => maybe(int))),
    flags: list(() => maybe(() => random.oneIn(2))),
    home: maybe(() => ({
      street: word(),
      zip: maybe(int),
      place: maybe(() => ({ lat: int() / 8, lon: maybe(() => int() / 4) })),
    })),
    must: { a: int(), b: { c: int() } },
    counts: object(() => maybe(int)),
    matrix: maybe(() => list(() => maybe(() => list(() => maybe(int))))),
    orders: maybe(() =>
      list(() => ({
        sku: word(),
        sizes: maybe(() => object(() => list(int))),
        day: maybe(() => `20${10 + random.below(80)}-0${1 + random.below(9)}-11`),
      })),
    ),
    last: word(),
  }))
}

async function readBack(
  sample: SampleFile,
  definition: TableDefinition,
  isCached: boolean,
): Promise<unknown[]> {
  const codec = RowCodec.compile(definition.name, definition.schema, definition.modes)
  const reader = await openSample(sample, definition)
  const found: unknown[] = []
  for (let from = 0; from < reader.meta.rows; from += 45) {
    const to = Math.min(from + 45, reader.meta.rows)
    const { columns } = await reader.readRows(from, to, codec.all.columnIds, { cached: isCached })
    found.push(...codec.rowsOf(columns, 0, to - from))
  }
  await reader.close()
  return found
}

/** Rows by key, as whole rows and by some columns only. */
async function readByKey(
  reader: SstReader,
  definition: TableDefinition,
  names?: string[],
): Promise<unknown[]> {
  const codec = RowCodec.compile(definition.name, definition.schema, definition.modes)
  const selection = codec.select(names)
  const rows: unknown[] = []
  for (let position = 0; position < reader.meta.rows; position++) {
    let row = reader.row(position, selection.columnIds)
    while (row === PAGE_MISS) {
      await reader.loadMissing()
      row = reader.row(position, selection.columnIds)
    }
    const { bytes, keyStart, keyEnd, valueStart, valueEnd, vectors, index } = row
    rows.push(
      bytes.length > 0
        ? codec.decodeRow(bytes, keyStart, keyEnd, valueStart, valueEnd, selection)
        : codec.rowAt(vectors, index, selection),
    )
  }
  return rows
}

describe.each([
  ['level 0', 0, TINY],
  ['level 1', 1, TINY],
  ['level 1, one page', 1, {}],
  ['level 1, no compression', 1, { ...TINY, compression: 'none' as const }],
])('nested columns in a file: %s', (_, level, layout) => {
  const rows = tameRows(7, 300)

  test('come back by scans, by key and by single columns', async () => {
    const sample = await writeSample(nested, rows, { level, layout, batchRows: 61 })
    expect(await readBack(sample, nested, false)).toEqual(rows)
    expect(await readBack(sample, nested, true)).toEqual(rows)
    const reader = await openSample(sample, nested)
    expect(await readByKey(reader, nested)).toEqual(rows)
    const narrow = rows.map(({ gaps, id }) => ({ gaps, id }))
    expect(await readByKey(reader, nested, ['gaps', 'id'])).toEqual(narrow)
    expect(await seek(reader, Uint8Array.of(0xff))).toBe(rows.length)
    expect(reader.find(Uint8Array.of(1), 0, 1)).toBe(ABSENT)
    await reader.close()
  })

  test('are what DuckDB, hyparquet and Arrow in Rust see', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'meru-nested-'))
    const sample = await writeSample(nested, rows, {
      level,
      layout,
      fs: new NodeFs(directory),
      batchRows: 61,
    })
    const bytes = (await sample.fs.readFile(sample.path)) as Uint8Array
    const duckdb = await (await DuckDBInstance.create(':memory:')).connect()
    const names = Object.keys(rows[0])
    const read = async (path: string): Promise<unknown[]> => {
      const columns = names.map((name) => `to_json("${name}")::varchar "${name}"`).join(', ')
      const result = await duckdb.runAndReadAll(
        `select ${columns} from read_parquet('${path}') order by id::int`,
      )
      return result
        .getRowObjects()
        .map((row) => Object.fromEntries(names.map((name) => [name, JSON.parse(row[name] as string)])))
    }
    expect(await read(join(directory, sample.path))).toEqual(rows.map(plain))
    const types = await duckdb.runAndReadAll(
      `select typeof(orders), typeof(counts) from read_parquet('${join(directory, sample.path)}') limit 1`,
    )
    expect(types.getRows()[0]).toEqual([
      'STRUCT(sku VARCHAR, sizes MAP(VARCHAR, INTEGER[]), "day" DATE)[]',
      'MAP(VARCHAR, INTEGER)',
    ])

    const copy = join(directory, 'copy.parquet')
    await writeFile(copy, writeParquet(readParquet(bytes)))
    expect(await read(copy)).toEqual(rows.map(plain))
    duckdb.closeSync()

    const compressors = { ZSTD: (body: Uint8Array) => new Uint8Array(zstdDecompressSync(body)) }
    const file = {
      byteLength: bytes.length,
      slice: (from: number, to?: number) => Uint8Array.from(bytes.subarray(from, to)).buffer,
    }
    const objects = await parquetReadObjects({
      file,
      compressors,
      columns: names.filter((name) => name !== 'orders'),
    })
    expect(objects.map(plain)).toEqual(rows.map(({ orders: _orders, ...row }) => plain(row)))
    await rm(directory, { recursive: true })
  })
})

test('a filter on a column after a nested one passes over pages, and one on a nested column over none', async () => {
  const rows = tameRows(3, 200)
  const reader = await openSample(await writeSample(nested, rows, { level: 1, layout: TINY }), nested)
  const codec = RowCodec.compile(nested.name, nested.schema, nested.modes)
  expect(await reader.pages.select(codec.filter({ last: '!' }), 0, 200)).toEqual([])
  expect(await reader.pages.select(codec.filter({ home: null }), 0, 200)).toEqual([{ from: 0, to: 200 }])
  await reader.close()
})

describe('random nested columns', () => {
  test.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'seed %i, every leaf type and hard values',
    async (seed) => {
      const random = new Random(seed)
      const definition = table(
        'random',
        {
          id: t.int(),
          a: randomColumn(random, 3),
          b: randomColumn(random, 4).nullable(),
          c: randomColumn(random, 2),
        },
        { key: ['id'] },
      )
      const rows = randomRows(definition, seed, 150)
      for (const level of [0, 1]) {
        const sample = await writeSample(definition, rows, { level, layout: TINY, batchRows: 23 })
        expect(await readBack(sample, definition, seed % 2 === 0)).toStrictEqual(rows)
        const reader = await openSample(sample, definition)
        expect(await readByKey(reader, definition)).toStrictEqual(rows)
        await reader.close()
      }
    },
  )
})

describe('what a file says of nested columns', () => {
  test('field ids on all but the repeated groups; levels of lists and maps by name', async () => {
    const sample = await writeSample(nested, tameRows(1, 20), { level: 1 })
    const { schema } = parquetMetadata((await (sample.fs as MemoryFs).readFile(sample.path)) as Uint8Array)
    const shown = schema.map(({ name, field_id, repetition_type, converted_type, num_children }) =>
      [name, field_id, repetition_type, converted_type, num_children]
        .filter((part) => part !== undefined)
        .join(' '),
    )
    expect(shown).toMatchInlineSnapshot(`
      [
        "table 11",
        "id 10 REQUIRED",
        "tags 11 REQUIRED LIST 1",
        "list REPEATED 1",
        "element 20 REQUIRED UTF8",
        "gaps 12 OPTIONAL LIST 1",
        "list REPEATED 1",
        "element 21 OPTIONAL",
        "flags 13 REQUIRED LIST 1",
        "list REPEATED 1",
        "element 22 OPTIONAL",
        "home 14 OPTIONAL 3",
        "street 23 REQUIRED UTF8",
        "zip 24 OPTIONAL",
        "place 25 OPTIONAL 2",
        "lat 26 REQUIRED",
        "lon 27 OPTIONAL",
        "must 15 REQUIRED 2",
        "a 28 REQUIRED",
        "b 29 REQUIRED 1",
        "c 30 REQUIRED",
        "counts 16 REQUIRED MAP 1",
        "key_value REPEATED 2",
        "key 31 REQUIRED UTF8",
        "value 32 OPTIONAL",
        "matrix 17 OPTIONAL LIST 1",
        "list REPEATED 1",
        "element 33 OPTIONAL LIST 1",
        "list REPEATED 1",
        "element 34 OPTIONAL",
        "orders 18 OPTIONAL LIST 1",
        "list REPEATED 1",
        "element 35 REQUIRED 3",
        "sku 36 REQUIRED UTF8",
        "sizes 37 OPTIONAL MAP 1",
        "key_value REPEATED 2",
        "key 38 REQUIRED UTF8",
        "value 39 REQUIRED LIST 1",
        "list REPEATED 1",
        "element 40 REQUIRED",
        "day 41 OPTIONAL DATE",
        "last 19 REQUIRED UTF8",
        "_seqno 1 REQUIRED",
      ]
    `)
  })

  test('counts of every column, and bounds of leaves that are in no list or map', async () => {
    const rows = tameRows(2, 200)
    const { meta } = await writeSample(nested, rows, { level: 1, layout: TINY })
    const statsOf = (id: number) => meta.columns.find((stats) => stats.id === id)
    const home = nested.schema.columns.find(({ name }) => name === 'home')
    const gaps = nested.schema.columns.find(({ name }) => name === 'gaps')
    const homes = rows.map((row) => row.home as { street: string; zip: number | null } | null)
    expect(statsOf(home?.id ?? 0)).toMatchObject({
      values: 200,
      nulls: homes.filter((one) => one === null).length,
    })
    const zip = home?.type.kind === 'struct' ? home.type.fields[1].id : 0
    const zips = homes.flatMap((one) => (one === null || one.zip === null ? [] : [one.zip]))
    expect(statsOf(zip)).toMatchObject({
      values: 200,
      nulls: 200 - zips.length,
      lower: int32(Math.min(...zips)),
      upper: int32(Math.max(...zips)),
    })
    const element = gaps?.type.kind === 'list' ? gaps.type.element.id : 0
    const lists = rows.map((row) => row.gaps as (number | null)[] | null)
    const entries = lists.reduce((sum, list) => sum + Math.max(1, list?.length ?? 0), 0)
    expect(statsOf(element)?.values).toBe(entries)
    expect(statsOf(element)?.lower).toBeUndefined()
    expect(statsOf(gaps?.id ?? 0)?.bytes).toBe(statsOf(element)?.bytes)
  })
})

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value, true)
  return bytes
}

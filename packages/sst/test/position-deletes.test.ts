import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { parquetMetadata, parquetReadObjects, type FileMetaData } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { readParquet, writeParquet } from 'parquet-wasm/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readPositionDeletes, writePositionDeletes, type DeadRows } from '../src/position-deletes.ts'
import { seededRandom } from './seeded-random.ts'

/** Positions that ascend in random steps. */
function dead(referencedDataFile: string, rows: number, stepMax = 20): DeadRows {
  const random = seededRandom(rows)
  const positions = new BigInt64Array(rows)
  let position = random.below(stepMax)
  for (let i = 0; i < rows; i++, position += 1 + random.below(stepMax)) positions[i] = BigInt(position)
  return { referencedDataFile, positions }
}

const PAGE_ROWS = 65_536
const GROUP_ROWS = 1 << 20
const A = 'file:///var/lib/app/tables/orders/data/0190d3a4-7b6e-7000-8000-00000000000a.parquet'
const B = A.replace('a.parquet', 'b.parquet')
/** As UTF-16 this is above the emoji, in UTF-8 below it. */
const WIDE = 'file:///~ｄａｔａ～/é.parquet'
const WIDEST = 'file:///~\u{1f600}/é.parquet'

const FILES: readonly (readonly [name: string, files: readonly DeadRows[]])[] = [
  ['one position', [dead(A, 1)]],
  ['two positions', [dead(A, 2)]],
  ['too few to compress', [dead(A, 63)]],
  ['enough to compress', [dead(A, 64)]],
  ['100,000 positions', [dead(A, 100_000)]],
  ['positions of a large file', [dead(A, 1000, 2_000_000)]],
  ['all but a page', [dead(A, PAGE_ROWS - 1)]],
  ['a page', [dead(A, PAGE_ROWS)]],
  ['a page and a position', [dead(A, PAGE_ROWS + 1)]],
  ['two data files, in the other order', [dead(B, 3), dead(A, 5)]],
  ['data files that meet within a page', [dead(A, PAGE_ROWS + 7), dead(B, PAGE_ROWS)]],
  ['data files that meet where a page does', [dead(A, PAGE_ROWS), dead(B, PAGE_ROWS)]],
  ['a path that is not ASCII', [dead(WIDEST, 10)]],
  ['paths in the order of their bytes', [dead(WIDEST, 10), dead(WIDE, 10), dead(A, 10)]],
  ['300 data files', Array.from({ length: 300 }, (_, i) => dead(A.replace('0a.', `${i}.`), 1 + (i % 40)))],
  ['two row groups', [dead(A, 10), dead(B, GROUP_ROWS + 100)]],
]

let directory: string
let duckdb: DuckDBConnection

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meru-deletes-'))
  duckdb = await (await DuckDBInstance.create(':memory:')).connect()
})

afterAll(async () => {
  duckdb.closeSync()
  await rm(directory, { recursive: true })
})

interface Columns {
  readonly paths: readonly string[]
  readonly positions: readonly bigint[]
}

/** The columns as they are to be in a file. */
function columnsOf(files: readonly DeadRows[]): Columns {
  const sorted = files.toSorted((a, b) =>
    Buffer.compare(Buffer.from(a.referencedDataFile), Buffer.from(b.referencedDataFile)),
  )
  return {
    paths: sorted.flatMap(({ referencedDataFile, positions }) =>
      Array.from(positions, () => referencedDataFile),
    ),
    positions: sorted.flatMap(({ positions }) => Array.from(positions)),
  }
}

/** Compares as text and bytes: millions of values are too many for a deep comparison. */
function expectColumns(found: Columns, expected: Columns): void {
  expect(found.paths.join('\n') === expected.paths.join('\n')).toBe(true)
  const bytes = ({ positions }: Columns): Buffer => Buffer.from(BigInt64Array.from(positions).buffer)
  expect(Buffer.compare(bytes(found), bytes(expected))).toBe(0)
}

const compressors = { ZSTD: (body: Uint8Array): Uint8Array => zstdDecompressSync(body) }

function metadataOf(bytes: Uint8Array): FileMetaData {
  return parquetMetadata(bytes.slice().buffer)
}

/** What the footer says of each column of each row group. */
function chunksOf(bytes: Uint8Array): { codec: string; encodings: readonly string[]; pages: number }[] {
  return metadataOf(bytes).row_groups.flatMap(({ columns }) =>
    columns.map(({ meta_data: chunk }) => ({
      codec: String(chunk?.codec),
      encodings: chunk?.encodings ?? [],
      pages: chunk?.encoding_stats?.find(({ page_type }) => page_type === 'DATA_PAGE')?.count ?? 0,
    })),
  )
}

async function readByDuckdb(bytes: Uint8Array): Promise<Columns> {
  const path = join(directory, 'deletes.parquet')
  await writeFile(path, bytes)
  const read = await duckdb.runAndReadAll(`select file_path, pos from read_parquet('${path}')`)
  const [paths, positions] = read.getColumns()
  return { paths: paths as string[], positions: positions as bigint[] }
}

describe.each(FILES)('%s', (_, files) => {
  const expected = columnsOf(files)

  test('hyparquet reads what was written', async () => {
    const bytes = await writePositionDeletes(files)
    const rows = await parquetReadObjects({ file: bytes.slice().buffer, compressors })
    const paths = rows.map((row) => row['file_path'] as string)
    const positions = rows.map((row) => row['pos'] as bigint)
    expectColumns({ paths, positions }, expected)
  })

  test('DuckDB reads what was written, and so does Arrow in Rust: DuckDB finds it all in its copy', async () => {
    const bytes = await writePositionDeletes(files)
    expectColumns(await readByDuckdb(bytes), expected)
    expectColumns(await readByDuckdb(writeParquet(readParquet(bytes))), expected)
  })

  test('it is read back by data file', async () => {
    const read = await readPositionDeletes(await writePositionDeletes(files))
    const names = new Set(expected.paths)
    expect(read.map(({ referencedDataFile }) => referencedDataFile)).toEqual([...names])
    for (const { referencedDataFile, positions } of read) {
      const given = files.find((file) => file.referencedDataFile === referencedDataFile)
      expect(positions).toEqual(given?.positions)
    }
  })

  test('each row group says exactly what it holds', async () => {
    const { row_groups, num_rows } = metadataOf(await writePositionDeletes(files))
    expect(Number(num_rows)).toBe(expected.paths.length)
    let first = 0
    for (const group of row_groups) {
      const end = first + Number(group.num_rows)
      const [paths, positions] = group.columns.map((chunk) => chunk.meta_data?.statistics)
      expect(paths).toMatchObject({
        null_count: 0n,
        min_value: expected.paths[first],
        max_value: expected.paths[end - 1],
        is_min_value_exact: true,
        is_max_value_exact: true,
      })
      const own = expected.positions.slice(first, end)
      const bounds = own.reduce(
        ([min, max], at) => [at < min ? at : min, at > max ? at : max],
        [own[0], own[0]],
      )
      expect([positions?.min_value, positions?.max_value]).toEqual(bounds)
      expect(group.sorting_columns?.map(({ column_idx }) => column_idx)).toEqual([0, 1])
      first = end
    }
    expect(first).toBe(expected.paths.length)
  })
})

test('the columns are those of the specification', async () => {
  const { schema } = metadataOf(await writePositionDeletes([dead(A, 2)]))
  expect(schema.slice(1)).toEqual([
    {
      name: 'file_path',
      type: 'BYTE_ARRAY',
      repetition_type: 'REQUIRED',
      field_id: 2147483546,
      converted_type: 'UTF8',
      logical_type: { type: 'STRING' },
    },
    { name: 'pos', type: 'INT64', repetition_type: 'REQUIRED', field_id: 2147483545 },
  ])
})

test('the path takes as many bytes for many rows as for few, positions are compressed', async () => {
  const few = await writePositionDeletes([dead(A, 64)])
  const many = await writePositionDeletes([dead(A, 60_000)])
  const bytesOfPaths = (bytes: Uint8Array): number =>
    Number(metadataOf(bytes).row_groups[0].columns[0].meta_data?.total_compressed_size)
  expect(bytesOfPaths(many) - bytesOfPaths(few)).toBeLessThan(5)
  expect(many.length).toBeLessThan(2 * 60_000)
  expect(chunksOf(many)).toEqual([
    { codec: 'UNCOMPRESSED', encodings: ['PLAIN', 'RLE', 'RLE_DICTIONARY'], pages: 1 },
    { codec: 'ZSTD', encodings: ['PLAIN', 'RLE'], pages: 1 },
  ])
})

test('pages and row groups have a size', async () => {
  const pages = async (...files: readonly DeadRows[]): Promise<number[]> =>
    chunksOf(await writePositionDeletes(files)).map((chunk) => chunk.pages)
  expect(await pages(dead(A, PAGE_ROWS))).toEqual([1, 1])
  expect(await pages(dead(A, PAGE_ROWS + 1))).toEqual([2, 2])
  expect(await pages(dead(A, GROUP_ROWS))).toEqual([16, 16])
  expect(await pages(dead(A, GROUP_ROWS), dead(B, 2))).toEqual([16, 16, 1, 1])
})

test('the same rows give the same bytes, in whatever order the data files come', async () => {
  const files = [dead(A, 500), dead(B, 70), dead(WIDE, 3)]
  expect(await writePositionDeletes(files.toReversed())).toEqual(await writePositionDeletes(files))
})

test('a file without rows is refused, and so is a data file without', async () => {
  await expect(writePositionDeletes([])).rejects.toThrow(TypeError)
  await expect(writePositionDeletes([dead(A, 1), dead(B, 0)])).rejects.toThrow(
    /no dead position for .*b.parquet/,
  )
})

test('a file of another writer is read', async () => {
  const files = [dead(A, 300), dead(WIDE, 5)]
  const { paths, positions } = columnsOf(files)
  const bytes = parquetWriteBuffer({
    columnData: [
      { name: 'file_path', data: [...paths], type: 'STRING' },
      { name: 'pos', data: BigInt64Array.from(positions), type: 'INT64' },
    ],
  })
  expect(await readPositionDeletes(new Uint8Array(bytes))).toEqual(files)
})

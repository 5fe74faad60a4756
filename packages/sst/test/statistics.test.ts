import { t, table, type ColumnStats, type TableDefinition } from '@meru/core'
import { parquetMetadata, type Statistics } from 'hyparquet'
import { describe, expect, test } from 'vitest'
import { writeSample, type Row, type SampleOptions } from './sample-files.ts'

const COLUMNS = {
  id: t.int(),
  text: t.string().nullable(),
  blob: t.binary().nullable(),
  score: t.double().nullable(),
  huge: t.decimal(38, 0).nullable(),
  price: t.decimal(9, 2).nullable(),
  uid: t.uuid().nullable(),
  code: t.fixed(80).nullable(),
  big: t.long().nullable(),
  flag: t.boolean().nullable(),
} as const
const definition: TableDefinition = table('s', COLUMNS, { key: ['id'] })
const NULLS = Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, null]))
const OPTIONS: SampleOptions = {
  level: 1,
  layout: { pageRows: 8, rowGroupRows: 16, compression: 'none' },
  batchRows: 5,
}

interface Found {
  readonly iceberg: ColumnStats
  /** Of the whole file: all is in one row group, unless it says otherwise. */
  readonly parquet: Statistics
}

/** The statistics of one column that holds these values, in this order. */
async function statsOf(name: keyof typeof COLUMNS, values: readonly unknown[]): Promise<Found> {
  const rows: Row[] = values.map((value, id) => ({ ...NULLS, id, [name]: value }))
  const { fs, path, meta } = await writeSample(definition, rows, {
    ...OPTIONS,
    layout: { ...OPTIONS.layout, rowGroupRows: 8000 },
  })
  const bytes = (await fs.readFile(path)) as Uint8Array
  const raw = {
    stringFromBytes: (value: Uint8Array) => value,
    uuidFromBytes: (value: Uint8Array) => value,
  } as never
  const metadata = parquetMetadata(bytes, { parsers: raw })
  const index = definition.schema.columns.findIndex((column) => column.name === name)
  const parquet = metadata.row_groups[0].columns[index].meta_data?.statistics
  return { iceberg: meta.columns[index], parquet: parquet as Statistics }
}

function hex(bytes: unknown): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes as Uint8Array).toString('hex')
}

function double(value: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes.toString('hex')
}

/** Values spread over several pages, so that bounds of pages are put together. */
function spread<T>(values: readonly T[]): (T | null)[] {
  return values.flatMap((value, i) => [...Array<null>(i % 3).fill(null), value])
}

describe('statistics', () => {
  test('count values, nulls and NaN', async () => {
    const { iceberg, parquet } = await statsOf('score', [1, NaN, null, 2, NaN, null, null])
    expect(iceberg).toMatchObject({ values: 7, nulls: 3, nans: 2 })
    expect(parquet.null_count).toBe(3n)
    expect((await statsOf('big', [1n, null])).iceberg).not.toHaveProperty('nans')
  })

  test('NaN is never a bound; a column of nothing else has none', async () => {
    const { iceberg, parquet } = await statsOf('score', spread([NaN, 3, -Infinity, NaN, 7]))
    expect([hex(iceberg.lower), hex(iceberg.upper)]).toEqual([double(-Infinity), double(7)])
    expect([parquet.min_value, parquet.max_value]).toEqual([-Infinity, 7])
    for (const values of [
      [NaN, NaN, null],
      [null, null],
    ]) {
      const none = await statsOf('score', values)
      expect(none.iceberg).not.toHaveProperty('lower')
      expect(none.iceberg).not.toHaveProperty('upper')
      expect(none.parquet.min_value).toBeUndefined()
    }
  })

  test('zero is -0 below and +0 above, whichever the column holds', async () => {
    for (const zero of [0, -0]) {
      const { iceberg, parquet } = await statsOf('score', [zero, zero])
      expect([hex(iceberg.lower), hex(iceberg.upper)]).toEqual([double(-0), double(0)])
      expect(Object.is(parquet.min_value, -0) && Object.is(parquet.max_value, 0)).toBe(true)
    }
  })

  test('longs are compared in full width', async () => {
    const values = [1n, -1n, 2n ** 32n, -(2n ** 32n), 2n ** 53n + 1n, 2n ** 53n, -(2n ** 63n) + 1n]
    const { parquet } = await statsOf('big', spread(values))
    expect([parquet.min_value, parquet.max_value]).toEqual([-(2n ** 63n) + 1n, 2n ** 53n + 1n])
    const halves = await statsOf('big', [2n ** 31n - 1n, 2n ** 31n, 2n ** 31n + 5n, 2n ** 32n - 1n, 7n])
    expect([halves.parquet.min_value, halves.parquet.max_value]).toEqual([7n, 2n ** 32n - 1n])
  })

  test('decimals in bytes are signed, and Iceberg takes the fewest bytes', async () => {
    const { iceberg } = await statsOf('huge', spread(['5', '-3', '300', '-129']))
    expect([hex(iceberg.lower), hex(iceberg.upper)]).toEqual(['ff7f', '012c'])
    const { iceberg: price } = await statsOf('price', spread(['5.00', '-0.03', '3.55']))
    expect([hex(price.lower), hex(price.upper)]).toEqual(['fd', '01f4'])
  })

  test('booleans', async () => {
    const { iceberg, parquet } = await statsOf('flag', [true, null, true])
    expect([hex(iceberg.lower), hex(iceberg.upper)]).toEqual(['01', '01'])
    expect([parquet.min_value, parquet.max_value]).toEqual([true, true])
  })

  test('short texts are bounds as they are, long ones are cut: Iceberg to 16 code points, Parquet to 64 bytes', async () => {
    const short = await statsOf('text', spread(['pear', 'apple', 'fig', 'applesauce']))
    expect(
      [short.iceberg.lower, short.iceberg.upper].map((bytes) => Buffer.from(bytes ?? []).toString()),
    ).toEqual(['apple', 'pear'])
    expect([short.parquet.is_min_value_exact, short.parquet.is_max_value_exact]).toEqual([true, true])
    const long = 'ö'.repeat(100)
    const { iceberg, parquet } = await statsOf('text', [long])
    expect(Buffer.from(iceberg.lower ?? []).toString()).toBe('ö'.repeat(16))
    expect(Buffer.from(iceberg.upper ?? []).toString()).toBe(`${'ö'.repeat(15)}÷`)
    expect(Buffer.from(parquet.min_value as Uint8Array).toString()).toBe('ö'.repeat(32))
    expect(Buffer.from(parquet.max_value as Uint8Array).toString()).toBe(`${'ö'.repeat(31)}÷`)
    expect([parquet.is_min_value_exact, parquet.is_max_value_exact]).toEqual([false, false])
  })

  test('a cut text is never cut inside a code point', async () => {
    const { parquet } = await statsOf('text', [`a${'💾'.repeat(30)}`])
    expect(Buffer.from(parquet.min_value as Uint8Array).toString()).toBe(`a${'💾'.repeat(15)}`)
  })

  test('bytes that cannot be rounded up have no upper bound', async () => {
    const { iceberg, parquet } = await statsOf('blob', [new Uint8Array(100).fill(255)])
    expect(hex(iceberg.lower)).toBe('ff'.repeat(16))
    expect(iceberg).not.toHaveProperty('upper')
    expect(parquet.max_value).toBeUndefined()
  })

  test('of two values that agree in all that is kept the longer is above', async () => {
    const shared = 'x'.repeat(72)
    const { parquet } = await statsOf('text', [...Array<string>(8).fill(shared), `${shared}y`])
    expect(Buffer.from(parquet.max_value as Uint8Array).toString()).toBe(`${'x'.repeat(63)}y`)
    expect(parquet.is_max_value_exact).toBe(false)
  })

  test('values of fixed length are never cut, so long ones have no bounds', async () => {
    const { iceberg, parquet } = await statsOf('code', [new Uint8Array(80).fill(3)])
    expect(iceberg).not.toHaveProperty('lower')
    expect(parquet.min_value).toBeUndefined()
  })

  test('UUIDs have bounds for Iceberg only where signed and unsigned order agree', async () => {
    const low = '00000000-0000-4000-8000-000000000000'
    const high = '7fffffff-0000-4000-8000-000000000001'
    const { iceberg } = await statsOf('uid', spread([high, low]))
    expect([hex(iceberg.lower), hex(iceberg.upper)]).toEqual(
      [low, high].map((uuid) => uuid.replaceAll('-', '')),
    )
    for (const other of ['80000000-0000-4000-8000-000000000001', '00000000-0000-4000-0000-000000000001']) {
      const mixed = await statsOf('uid', spread([low, other]))
      expect(mixed.iceberg).not.toHaveProperty('lower')
      expect(mixed.iceberg).not.toHaveProperty('upper')
      expect(hex(mixed.parquet.max_value)).toBe([low, other].toSorted()[1].replaceAll('-', ''))
    }
  })

  test('key columns have exact bounds', async () => {
    const keyed = table('k', { name: t.string() }, { key: ['name'] })
    const rows = ['a'.repeat(300), 'b'.repeat(300)].map((name) => ({ name }))
    const { meta } = await writeSample(keyed, rows, OPTIONS)
    expect(Buffer.from(meta.columns[0].lower ?? []).toString()).toBe('a'.repeat(300))
    expect(Buffer.from(meta.columns[0].upper ?? []).toString()).toBe('b'.repeat(300))
  })
})

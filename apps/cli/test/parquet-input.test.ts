import { parquetWriteBuffer, type ColumnSource } from 'hyparquet-writer'
import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { cellReader, type Value } from '../src/cell.ts'
import { typeText } from '../src/import/survey.ts'
import type { Cell } from '../src/infer.ts'
import { openInput } from '../src/input/open-input.ts'
import { parquetColumns } from '../src/input/parquet-columns.ts'
import { scratchFile } from './scratch.ts'

function parquetFile(columnData: ColumnSource[], rowGroupSize?: number): string {
  const buffer = parquetWriteBuffer({ columnData, ...(rowGroupSize && { rowGroupSize }) })
  return scratchFile('in.parquet', new Uint8Array(buffer))
}

async function readRows(path: string): Promise<{ cells: (readonly Cell[])[]; places: number[] }> {
  const input = await openInput(path)
  const cells: (readonly Cell[])[] = []
  const places: number[] = []
  for await (const batch of input.batches(new AbortController().signal)) {
    cells.push(...batch.rows)
    places.push(...Array.from(batch.places))
  }
  return { cells, places }
}

test('every type of column arrives with its type and its exact values', async () => {
  const bytes = new Uint8Array([1, 2, 255])
  const path = parquetFile([
    { name: 'flag', data: [true, false, null], type: 'BOOLEAN' },
    { name: 'int', data: [1, -2, null], type: 'INT32' },
    { name: 'long', data: [9_007_199_254_740_993n, -1n, null], type: 'INT64' },
    { name: 'float', data: [0.5, -1, null], type: 'FLOAT' },
    { name: 'double', data: [0.1, Number.NaN, null], type: 'DOUBLE' },
    { name: 'text', data: ['ü', '', null], type: 'STRING' },
    { name: 'bytes', data: [bytes, new Uint8Array(), null], type: 'BYTE_ARRAY' },
    { name: 'moment', data: [new Date('2001-01-01T00:47:00.250Z'), new Date(0), null], type: 'TIMESTAMP' },
    { name: 'nested', data: [{ a: [1, 2n] }, null, [3]], type: 'JSON' },
  ] as ColumnSource[])
  const input = await openInput(path)
  const types = Object.fromEntries((input.typed ?? []).map(({ name, type }) => [name, typeText(type)]))
  expect(types).toMatchObject({ flag: 'boolean', int: 'int', long: 'long', float: 'float', double: 'double' })
  expect(types).toMatchObject({ text: 'string', bytes: 'binary', nested: 'string' })
  expect(types['moment']).toMatch(/^timestamp/)
  const { cells } = await readRows(path)
  const values = (row: number): (Value | null | undefined)[] =>
    (input.typed ?? []).map(({ type }, index) => {
      const cell = cells[row][index]
      return cell === null ? null : cellReader(type)(cell)
    })
  expect(values(0).slice(0, 8)).toEqual([
    true,
    1,
    9_007_199_254_740_993n,
    0.5,
    0.1,
    'ü',
    bytes,
    978_310_020_250_000n,
  ])
  expect(values(1).slice(0, 8)).toEqual([false, -2, -1n, -1, Number.NaN, '', new Uint8Array(), 0n])
  expect(values(2).slice(0, 8)).toEqual([null, null, null, null, null, null, null, null])
})

test('row groups are read one after the other, places count on', async () => {
  const data = Array.from({ length: 7000 }, (_, i) => i)
  const { cells, places } = await readRows(parquetFile([{ name: 'a', data, type: 'INT32' }], 3000))
  expect(cells.map(([cell]) => cell)).toEqual(data)
  expect([places[0], places[6999]]).toEqual([1, 7000])
})

interface Annotated {
  readonly type: string
  readonly converted_type?: string
  readonly logical_type?: {
    readonly type: string
    readonly unit?: string
    readonly isAdjustedToUTC?: boolean
  }
  readonly precision?: number
  readonly scale?: number
  readonly type_length?: number
}

test.each<[string, Annotated, unknown, string, Cell]>([
  [
    'a decimal in 32 bits',
    { type: 'INT32', converted_type: 'DECIMAL', precision: 9, scale: 2 },
    -5,
    'decimal(9,2)',
    '-0.05',
  ],
  [
    'a decimal in bytes',
    { type: 'BYTE_ARRAY', converted_type: 'DECIMAL', precision: 20, scale: 0 },
    new Uint8Array([0xff, 0x00]),
    'decimal(20,0)',
    '-256',
  ],
  [
    'an unsigned long',
    { type: 'INT64', converted_type: 'UINT_64' },
    2n ** 64n - 1n,
    'decimal(20,0)',
    '18446744073709551615',
  ],
  ['an unsigned int', { type: 'INT32', converted_type: 'UINT_32' }, 4_294_967_295, 'long', 4_294_967_295],
  ['a date', { type: 'INT32', converted_type: 'DATE' }, -1, 'date', '1969-12-31'],
  ['a time in milliseconds', { type: 'INT32', converted_type: 'TIME_MILLIS' }, 1500, 'time', '00:00:01.5'],
  [
    'a time in nanoseconds',
    { type: 'INT64', logical_type: { type: 'TIME', unit: 'NANOS' } },
    1_000n,
    'time',
    '00:00:00.000001',
  ],
  [
    'a time between two microseconds',
    { type: 'INT64', logical_type: { type: 'TIME', unit: 'NANOS' } },
    1n,
    'time',
    '1 ns',
  ],
  [
    'a local timestamp in nanoseconds',
    { type: 'INT64', logical_type: { type: 'TIMESTAMP', unit: 'NANOS', isAdjustedToUTC: false } },
    1n,
    'timestamp_ns',
    { nanos: 1n, hasZone: false, isMicros: false },
  ],
  [
    'an old timestamp',
    { type: 'INT96' },
    5000n,
    'timestamp',
    { nanos: 5000n, hasZone: false, isMicros: true },
  ],
  [
    'an interval',
    { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 12, converted_type: 'INTERVAL' },
    new Uint8Array(12),
    'fixed(12)',
    new Uint8Array(12),
  ],
])('%s', (_what, element, stored, typeName, expected) => {
  const [column] = parquetColumns({
    element: { name: 'root' },
    children: [{ element: { name: 'c', repetition_type: 'OPTIONAL', ...element }, children: [] }],
  })
  expect(typeText(column.type)).toBe(typeName)
  expect(column.cellOf(stored)).toEqual(expected)
  expect(column.cellOf(undefined)).toBeNull()
})

test('a file that is no Parquet, or only half of one, is refused', async () => {
  const data = Array.from({ length: 5000 }, (_, i) => `text ${i}`)
  const whole = new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'a', data, type: 'STRING' }] }))
  const path = scratchFile('in.parquet', whole.subarray(0, whole.length - 100))
  await expect(openInput(path)).rejects.toThrow(/cannot be read as Parquet/)
  writeFileSync(path, new Uint8Array(64).fill(7))
  await expect(openInput(path)).rejects.toThrow(/cannot be read as Parquet/)
})

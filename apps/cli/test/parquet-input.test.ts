import { parquetWriteBuffer, type ColumnSource } from 'hyparquet-writer'
import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Cell, Value } from '@meru/formats/parts'
import { exactReader } from '../src/cell.ts'
import { typeText } from '../src/import/survey.ts'
import { openInput } from '../src/input/open-input.ts'
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
      return cell === null ? null : exactReader(type)(cell)
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

test('a file that is no Parquet, or only half of one, is refused', async () => {
  const data = Array.from({ length: 5000 }, (_, i) => `text ${i}`)
  const whole = new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'a', data, type: 'STRING' }] }))
  const path = scratchFile('in.parquet', whole.subarray(0, whole.length - 100))
  await expect(openInput(path)).rejects.toThrow(/cannot be read as Parquet/)
  writeFileSync(path, new Uint8Array(64).fill(7))
  await expect(openInput(path)).rejects.toThrow(/cannot be read as Parquet/)
})

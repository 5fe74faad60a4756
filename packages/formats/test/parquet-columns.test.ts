import { typeName } from '@meru/core'
import { expect, test } from 'vitest'
import type { Cell } from '../src/cell.ts'
import { parquetColumns } from '../src/parquet-columns.ts'

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
    'decimal(9, 2)',
    '-0.05',
  ],
  [
    'a decimal in bytes',
    { type: 'BYTE_ARRAY', converted_type: 'DECIMAL', precision: 20, scale: 0 },
    new Uint8Array([0xff, 0x00]),
    'decimal(20, 0)',
    '-256',
  ],
  [
    'an unsigned long',
    { type: 'INT64', converted_type: 'UINT_64' },
    2n ** 64n - 1n,
    'decimal(20, 0)',
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
    'fixed[12]',
    new Uint8Array(12),
  ],
])('%s', (_what, element, stored, name, expected) => {
  const [column] = parquetColumns({
    element: { name: 'root' },
    children: [{ element: { name: 'c', repetition_type: 'OPTIONAL', ...element }, children: [] }],
  })
  expect(typeName(column.type)).toBe(name)
  expect(column.cellOf(stored)).toEqual(expected)
  expect(column.cellOf(undefined)).toBeNull()
})

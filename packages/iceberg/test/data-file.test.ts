import { t, table, type SstMeta } from '@meru/core'
import { expect, test } from 'vitest'
import { dataFile } from '../src/data-file.ts'

const { schema } = table('t', { id: t.uuid(), n: t.int().nullable() }, { key: ['id'] })

function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

function sst(lower: string | undefined, upper: string | undefined): SstMeta {
  const bounds =
    lower === undefined || upper === undefined ? {} : { lower: bytes(lower), upper: bytes(upper) }
  return {
    id: 'x',
    level: 0,
    schemaId: 0,
    rows: 5,
    bytes: 900,
    hash: '',
    minKey: new Uint8Array(),
    maxKey: new Uint8Array(),
    minSeqno: 1,
    maxSeqno: 5,
    splitOffsets: [4, 400],
    columns: [
      { id: 11, values: 5, nulls: 2, bytes: 20, lower: bytes('01000000'), upper: bytes('02000000') },
      { id: 10, values: 5, nulls: 0, bytes: 80, ...bounds },
      { id: 12, values: 5, nulls: 0, bytes: 80, nans: 1 },
    ],
  }
}

test('an entry says what the SST says, column by column', () => {
  const file = dataFile(sst(undefined, undefined), 'file:///x', schema)
  expect(file).toMatchObject({
    content: 0,
    file_path: 'file:///x',
    record_count: 5,
    file_size_in_bytes: 900,
    split_offsets: [4, 400],
    sort_order_id: 1,
    column_sizes: [
      { key: 10, value: 80 },
      { key: 11, value: 20 },
    ],
    null_value_counts: [
      { key: 10, value: 0 },
      { key: 11, value: 2 },
    ],
    nan_value_counts: [],
  })
  expect(file.lower_bounds?.map(({ key }) => key)).toEqual([11])
})

const REST = '0'.repeat(30)

/** The bounds of the column of UUIDs in the entry of a file with these statistics. */
function uuidBounds(lower: string, upper: string): (string | undefined)[] {
  const file = dataFile(sst(lower, upper), 'file:///x', schema)
  return [file.lower_bounds, file.upper_bounds].map((map) => {
    const value = map?.find(({ key }) => key === 10)?.value
    return value === undefined ? undefined : Buffer.from(value).toString('hex')
  })
}

test.each([
  ['positive', `10${REST}`, `20${REST}`, ['0f', '20']],
  ['negative', `90${REST}`, `a0${REST}`, ['8f', 'a0']],
])(
  'bounds of %s UUIDs are widened until they hold in every order that readers use',
  (_name, lower, upper, starts) => {
    const [low = '', high = ''] = uuidBounds(lower, upper)
    expect([low.slice(0, 2), high.slice(0, 2)]).toEqual(starts)
    expect(low < lower && upper < high).toBe(true)
  },
)

test.each([
  ['of both signs', `70${REST}`, `90${REST}`],
  ['at the least value', `00${REST}`, `10${REST}`],
  ['at the greatest value', `80${REST}`, 'f'.repeat(32)],
  ['at the sign boundary', `10${REST}`, `7${'f'.repeat(31)}`],
])('UUIDs %s have no bounds', (_name, lower, upper) => {
  expect(uuidBounds(lower, upper)).toEqual([undefined, undefined])
})

import { compareBytes, RowCodec, t, table, type BytesVector, type TableDefinition } from '@meru/core'
import { describe, expect, test, vi } from 'vitest'
import type { Codec } from '../src/compression.ts'
import { PageCache } from '../src/page-cache.ts'
import { PAGE_MISS, type SstReader } from '../src/sst-reader.ts'
import { encodeRows, openSample, TINY, writeSample, type Row } from './sample-files.ts'
import { seededRandom } from './seeded-random.ts'

// Pages as small as these would hardly ever be compressed.
vi.mock('../src/codec-choice.ts', () => ({ choosePageCodec: (codec: Codec) => ({ codec, level: 1 }) }))

const random = seededRandom(77)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Definitions with one kind of key each, and values for the key. */
const KEYS: readonly (readonly [name: string, definition: TableDefinition, values: () => unknown])[] = [
  ['boolean', table('k', { k: t.boolean(), v: t.int() }, { key: ['k'] }), () => random.oneIn(2)],
  ['int', table('k', { v: t.int(), k: t.int() }, { key: ['k'] }), () => random.below(2 ** 32) - 2 ** 31],
  [
    'long',
    table('k', { k: t.long(), v: t.int() }, { key: ['k'] }),
    () => BigInt(random.below(2 ** 40)) - 2n ** 39n,
  ],
  [
    'small decimal',
    table('k', { k: t.decimal(9, 0), v: t.int() }, { key: ['k'] }),
    () => String(random.below(2e6) - 1e6),
  ],
  [
    'decimal',
    table('k', { k: t.decimal(18, 0), v: t.int() }, { key: ['k'] }),
    () => String(random.below(2e12) - 1e12),
  ],
  [
    'large decimal',
    table('k', { k: t.decimal(38, 0), v: t.int() }, { key: ['k'] }),
    () => String(random.below(2e12) - 1e12),
  ],
  [
    'date',
    table('k', { k: t.date(), v: t.int() }, { key: ['k'] }),
    () => new Date(random.below(2e9) * 1000).toISOString().slice(0, 10),
  ],
  ['time', table('k', { k: t.time(), v: t.int() }, { key: ['k'] }), () => random.below(86_400_000_000)],
  [
    'timestamp',
    table('k', { k: t.timestamp(), v: t.int() }, { key: ['k'] }),
    () => new Date(random.below(2e12) - 1e12),
  ],
  [
    'string',
    table('k', { k: t.string(), v: t.int() }, { key: ['k'] }),
    () => 'ab\u0000ß'.slice(0, random.below(5)) + String(random.below(400)),
  ],
  ['binary', table('k', { k: t.binary(), v: t.int() }, { key: ['k'] }), () => random.bytes(random.below(6))],
  ['fixed', table('k', { k: t.fixed(3), v: t.int() }, { key: ['k'] }), () => random.bytes(3)],
  [
    'uuid',
    table('k', { k: t.uuid(), v: t.int() }, { key: ['k'] }),
    () => hex(random.bytes(16)).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
  ],
  ['nothing but a key', table('k', { k: t.int() }, { key: ['k'] }), () => random.below(1000)],
]

/** Rows in the order of their keys, no key twice. */
function sortedRows(definition: TableDefinition, rows: readonly Row[]): Row[] {
  const { keys } = encodeRows(definition, rows)
  const order = rows.map((_, i) => i)
  const compare = (a: number, b: number): number =>
    compareBytes(
      keys.bytes,
      keys.offsets[a],
      keys.offsets[a + 1],
      keys.bytes,
      keys.offsets[b],
      keys.offsets[b + 1],
    )
  order.sort(compare)
  return order.filter((index, i) => i === 0 || compare(order[i - 1], index) !== 0).map((index) => rows[index])
}

function getSync(
  reader: SstReader,
  keys: BytesVector,
  index: number,
  ids: readonly number[],
  codec: RowCodec<Row, unknown>,
): Row {
  for (;;) {
    const position = reader.find(keys.bytes, keys.offsets[index], keys.offsets[index + 1])
    const ref = position === PAGE_MISS ? PAGE_MISS : reader.row(position, ids)
    if (ref === PAGE_MISS) reader.loadMissingSync()
    else if (ref.bytes.length === 0) return codec.rowAt(ref.vectors, ref.index)
    else return codec.decodeRow(ref.bytes, ref.keyStart, ref.keyEnd, ref.valueStart, ref.valueEnd)
  }
}

async function expectReadable(
  definition: TableDefinition,
  rows: readonly Row[],
  level: number,
  bytesMax: number,
): Promise<void> {
  const codec = RowCodec.compile<Row, unknown>(definition.name, definition.schema, definition.modes)
  const ids = definition.schema.columns.map(({ id }) => id)
  const file = await writeSample(definition, rows, { level, layout: TINY })
  const reader = await openSample(file, definition, new PageCache({ bytesMax }))
  const read = await reader.readRows(0, rows.length, ids, { keys: true })
  expect(Array.from({ length: read.length }, (_, i) => codec.rowAt(read.columns, i))).toEqual(rows)
  const keys = read.keys as BytesVector
  expect(hex(keys.bytes.subarray(0, keys.offsets[rows.length]))).toBe(
    hex(file.encoded.keys.bytes.subarray(0, keys.offsets[rows.length])),
  )
  for (let i = 0; i < rows.length; i++)
    expect(getSync(reader, file.encoded.keys, i, ids, codec)).toEqual(rows[i])
  await reader.close()
}

describe.each([0, 1])('level %i', (level) => {
  test.each(KEYS)('keys of type %s', async (_, definition, value) => {
    const wide = definition.schema.columns.length > 1
    const rows = sortedRows(
      definition,
      Array.from({ length: 150 }, (_row, i) => (wide ? { k: value(), v: i } : { k: value() })),
    )
    await expectReadable(definition, rows, level, 1 << 20)
  })

  test('one row', async () => {
    await expectReadable(KEYS[1][1], [{ k: 7, v: 8 }], level, 1 << 20)
  })

  test.each([15, 16, 17, 63, 64, 65, 128])(
    '%i rows, around the borders of pages and row groups',
    async (count) => {
      const rows = Array.from({ length: count }, (_, i) => ({ k: i, v: 1000 - i }))
      await expectReadable(KEYS[1][1], rows, level, 1 << 20)
    },
  )

  test('rows far larger than a page, with caches smaller than one of them', async () => {
    const definition = table(
      'big',
      { id: t.int(), body: t.binary().nullable(), note: t.string() },
      { key: ['id'] },
    )
    const rows = Array.from({ length: 12 }, (_, id) => ({
      id,
      body: id % 5 === 4 ? null : new Uint8Array(id === 3 ? 1_500_000 : 90_000).fill(id),
      note: `note ${id}`,
    }))
    for (const bytesMax of [0, 50_000, 1 << 22]) await expectReadable(definition, rows, level, bytesMax)
  })

  test('keys of the greatest length', async () => {
    const definition = table('long_keys', { k: t.binary(), v: t.int() }, { key: ['k'] })
    const rows = [0, 1, 255].map((byte, v) => ({ k: new Uint8Array(65_533).fill(byte === 0 ? 7 : byte), v }))
    await expectReadable(definition, sortedRows(definition, rows), level, 1 << 20)
  })
})

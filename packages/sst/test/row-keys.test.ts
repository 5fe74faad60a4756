import { t, table, type TableDefinition } from '@meru/core'
import { parquetMetadata } from 'hyparquet'
import { describe, expect, test } from 'vitest'
import { integerKeyId } from '../src/row-keys.ts'
import { encodeRows, openSample, TINY, writeSample, type Row } from './sample-files.ts'
import { seededRandom } from './seeded-random.ts'

/** Values around every place where a comparison of words could go wrong, and others between them. */
function integers(bits: number): bigint[] {
  const random = seededRandom(bits)
  const values = new Set<bigint>()
  for (const power of [0n, 8n, 31n, 32n, 33n, 53n, 62n, 63n]) {
    for (const near of [-2n, -1n, 0n, 1n, 2n]) {
      for (const sign of [1n, -1n]) values.add(BigInt.asIntN(bits, sign * 2n ** power + near))
    }
  }
  for (let i = 0; i < 300; i++) {
    values.add(BigInt.asIntN(bits, (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32))))
  }
  return [...values].sort((a, b) => (a < b ? -1 : 1))
}

const TABLES: readonly (readonly [
  name: string,
  definition: TableDefinition,
  keys: (bits: bigint) => unknown,
])[] = [
  ['long', table('longs', { key: t.long() }, { key: ['key'] }), (value) => value],
  ['int', table('ints', { key: t.int() }, { key: ['key'] }), Number],
  [
    'timestamp',
    table('moments', { key: t.timestamp({ mode: 'bigint' }) }, { key: ['key'] }),
    (value) => value,
  ],
  [
    'string',
    table('texts', { key: t.string() }, { key: ['key'] }),
    (value) => (value + 2n ** 63n).toString().padStart(20, '0'),
  ],
]

describe.each(TABLES)('keys of one %s', (name, definition, keyOf) => {
  test.each([0, 1])('are found at their positions, and no others, on level %i', async (level) => {
    const rows: Row[] = integers(name === 'int' ? 32 : 64).map((value) => ({ key: keyOf(value) }))
    const written = rows.filter((_, i) => i % 3 !== 1)
    const file = await writeSample(definition, written, { level, layout: TINY })
    const reader = await openSample(file, definition)
    const hits: number[][] = []
    await reader.locate(encodeRows(definition, rows).keys, (key, position) => hits.push([key, position]))
    const expected = rows.flatMap((row, i) => (i % 3 === 1 ? [] : [[i, written.indexOf(row)]]))
    expect(hits).toEqual(expected)
    await reader.close()
  })

  test('are compared as integers where they are such', () => {
    expect(integerKeyId(definition.schema) !== undefined).toBe(name !== 'string')
  })
})

test.each([
  [t.long(), 200, 'UNCOMPRESSED'],
  [t.int(), 200, 'UNCOMPRESSED'],
  [t.long(), 20, 'ZSTD'],
  [t.string(), 200, 'ZSTD'],
])('a key of %o beside %i bytes: %s', async (type, bytes, codec) => {
  const definition = table('notes', { key: type, note: t.string() }, { key: ['key'] })
  const rows = Array.from({ length: 1000 }, (_, i): Row => {
    const keys = { long: BigInt(i), int: i, string: `key ${String(i).padStart(9, '0')}` }
    return { key: keys[definition.schema.columns[0].type.kind as keyof typeof keys], note: 'x'.repeat(bytes) }
  })
  const { fs, path } = await writeSample(definition, rows, { level: 1 })
  const { buffer } = ((await fs.readFile(path)) as Uint8Array).slice()
  const { row_groups: groups } = parquetMetadata(buffer)
  expect(groups[0].columns[0].meta_data?.codec).toBe(codec)
})

test('keys of several columns are compared encoded', () => {
  const pairs = table('pairs', { a: t.long(), b: t.int() }, { key: ['a', 'b'] })
  expect(integerKeyId(pairs.schema)).toBeUndefined()
})

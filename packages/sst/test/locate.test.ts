import { t, table, type TableDefinition } from '@meru/core'
import { parquetMetadata } from 'hyparquet'
import { describe, expect, test, vi } from 'vitest'
import type { Codec } from '../src/compression.ts'
import type { SstLayout } from '../src/layout.ts'
import { PageCache } from '../src/page-cache.ts'
import { SstReader } from '../src/sst-reader.ts'
import { encodeRows, openSample, TINY, writeSample, type Row, type SampleFile } from './sample-files.ts'
import { seededRandom, type SeededRandom } from './seeded-random.ts'

// Pages as small as these would hardly ever be compressed.
vi.mock('../src/codec-choice.ts', () => ({ choosePageCodec: (codec: Codec) => ({ codec, level: 1 }) }))

const NOTE_BYTES = { plain: 200, compressed: 4 }

interface KeyType {
  readonly name: string
  readonly type: ReturnType<typeof t.long> | ReturnType<typeof t.int> | ReturnType<typeof t.string>
  readonly bits: number
  readonly valueOf: (value: bigint) => unknown
}

const TYPES: readonly KeyType[] = [
  { name: 'long', type: t.long(), bits: 64, valueOf: (value) => value },
  { name: 'int', type: t.int(), bits: 32, valueOf: Number },
  {
    name: 'string',
    type: t.string(),
    bits: 64,
    valueOf: (value) => (value + 2n ** 63n).toString().padStart(20, '0'),
  },
]

/** Ascending integers: stretches of neighbours far from each other, on both sides of zero and of 2³². */
function integers(random: SeededRandom, bits: number, count: number): bigint[] {
  const values = new Set<bigint>()
  const limit = 2n ** BigInt(bits - 1)
  while (values.size < count) {
    const word = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32))
    const near = random.pick([0n, -(2n ** 32n), 2n ** 32n, -limit, limit - 40n, word])
    let value = BigInt.asIntN(bits, near) - BigInt(random.below(30))
    for (let i = random.below(60); i >= 0; i--) {
      value += BigInt(1 + random.below(3))
      if (value >= -limit && value < limit) values.add(value)
    }
  }
  return [...values].sort((a, b) => (a < b ? -1 : 1)).slice(0, count)
}

function tableOf({ type }: KeyType): TableDefinition {
  return table('notes', { key: type, note: t.string() }, { key: ['key'] })
}

function rowsOf({ valueOf }: KeyType, values: readonly bigint[], noteBytes: number): Row[] {
  return values.map((value) => ({ key: valueOf(value), note: 'x'.repeat(noteBytes) }))
}

async function hitsOf(
  reader: SstReader,
  definition: TableDefinition,
  rows: readonly Row[],
  isDone?: Uint8Array,
): Promise<number[][]> {
  const hits: number[][] = []
  const { keys } = encodeRows(definition, rows)
  await reader.locate(keys, (key, position) => hits.push([key, position]), isDone)
  return hits
}

async function codecOfKeys({ fs, path }: SampleFile): Promise<string | undefined> {
  const { buffer } = ((await fs.readFile(path)) as Uint8Array).slice()
  return parquetMetadata(buffer).row_groups[0].columns[0].meta_data?.codec
}

const LAYOUTS: readonly (readonly [
  level: number,
  pages: 'plain' | 'compressed',
  layout: Partial<SstLayout>,
])[] = [
  // Pages of the typed columns and of encoded rows begin at other rows, and either may be the smaller.
  [0, 'plain', TINY],
  [0, 'plain', { pageRows: 8, rowGroupRows: 40, rowPageBytes: 9000 }],
  [1, 'plain', TINY],
  [1, 'plain', { pageRows: 64, rowGroupRows: 64 }],
  [1, 'compressed', { pageRows: 128, rowGroupRows: 256 }],
  [1, 'compressed', { pageRows: 128, rowGroupRows: 256, compression: 'snappy' }],
]

describe.each(TYPES)('keys of one $name', (keyType) => {
  test.each(LAYOUTS)('level %i, %s pages, %o: the keys that are there, and no others', async (...options) => {
    const [level, pages, layout] = options
    const definition = tableOf(keyType)
    for (let seed = 1; seed <= 4; seed++) {
      const random = seededRandom(seed)
      const values = integers(random, keyType.bits, 700)
      const written = values.filter(() => !random.oneIn(3))
      const rows = rowsOf(keyType, written, NOTE_BYTES[pages])
      const file = await writeSample(definition, rows, { level, layout })
      const isPlain = level === 0 || (pages === 'plain' && keyType.name !== 'string')
      expect((await codecOfKeys(file)) === 'UNCOMPRESSED').toBe(isPlain)
      const positions = new Map(written.map((value, position) => [value, position]))
      const reader = await openSample(file, definition)
      for (const share of [1, 2, 20, 200]) {
        const wanted = values.filter(() => random.oneIn(share))
        const isDone = Uint8Array.from(wanted, () => (random.oneIn(4) ? 1 : 0))
        const expected = wanted.flatMap((value, i) => {
          const position = positions.get(value)
          return position === undefined ? [] : [[i, position]]
        })
        const asked = rowsOf(keyType, wanted, 0)
        expect(await hitsOf(reader, definition, asked)).toEqual(expected)
        const left = expected.filter(([i]) => isDone[i] === 0)
        expect(await hitsOf(reader, definition, asked, isDone)).toEqual(left)
      }
      await reader.close()
    }
  })
})

const PIECES = [
  '\u0000',
  '\u0000',
  '\u0001',
  'a',
  'ab',
  '\u00ff',
  'ζ',
  '💾',
  'a longer piece than the others are',
]

/** Many begin like others, and hold zeros, which are encoded as two bytes; ascending as their bytes do. */
function texts(random: SeededRandom, count: number): string[] {
  const values = new Set([''])
  while (values.size < count) {
    let text = ''
    for (let i = random.below(7); i >= 0; i--) text += random.pick(PIECES)
    values.add(text)
  }
  return [...values].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

describe.each([
  ['string', t.string(), (text: string) => text],
  ['binary', t.binary(), (text: string) => Uint8Array.from(Buffer.from(text))],
] as const)('keys of one %s with zeros', (_, type, valueOf) => {
  test.each([
    [0, TINY],
    [1, { ...TINY, compression: 'none' }],
    [1, { pageRows: 64, rowGroupRows: 128 }],
  ] as const)('level %i, %o: the keys that are there, and no others', async (level, layout) => {
    const definition = table('notes', { key: type }, { key: ['key'] })
    const random = seededRandom(level)
    const values = texts(random, 600)
    const rows = values.map((text): Row => ({ key: valueOf(text) }))
    const written = rows.filter(() => !random.oneIn(3))
    const file = await writeSample(definition, written, { level, layout })
    const reader = await openSample(file, definition)
    const positions = new Map(written.map((row, position) => [row, position]))
    for (const share of [1, 3, 40]) {
      const wanted = rows.filter(() => random.oneIn(share))
      const expected = wanted.flatMap((row, i) => {
        const position = positions.get(row)
        return position === undefined ? [] : [[i, position]]
      })
      expect(await hitsOf(reader, definition, wanted)).toEqual(expected)
    }
    await reader.close()
  })
})

test('integers in pages far apart are read side by side, and found', async () => {
  const keyType = TYPES[0]
  const definition = tableOf(keyType)
  const values = Array.from({ length: 60_000 }, (_, i) => BigInt(i) - 30_000n)
  // A page of keys takes 8 KiB: in the longest steps those between are not read along.
  const layout = { pageRows: 1024, rowGroupRows: 1024 }
  const file = await writeSample(definition, rowsOf(keyType, values, 130), {
    level: 1,
    layout,
    batchRows: 5000,
  })
  const reader = await openSample(file, definition)
  for (const step of [1, 7, 1023, 1024, 1025, 9_999]) {
    const wanted = values.filter((_, i) => i % step === 0)
    const hits = await hitsOf(reader, definition, rowsOf(keyType, wanted, 0))
    expect(hits).toEqual(wanted.map((_, i) => [i, i * step]))
  }
  await reader.close()
})

describe.each([
  ['integers', 'plain', 1],
  ['integers', 'compressed', 1],
  ['integers', 'plain', 0],
  ['texts', 'compressed', 1],
  ['texts', 'plain', 0],
] as const)('damage to %s in %s pages of level %i', (kind, pages, level) => {
  const keyType = TYPES[kind === 'integers' ? 0 : 2]

  test('is an error that names file and page', async () => {
    const definition = tableOf(keyType)
    const values = Array.from({ length: 400 }, (_, i) => BigInt(i) * 3n)
    const rows = rowsOf(keyType, values, NOTE_BYTES[pages])
    const layout = { pageRows: 64, rowGroupRows: 128 }
    const file = await writeSample(definition, rows, { level, layout })
    const bytes = (await file.fs.readFile(file.path)) as Uint8Array
    const { row_groups: groups } = parquetMetadata(bytes.slice().buffer)
    for (const { columns } of groups) {
      const chunk = columns[0].meta_data
      const start = Number(chunk?.data_page_offset)
      const size = Number(chunk?.total_compressed_size)
      for (let at = start; at < start + size; at += 11) {
        bytes[at] ^= 0x10
        const writer = await file.fs.create('damaged', { exclusive: false })
        await writer.write(bytes, 0)
        await writer.close()
        const cache = new PageCache({ bytesMax: 0 })
        const { fs, meta } = file
        const reader = await SstReader.open({ fs, path: 'damaged', meta, schema: definition.schema, cache })
        const failure = await hitsOf(reader, definition, rows).catch((error: unknown) => error)
        expect(failure).toMatchObject({ code: 'CORRUPT', file: 'damaged' })
        const { offset } = failure as { offset: number }
        expect(offset >= start && offset <= at).toBe(true)
        await reader.close()
        bytes[at] ^= 0x10
      }
    }
  })
})

test('a file cut short under its reader is an error, with read-ahead under way', async () => {
  const definition = tableOf(TYPES[0])
  const values = Array.from({ length: 300_000 }, (_, i) => BigInt(i))
  const file = await writeSample(definition, rowsOf(TYPES[0], values, 130), { level: 1, batchRows: 10_000 })
  const reader = await openSample(file, definition)
  const { encoded } = file
  const whole = (await file.fs.readFile(file.path)) as Uint8Array
  const writer = await file.fs.create(file.path, { exclusive: false })
  await writer.write(whole.subarray(0, 100_000), 0)
  await writer.close()
  await expect(reader.locate(encoded.keys, () => undefined)).rejects.toMatchObject({ code: 'CORRUPT' })
  await reader.close()
})

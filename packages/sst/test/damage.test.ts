import { RowCodec, t, table } from '@meru/core'
import type { FileSystem, ReadHandle } from '@meru/fs'
import { describe, expect, test, vi } from 'vitest'
import type { Codec } from '../src/compression.ts'
import type { SstLayout } from '../src/layout.ts'
import { PageCache } from '../src/page-cache.ts'
import { PAGE_MISS, SstReader } from '../src/sst-reader.ts'
import { writeSample, type Row, type SampleFile } from './sample-files.ts'
import { seededRandom } from './seeded-random.ts'

// Pages as small as these would hardly ever be compressed.
vi.mock('../src/codec-choice.ts', () => ({ choosePageCodec: (codec: Codec) => ({ codec, level: 1 }) }))

const events = table(
  'events',
  {
    id: t.long(),
    kind: t.string(),
    score: t.double().nullable(),
    flag: t.boolean().nullable(),
    note: t.string().nullable(),
  },
  { key: ['id'] },
)
const codec = RowCodec.compile<Row, unknown>(events.name, events.schema, events.modes)
const columnIds = events.schema.columns.map(({ id }) => id)
const oneScore = codec.filter({ score: 1.375 })
const all = codec.select(events.schema.columns.map(({ name }) => name))

const rows: Row[] = Array.from({ length: 40 }, (_, i) => ({
  id: BigInt(i * 5),
  kind: ['click', 'view', 'purchase'][i % 3],
  score: i % 4 === 0 ? null : i / 8,
  flag: i % 5 === 0 ? null : i % 2 === 0,
  note: i % 3 === 0 ? null : `note ${i * 7919}`,
}))

const SMALL: Partial<SstLayout> = { pageRows: 8, rowGroupRows: 24, rowPageBytes: 400 }
/** Bytes are flipped in steps of `step`. */
const FILES: readonly (readonly [name: string, level: number, layout: Partial<SstLayout>, step: number])[] = [
  ['level 0', 0, SMALL, 1],
  ['level 1, plain pages and dictionaries', 1, { ...SMALL, compression: 'none' }, 1],
  ['level 1, snappy', 1, { ...SMALL, compression: 'snappy' }, 5],
  ['level 1, zstd', 1, { ...SMALL, compression: 'zstd' }, 5],
]

/** A file system of one file, held in memory. */
function fileOf(bytes: Uint8Array): FileSystem {
  const read = (into: Uint8Array, offset: number): number => {
    const part = bytes.subarray(offset, offset + into.length)
    into.set(part)
    return part.length
  }
  const handle: ReadHandle = {
    path: 'damaged.parquet',
    size: bytes.length,
    read: (into, offset) => Promise.resolve(read(into, offset)),
    readSync: read,
    close: () => Promise.resolve(),
    closeSync: () => undefined,
  }
  return { open: () => Promise.resolve(handle) } as unknown as FileSystem
}

/** All that the file says, by range and by key, or the code of the error. */
async function outcomeOf(bytes: Uint8Array, { meta, encoded }: SampleFile, level: number): Promise<unknown> {
  try {
    const cache = new PageCache({ bytesMax: 1 << 15 })
    const reader = await SstReader.open({ fs: fileOf(bytes), path: '', meta, schema: events.schema, cache })
    const read = reader.readRowsSync(0, rows.length, columnIds, {
      keys: true,
      seqnos: true,
      values: level === 0,
    })
    const byRange = Array.from({ length: read.length }, (_, i) => codec.rowAt(read.columns, i, all))
    const byKey = rows.map((_, i) =>
      getSync(reader, encoded.keys.bytes, encoded.keys.offsets[i], encoded.keys.offsets[i + 1]),
    )
    const selected = await reader.pages.select(oneScore, 0, rows.length)
    return textOf({
      selected,
      byRange,
      byKey,
      seqnos: [...(read.seqnos ?? [])],
      keys: read.keys,
      values: read.values,
    })
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    return code === 'CORRUPT' && message.startsWith('damaged.parquet') ? code : error
  }
}

/** Comparing texts is much faster than comparing trees. */
function textOf(outcome: unknown): string {
  return JSON.stringify(outcome, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
}

function getSync(reader: SstReader, key: Uint8Array, start: number, end: number): Row | undefined {
  for (;;) {
    const position = reader.find(key, start, end)
    const ref = position < 0 ? PAGE_MISS : reader.row(position, columnIds)
    if (position !== PAGE_MISS && position < 0) return undefined
    if (ref === PAGE_MISS) reader.loadMissingSync()
    else if (ref.vectors.length > 0) return codec.rowAt(ref.vectors, ref.index, all)
    else return codec.decodeRow(ref.bytes, ref.keyStart, ref.keyEnd, ref.valueStart, ref.valueEnd)
  }
}

describe.each(FILES)('%s', (_, level, layout, step) => {
  const sample = writeSample(events, rows, { level, layout })
  const whole = sample.then(async ({ fs, path }) => (await fs.readFile(path)) as Uint8Array)

  test('undamaged, it reads as written', async () => {
    const outcome = await outcomeOf(await whole, await sample, level)
    const { byRange, byKey } = JSON.parse(String(outcome)) as { byRange: Row[]; byKey: Row[] }
    expect(byRange).toEqual(JSON.parse(textOf(rows)))
    expect(byKey).toEqual(byRange)
  })

  test('a flipped bit anywhere is found, or changes nothing', async () => {
    const file = await sample
    const bytes = await whole
    const expected = await outcomeOf(bytes, file, level)
    const random = seededRandom(level + 1)
    let found = 0
    const wrong: unknown[] = []
    for (let at = 0; at < bytes.length; at += step) {
      const damaged = bytes.slice()
      damaged[at] ^= 1 << random.below(8)
      const outcome = await outcomeOf(damaged, file, level)
      if (outcome === 'CORRUPT') found++
      else if (outcome !== expected) wrong.push({ at, outcome })
    }
    expect(wrong).toEqual([])
    expect(found).toBeGreaterThan(bytes.length / step / 2)
  })

  test('any other length is found at open', async () => {
    const file = await sample
    const bytes = await whole
    for (let length = 0; length < bytes.length; length += 17) {
      expect(await outcomeOf(bytes.subarray(0, length), file, level)).toBe('CORRUPT')
    }
    expect(await outcomeOf(Uint8Array.of(...bytes, 0), file, level)).toBe('CORRUPT')
  })

  test('pages that changed places are found, or change nothing', async () => {
    const file = await sample
    const bytes = await whole
    const expected = await outcomeOf(bytes, file, level)
    const random = seededRandom(9)
    let found = 0
    const wrong: unknown[] = []
    for (let round = 0; round < 200; round++) {
      const damaged = bytes.slice()
      const length = 8 + random.below(200)
      const from = random.below(bytes.length - length)
      damaged.copyWithin(random.below(bytes.length - length), from, from + length)
      const outcome = await outcomeOf(damaged, file, level)
      if (outcome === 'CORRUPT') found++
      else if (outcome !== expected) wrong.push(outcome)
    }
    expect(wrong).toEqual([])
    expect(found).toBeGreaterThan(100)
  })
})

describe('what a file is opened as', () => {
  test('must be what it is', async () => {
    const file = await writeSample(events, rows, { level: 1, layout: SMALL })
    const cache = new PageCache({ bytesMax: 1 << 20 })
    const open = (meta: Partial<SampleFile['meta']>, schema = events.schema): Promise<SstReader> =>
      SstReader.open({ fs: file.fs, path: file.path, meta: { ...file.meta, ...meta }, schema, cache })
    await expect(open({ rows: 39 })).rejects.toThrow(/40 rows, 39 expected/)
    await expect(open({ id: 'another' })).rejects.toThrow(/not the file with id another/)
    await (await open({ level: 3 })).close()
    await expect(open({ schemaId: 3 })).rejects.toThrow(/written under schema 0/)
    await expect(open({ bytes: 10 })).rejects.toThrow(/10 expected/)
    const other = { ...events.schema, columns: events.schema.columns.toReversed() }
    await expect(open({}, other)).rejects.toThrow(/written under schema 0/)
    await (await open({})).close()
  })
})

import { CorruptionError, RowCodec, t, table, type TableDefinition } from '@meru/core'
import { describe, expect, test } from 'vitest'
import type { SstLayout } from '../src/layout.ts'
import { PageCache } from '../src/page-cache.ts'
import { ABSENT, PAGE_MISS, seek, seekSync, type SstReader } from '../src/sst-reader.ts'
import {
  encodeRows,
  everyType,
  everyTypeRow,
  everyTypeRows,
  openSample,
  TINY,
  writeSample,
  type Row,
} from './sample-files.ts'
import { seededRandom } from './seeded-random.ts'

const numbered: TableDefinition = table(
  'numbered',
  {
    id: t.int(),
    word: t.string(),
    text: t.string().nullable(),
    tags: t.list(t.string().nullable()).nullable(),
    home: t.struct({ lat: t.double(), lon: t.double().nullable() }).nullable(),
  },
  { key: ['id'] },
)

function numberedRows(count: number): Row[] {
  const random = seededRandom(4)
  return Array.from({ length: count }, (_, i) => ({
    id: 2 * i - 300,
    word: random.pick(['one', 'two', 'three']),
    text: random.oneIn(4) ? null : 'x'.repeat(random.below(300)),
    tags: random.oneIn(5)
      ? null
      : Array.from({ length: random.below(3) }, () => random.pick(['a', null, 'b'])),
    home: random.oneIn(5) ? null : { lat: random.below(90), lon: random.oneIn(2) ? null : 7 },
  }))
}

/** Much smaller than what the rows take, large enough to keep single ones. */
const CACHE_BYTES = 160 * 1024

const LAYOUTS: readonly (readonly [name: string, layout: Partial<SstLayout>])[] = [
  ['plain', { ...TINY, compression: 'none', dictionary: false }],
  ['dictionaries and zstd', { ...TINY, compression: 'zstd', dictionary: true }],
  ['large pages', {}],
]

const TABLES: readonly (readonly [name: string, definition: TableDefinition, rows: Row[]])[] = [
  ['every type', everyType, everyTypeRows(1, 2000)],
  ['an integer key and nested columns', numbered, numberedRows(2000)],
]

const CASES = TABLES.flatMap(([name, definition, rows]) =>
  LAYOUTS.map(([kind, layout]) => ({ name: `${name}, ${kind}`, definition, rows, layout })),
)

/** Finds a key as a search does: the row right after its position. Undefined if there is none. */
async function read(
  reader: SstReader,
  definition: TableDefinition,
  key: Uint8Array,
  isSync: boolean,
): Promise<Row | undefined> {
  const codec = RowCodec.compile<Row, unknown>(definition.name, definition.schema, definition.modes)
  const columnIds = definition.schema.columns.map(({ id }) => id)
  for (let tries = 0; tries < 40; tries++) {
    const position = reader.find(key, 0, key.length)
    if (position === ABSENT) return undefined
    const ref = position === PAGE_MISS ? PAGE_MISS : reader.row(position, columnIds)
    if (ref !== PAGE_MISS) {
      return codec.decodeRow(ref.bytes, ref.keyStart, ref.keyEnd, ref.valueStart, ref.valueEnd)
    }
    if (isSync) reader.loadMissingSync()
    else await reader.loadMissing()
  }
  throw new Error('the search does not come to an end')
}

describe.each(CASES)('rows read alone, $name', ({ definition, rows, layout }) => {
  const sample = writeSample(definition, rows, { level: 1, layout })
  const { keys } = encodeRows(definition, rows)
  const keyOf = (index: number): Uint8Array => keys.bytes.slice(keys.offsets[index], keys.offsets[index + 1])

  test('are what was written, in any order, also while others are on their way', async () => {
    const cache = new PageCache({ bytesMax: CACHE_BYTES })
    const reader = await openSample(await sample, definition, cache)
    const random = seededRandom(9)
    for (let round = 0; round < 60; round++) {
      // Pages that are too large for the cache drive one another out where reads take no time.
      const count = layout.pageRows === undefined ? 1 : 1 + random.below(random.oneIn(10) ? 150 : 20)
      const wanted = Array.from({ length: count }, () => random.below(rows.length))
      const isSync = random.oneIn(2)
      const found = await Promise.all(wanted.map((index) => read(reader, definition, keyOf(index), isSync)))
      expect(found).toEqual(wanted.map((index) => rows[index]))
    }
    expect(cache.rows.bytes).toBeGreaterThan(0)
    expect(cache.stats().bytes).toBeLessThanOrEqual(CACHE_BYTES + 400 * 1024)
    await reader.close()
    expect(cache.stats().bytes).toBe(0)
  })

  test('are taken from memory when they are read again', async () => {
    const cache = new PageCache({ bytesMax: CACHE_BYTES })
    const reader = await openSample(await sample, definition, cache)
    for (let i = 0; i < rows.length; i += 2) await read(reader, definition, keyOf(i), true)
    const index = 1
    await read(reader, definition, keyOf(index), true)
    const { misses } = cache.stats()
    expect(await read(reader, definition, keyOf(index), true)).toEqual(rows[index])
    expect(cache.stats().misses).toBe(misses)
    await reader.close()
  })
})

describe.each([0, 1, 20, 40, 100, 160, 300, 600, 2000])('with a cache of %i KiB', (kib) => {
  const rows = numberedRows(3000)
  const ids = numbered.schema.columns.map(({ id }) => id)

  test.each([
    ['small', TINY],
    ['large', {}],
  ] as const)('every search comes to an end, on %s pages', async (_, layout) => {
    const { encoded, ...file } = await writeSample(numbered, rows, { level: 1, layout })
    const { keys } = encoded
    const keyOf = (index: number): Uint8Array =>
      keys.bytes.slice(keys.offsets[index], keys.offsets[index + 1])
    const reader = await openSample({ ...file, encoded }, numbered, new PageCache({ bytesMax: kib * 1024 }))
    const random = seededRandom(kib)
    for (let i = 0; i < 150; i++) {
      const index = random.below(rows.length)
      const key = keyOf(index)
      // Presence alone and a single column leave keys in memory, and change what is read next.
      const questions = [
        () => Promise.resolve(true),
        async () => (await seek(reader, key)) === index,
        () => Promise.resolve(reader.row(index, ids.slice(0, 1)) !== undefined),
        async () => (await seek(reader, Uint8Array.of(...key, 0))) === index + 1,
        () => Promise.resolve(seekSync(reader, key.slice(0, 3)) <= index),
      ]
      expect(await random.pick(questions)()).toBe(true)
      expect(await read(reader, numbered, key, random.oneIn(2))).toEqual(rows[index])
    }
    await reader.close()
  })
})

test('the room of closed files is room for pages', async () => {
  const rows = everyTypeRows(1, 2000)
  const sample = await writeSample(everyType, rows, { level: 1, layout: TINY })
  const { keys } = sample.encoded
  let wasFull = false
  const misses = async (closes: boolean): Promise<number> => {
    const cache = new PageCache({ bytesMax: 3 * 1024 * 1024 })
    const reader = await openSample(sample, everyType, cache)
    const random = seededRandom(2)
    const readSome = async (from: SstReader, count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const index = random.below(rows.length)
        await read(from, everyType, keys.bytes.slice(keys.offsets[index], keys.offsets[index + 1]), true)
      }
    }
    if (closes) {
      const others = await Promise.all([1, 2, 3, 4].map(() => openSample(sample, everyType, cache)))
      for (const other of others) await readSome(other, 3000)
      wasFull ||= cache.rows.bytes > 0
      for (const other of others) await other.close()
    }
    const before = cache.stats().misses
    await readSome(reader, 3000)
    await reader.close()
    return cache.stats().misses - before
  }
  expect(await misses(true)).toBeLessThan(1.2 * (await misses(false)))
  expect(wasFull).toBe(true)
})

test('neighbours on a page that is too large are not read one by one', async () => {
  const rows = numberedRows(2000)
  const sample = await writeSample(numbered, rows, { level: 1, layout: {} })
  const cache = new PageCache({ bytesMax: 320 * 1024 })
  const reader = await openSample(sample, numbered, cache)
  const { keys } = sample.encoded
  for (let i = 0; i < rows.length; i++) {
    const key = keys.bytes.slice(keys.offsets[i], keys.offsets[i + 1])
    expect(await read(reader, numbered, key, true)).toEqual(rows[i])
  }
  expect(cache.stats().misses).toBeLessThan(20)
  await reader.close()
})

test('a page comes in whole when two of its rows are wanted one after the other', async () => {
  const rows = everyTypeRows(1, 2000)
  const sample = await writeSample(everyType, rows, { level: 1, layout: TINY })
  const cache = new PageCache({ bytesMax: CACHE_BYTES })
  const reader = await openSample(sample, everyType, cache)
  const { keys } = sample.encoded
  const get = (index: number): Promise<Row | undefined> =>
    read(reader, everyType, keys.bytes.slice(keys.offsets[index], keys.offsets[index + 1]), false)
  for (let i = 160; i < rows.length; i += 16) await get(i)
  const { misses } = cache.stats()
  for (let i = 0; i < 16; i++) expect(await get(i)).toEqual(rows[i])
  expect(cache.stats().misses - misses).toBeLessThanOrEqual(2)
  await reader.close()
})

test('absent keys of pages that are not in memory are absent', async () => {
  const rows = everyTypeRows(1, 2000)
  const sample = await writeSample(everyType, rows, { level: 1, layout: { ...TINY, filterBits: 1 } })
  const cache = new PageCache({ bytesMax: CACHE_BYTES })
  const reader = await openSample(sample, everyType, cache)
  const random = seededRandom(5)
  const present = new Set(rows.map(({ tenant, id }) => `${String(tenant)}/${String(id)}`))
  const { keys } = sample.encoded
  for (let i = 0; i < 1500; i++) {
    const index = random.below(rows.length)
    await read(reader, everyType, keys.bytes.slice(keys.offsets[index], keys.offsets[index + 1]), true)
    const tenant = random.pick(['', 'a', 'b'])
    const id = BigInt(random.below(900) - 50)
    if (present.has(`${tenant}/${id}`)) continue
    const absent = encodeRows(everyType, [everyTypeRow(random, tenant, id, 2)]).keys
    expect(await read(reader, everyType, absent.bytes.slice(0, absent.offsets[1]), random.oneIn(2))).toBe(
      undefined,
    )
  }
  expect(cache.rows.bytes).toBeGreaterThan(0)
  await reader.close()
})

test('a damaged page is an error, also for one row', async () => {
  const rows = everyTypeRows(1, 2000)
  const sample = await writeSample(everyType, rows, { level: 1, layout: { ...TINY, compression: 'none' } })
  const cache = new PageCache({ bytesMax: CACHE_BYTES })
  const reader = await openSample(sample, everyType, cache)
  const { keys } = sample.encoded
  const keyOf = (index: number): Uint8Array => keys.bytes.slice(keys.offsets[index], keys.offsets[index + 1])
  for (let i = 1000; i < rows.length; i++) await read(reader, everyType, keyOf(i), true)
  const bytes = (await sample.fs.readFile(sample.path)) as Uint8Array
  bytes.fill(0xff, 100, 3000)
  const file = await sample.fs.create('damaged', { exclusive: true })
  await file.write(bytes, 0)
  await file.close()
  const damaged = await openSample({ ...sample, path: 'damaged' }, everyType, cache)
  await expect(read(damaged, everyType, keyOf(3), true)).rejects.toThrow(CorruptionError)
  await expect(read(damaged, everyType, keyOf(3), false)).rejects.toThrow(CorruptionError)
  await damaged.close()
  await reader.close()
})

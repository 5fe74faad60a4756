import { compareBytes, RowCodec, type BytesVector, type Vector } from '@meru/core'
import { describe, expect, test, vi } from 'vitest'
import type { Codec } from '../src/compression.ts'
import type { SstLayout } from '../src/layout.ts'
import { PageCache } from '../src/page-cache.ts'
import { ABSENT, PAGE_MISS, seek, seekSync, type SstReader } from '../src/sst-reader.ts'
import {
  encodeRows,
  everyType,
  everyTypeRow,
  everyTypeRows,
  openSample,
  seqnoOf,
  TINY,
  writeSample,
  type Row,
} from './sample-files.ts'
import { seededRandom } from './seeded-random.ts'

// Pages as small as these would hardly ever be compressed.
vi.mock('../src/codec-choice.ts', () => ({ choosePageCodec: (codec: Codec) => ({ codec, level: 1 }) }))

const codec = RowCodec.compile<Row, unknown>(everyType.name, everyType.schema, everyType.modes)
const columnIds = everyType.schema.columns.map(({ id }) => id)
const all = codec.select(everyType.schema.columns.map(({ name }) => name))

function bytesAt({ bytes, offsets }: BytesVector, index: number): Uint8Array {
  return bytes.slice(offsets[index], offsets[index + 1])
}

function findSync(reader: SstReader, key: Uint8Array): number {
  for (;;) {
    const position = reader.find(key, 0, key.length)
    if (position !== PAGE_MISS) return position
    reader.loadMissingSync()
  }
}

async function find(reader: SstReader, key: Uint8Array): Promise<number> {
  for (;;) {
    const position = reader.find(key, 0, key.length)
    if (position !== PAGE_MISS) return position
    await reader.loadMissing()
  }
}

/** The row at a position, decoded. */
function rowAt(reader: SstReader, position: number): Row {
  for (;;) {
    const ref = reader.row(position, columnIds)
    if (ref !== PAGE_MISS) {
      if (ref.vectors.length > 0) return codec.rowAt(ref.vectors, ref.index, all)
      return codec.decodeRow(ref.bytes, ref.keyStart, ref.keyEnd, ref.valueStart, ref.valueEnd)
    }
    reader.loadMissingSync()
  }
}

function rowsOf(columns: readonly Vector[], length: number): Row[] {
  return Array.from({ length }, (_, i) => codec.rowAt(columns, i, all))
}

const LAYOUTS: readonly (readonly [name: string, level: number, layout: Partial<SstLayout>])[] = [
  ['level 0', 0, TINY],
  ['level 0 with large pages', 0, {}],
  ['level 0 with dictionaries and snappy', 0, { ...TINY, dictionary: true, compression: 'snappy' }],
  ['level 1, plain', 1, { ...TINY, compression: 'none', dictionary: false }],
  ['level 1, dictionaries', 1, { ...TINY, compression: 'none', dictionary: true }],
  ['level 1, zstd', 1, { ...TINY, compression: 'zstd' }],
  ['level 1, snappy', 1, { ...TINY, compression: 'snappy' }],
  ['level 1 with large pages', 1, {}],
  ['level 1 with pages cut by bytes', 1, { ...TINY, pageBytes: 700 }],
  ['level 1 with row groups cut by bytes', 1, { ...TINY, rowGroupBytes: 9000 }],
]

describe.each(LAYOUTS)('%s', (_, level, layout) => {
  const rows = everyTypeRows(1, 333)
  const sample = writeSample(everyType, rows, { level, layout })

  test('every key is found and its row is what was written', async () => {
    const { encoded, ...file } = await sample
    const reader = await openSample({ ...file, encoded }, everyType)
    for (let i = 0; i < rows.length; i++) {
      const position = findSync(reader, bytesAt(encoded.keys, i))
      expect(position).toBe(i)
      expect(rowAt(reader, position)).toEqual(rows[i])
    }
    await reader.close()
  })

  test('absent keys are absent, below, between and above', async () => {
    const file = await sample
    const reader = await openSample(file, everyType)
    const random = seededRandom(5)
    const present = new Set(rows.map(({ tenant, id }) => `${String(tenant)}/${String(id)}`))
    for (let i = 0; i < 500; i++) {
      const tenant = random.pick(['', 'a', 'a\u0000', 'b', 'c', 'zz'])
      const id = BigInt(random.below(600) - 100)
      if (present.has(`${tenant}/${id}`)) continue
      const { keys } = encodeRows(everyType, [everyTypeRow(random, tenant, id, 2)])
      expect(await find(reader, bytesAt(keys, 0))).toBe(ABSENT)
    }
    await reader.close()
  })

  test('seek gives the first position that is not below, the same both ways', async () => {
    const file = await sample
    const reader = await openSample(file, everyType)
    const { keys } = file.encoded
    const random = seededRandom(6)
    for (let i = 0; i < 300; i++) {
      const key = bytesAt(keys, random.below(rows.length))
      if (random.oneIn(2)) key[random.below(key.length)] ^= 1 << random.below(8)
      let expected = 0
      while (
        expected < rows.length &&
        compareBytes(keys.bytes, keys.offsets[expected], keys.offsets[expected + 1], key, 0, key.length) < 0
      )
        expected++
      expect(await seek(reader, key)).toBe(expected)
      expect(seekSync(reader, key)).toBe(expected)
    }
    await reader.close()
  })

  test('any range of rows reads back, columns, keys and seqnos', async () => {
    const file = await sample
    const reader = await openSample(file, everyType)
    const random = seededRandom(7)
    const ranges = [
      [0, rows.length],
      [0, 0],
      [rows.length, rows.length],
      [0, 1],
      [17, 18],
    ]
    for (let i = 0; i < 20; i++) {
      const from = random.below(rows.length)
      ranges.push([from, from + random.below(rows.length - from + 1)])
    }
    for (const [from, to] of ranges) {
      const read = await reader.readRows(from, to, columnIds, { keys: true, seqnos: true })
      expect(read.length).toBe(to - from)
      expect(rowsOf(read.columns, read.length)).toEqual(rows.slice(from, to))
      for (let i = from; i < to; i++) {
        expect(bytesAt(read.keys as BytesVector, i - from)).toEqual(bytesAt(file.encoded.keys, i))
        expect(read.seqnos?.[i - from]).toBe(seqnoOf(i))
      }
      expect(reader.readRowsSync(from, to, columnIds, { keys: true, seqnos: true })).toEqual(read)
    }
    await reader.close()
  })

  test.each([0, 60_000, 1 << 20])('ranges through a cache of %i bytes are the same', async (bytesMax) => {
    const cache = new PageCache({ bytesMax })
    const reader = await openSample(await sample, everyType, cache)
    const random = seededRandom(11)
    for (let i = 0; i < 25; i++) {
      const from = random.below(rows.length)
      const to = from + random.below(rows.length - from + 1)
      const past = await reader.readRows(from, to, columnIds, { keys: true })
      const cached = await reader.readRows(from, to, columnIds, { keys: true, cached: true })
      expect(cached.keys).toEqual(past.keys)
      expect(rowsOf(cached.columns, cached.length)).toEqual(rows.slice(from, to))
      // What a reader hands out is its caller's: the pages in memory are not in it.
      for (const column of cached.columns) {
        const { buffer } = column.physical === 'bytes' ? column.bytes : column.values
        new Uint8Array(buffer).fill(0)
      }
    }
    expect(cache.stats().hits > 0 || bytesMax < 1 << 20).toBe(true)
    await reader.close()
  })

  test('reads only the columns that are asked for, in that order', async () => {
    const reader = await openSample(await sample, everyType)
    const [tenant, id] = columnIds
    const read = await reader.readRows(5, 50, [id, tenant])
    expect(read.columns.map(({ physical }) => physical)).toEqual(['i64', 'bytes'])
    expect(read.keys).toBeUndefined()
    expect(read.seqnos).toBeUndefined()
    expect((await reader.readRows(5, 50, [])).length).toBe(45)
    await expect(reader.readRows(0, 1, [999])).rejects.toThrow(TypeError)
    await expect(reader.readRows(0, rows.length + 1, [])).rejects.toThrow(TypeError)
    await reader.close()
  })

  test('locate gives the position of exactly the keys that are there', async () => {
    const file = await sample
    const reader = await openSample(file, everyType)
    for (const density of [1, 2, 30, 1000]) {
      const random = seededRandom(density)
      const wanted = everyTypeRows(1, 333).filter(() => random.oneIn(density))
      const strangers = wanted.map((row) => ({ ...row, id: (row.id as bigint) + 1_000n }))
      const mixed = [...wanted, ...strangers].map((row: Row) => ({
        row,
        key: bytesAt(encodeRows(everyType, [row]).keys, 0),
      }))
      mixed.sort((a, b) => compareBytes(a.key, 0, a.key.length, b.key, 0, b.key.length))
      const { keys } = encodeRows(
        everyType,
        mixed.map(({ row }) => row),
      )
      const hits: number[][] = []
      await reader.locate(keys, (keyIndex, position) => hits.push([keyIndex, position]))
      const expected = mixed.flatMap(({ row }, i) => {
        const position = rows.findIndex(({ tenant, id }) => tenant === row.tenant && id === row.id)
        return position < 0 ? [] : [[i, position]]
      })
      expect(hits).toEqual(expected)
      const isDone = Uint8Array.from(mixed, (_, i) => i % 2)
      const others: number[][] = []
      await reader.locate(keys, (keyIndex, position) => others.push([keyIndex, position]), isDone)
      expect(others).toEqual(expected.filter(([keyIndex]) => keyIndex % 2 === 0))
    }
    await reader.close()
  })

  test('a cache too small for one page still answers', async () => {
    const file = await sample
    const reader = await openSample(file, everyType, new PageCache({ bytesMax: 0 }))
    for (let i = 0; i < rows.length; i += 40) {
      const position = await find(reader, bytesAt(file.encoded.keys, i))
      expect(rowAt(reader, position)).toEqual(rows[i])
    }
    await reader.close()
  })
})

describe('a row of few columns', () => {
  const rows = everyTypeRows(1, 333)
  const narrow = [columnIds[2], columnIds[1]]

  test.each([0, 4000, 1 << 20])('is read column by column, with a cache of %i bytes', async (bytesMax) => {
    const file = await writeSample(everyType, rows, { level: 1, layout: TINY })
    const reader = await openSample(file, everyType, new PageCache({ bytesMax }))
    const selection = codec.select(['flag', 'id'])
    for (let i = 0; i < rows.length; i += 20) {
      const key = bytesAt(file.encoded.keys, i)
      let loads = 0
      // As a caller does that starts over after each load.
      const read = (): { row: Row; encoded: number } => {
        const position = reader.find(key, 0, key.length)
        const ref = position === PAGE_MISS ? PAGE_MISS : reader.row(position, narrow)
        if (ref !== PAGE_MISS) {
          return { row: codec.rowAt(ref.vectors, ref.index, selection), encoded: ref.bytes.length }
        }
        if (++loads > 3) throw new Error('loads pages in turn for ever')
        reader.loadMissingSync()
        return read()
      }
      expect(read()).toEqual({ row: { flag: rows[i].flag, id: rows[i].id }, encoded: 0 })
    }
    await reader.close()
  })

  test('may be the seqno, which is in no encoded row', async () => {
    const file = await writeSample(everyType, rows, { level: 1, layout: TINY })
    const reader = await openSample(file, everyType)
    const ids = [...columnIds, 1]
    let ref = reader.row(77, ids)
    while (ref === PAGE_MISS) {
      reader.loadMissingSync()
      ref = reader.row(77, ids)
    }
    const seqnos = ref.vectors[ids.length - 1]
    expect(Number(seqnos.physical === 'i64' && seqnos.values[ref.index])).toBe(seqnoOf(77))
    await reader.close()
  })

  test('reading it next to whole rows of the same page mixes nothing up', async () => {
    const file = await writeSample(everyType, rows, { level: 1, layout: TINY })
    const reader = await openSample(file, everyType)
    const selection = codec.select(['flag', 'id'])
    for (let position = 100; position < 140; position += 7) {
      expect(rowAt(reader, position)).toEqual(rows[position])
      const ref = reader.row(position, narrow)
      if (ref === PAGE_MISS) throw new Error('the page was just read')
      const { keyStart, keyEnd, valueStart, valueEnd } = ref
      const row = codec.decodeRow(ref.bytes, keyStart, keyEnd, valueStart, valueEnd, selection)
      expect(row).toEqual({ flag: rows[position].flag, id: rows[position].id })
    }
    await reader.close()
  })
})

describe('a reader that is closed', () => {
  test('while a page is on its way leaves nothing in the cache', async () => {
    const file = await writeSample(everyType, everyTypeRows(3, 100), { level: 1, layout: TINY })
    const cache = new PageCache({ bytesMax: 1 << 20 })
    const reader = await openSample(file, everyType, cache)
    const key = bytesAt(file.encoded.keys, 50)
    expect(reader.find(key, 0, key.length)).toBe(PAGE_MISS)
    const loading = reader.loadMissing()
    await reader.close()
    await expect(loading).rejects.toMatchObject({ name: 'MeruError' })
    expect(cache.stats()).toMatchObject({ pages: 0, bytes: 0 })
  })

  test('gives back what it had in the cache', async () => {
    const file = await writeSample(everyType, everyTypeRows(3, 100), { level: 0, layout: TINY })
    const cache = new PageCache({ bytesMax: 1 << 20 })
    const readers = await Promise.all([1, 2].map(() => openSample(file, everyType, cache)))
    const key = bytesAt(file.encoded.keys, 50)
    for (const reader of readers) expect(findSync(reader, key)).toBe(50)
    await readers[0].close()
    const misses = cache.stats().misses
    expect(findSync(readers[1], key)).toBe(50)
    expect(cache.stats().misses).toBe(misses)
    await readers[1].close()
  })
})

describe('concurrent readers', () => {
  test('of one page read it once', async () => {
    const file = await writeSample(everyType, everyTypeRows(4, 300), { level: 1, layout: TINY })
    const cache = new PageCache({ bytesMax: 1 << 20 })
    let reads = 0
    const fs = Object.assign(Object.create(file.fs) as typeof file.fs, {
      open: async (path: string) => {
        const handle = await file.fs.open(path)
        const { size } = handle
        return {
          path,
          size,
          read: (into: Uint8Array, offset: number) => {
            reads++
            return handle.read(into, offset)
          },
          readSync: (into: Uint8Array, offset: number) => handle.readSync(into, offset),
          close: () => handle.close(),
          closeSync: () => handle.closeSync(),
        }
      },
    })
    const reader = await openSample({ ...file, fs }, everyType, cache)
    reads = 0
    const key = bytesAt(file.encoded.keys, 150)
    await Promise.all(Array.from({ length: 50 }, async () => expect(await find(reader, key)).toBe(150)))
    // A page of each key column, and the dictionary of the first.
    expect(reads).toBe(3)
    await reader.close()
  })
})

describe('level 0', () => {
  test('encoded values read back, with their keys', async () => {
    const rows = everyTypeRows(2, 200)
    const file = await writeSample(everyType, rows, { level: 0, layout: TINY })
    const reader = await openSample(file, everyType)
    for (const [from, to] of [
      [0, 200],
      [3, 4],
      [50, 133],
      [200, 200],
    ]) {
      const read = await reader.readRows(from, to, [], { keys: true, values: true })
      for (let i = from; i < to; i++) {
        expect(bytesAt(read.keys as BytesVector, i - from)).toEqual(bytesAt(file.encoded.keys, i))
        expect(bytesAt(read.values as BytesVector, i - from)).toEqual(bytesAt(file.encoded.values, i))
      }
      expect(read.values?.length).toBe(to - from)
    }
    await reader.close()
  })
})

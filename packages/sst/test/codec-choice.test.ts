import { zstdDecompressSync } from 'node:zlib'
import { ByteWriter, t, table } from '@meru/core'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { describe, expect, test } from 'vitest'
import { choosePageCodec, type PageBodies, type PageCodec } from '../src/codec-choice.ts'
import { CODEC_NONE, CODEC_SNAPPY, CODEC_ZSTD, compress, type Codec } from '../src/compression.ts'
import { openSample, writeSample, type Row } from './sample-files.ts'
import { seededRandom } from './seeded-random.ts'

const WORDS = ['agent', 'memory', 'session', 'state', 'audit', 'feature', 'store', 'series', 'event', 'token']

/** Bytes of which `share` are zeros, which nearly vanish, and the others random, which stay. */
function mixed(bytes: number, share: number): Uint8Array {
  const body = new Uint8Array(bytes)
  body.set(seededRandom(bytes).bytes(Math.round(bytes * (1 - share))))
  return body
}

function text(words: number): Uint8Array {
  const random = seededRandom(3)
  return new TextEncoder().encode(Array.from({ length: words }, () => random.pick(WORDS)).join(' '))
}

/** Payloads in encoding PLAIN. */
function plainTexts(rows: readonly Row[]): Uint8Array {
  const body = new ByteWriter()
  for (const { payload } of rows) {
    const bytes = new TextEncoder().encode(payload as string)
    body.u32(bytes.length)
    body.append(bytes)
  }
  return body.written()
}

function choose(codec: Codec, pages: readonly Uint8Array[], dictionary?: Uint8Array): PageCodec {
  const bodies: PageBodies = {
    pages: pages.length,
    appendPage: (page, body) => body.append(pages[page]),
    appendDictionary: dictionary === undefined ? undefined : (body) => body.append(dictionary),
  }
  return choosePageCodec(codec, bodies)
}

describe.each([
  ['zstd', CODEC_ZSTD],
  ['snappy', CODEC_SNAPPY],
] as const)('%s', (_, codec) => {
  test.each([
    ['small pages that it halves', 1000, 0.55, true],
    ['small pages of which it leaves more than half', 4096, 0.44, false],
    ['the same share of larger pages', 64 * 1024, 0.44, true],
    ['large pages of which it saves a quarter', 64 * 1024, 0.25, false],
    ['random bytes', 64 * 1024, 0, false],
  ] as const)('%s', (_name, bytes, share, isUsed) => {
    const pages = Array.from({ length: 8 }, () => mixed(bytes, share))
    expect(choose(codec, pages).codec).toBe(isUsed ? codec : CODEC_NONE)
    expect(choose(CODEC_NONE, pages).codec).toBe(CODEC_NONE)
  })

  test('a dictionary counts once, beside all pages of indexes', () => {
    const dictionary = mixed(32 * 1024, 0.9)
    const indexes = (pages: number): Uint8Array[] => Array.from({ length: pages }, () => mixed(512, 0))
    expect(choose(codec, indexes(4), dictionary).codec).toBe(codec)
    expect(choose(codec, indexes(200), dictionary).codec).toBe(CODEC_NONE)
  })

  test('pages of several kinds: the first, the last and one amid them speak for all', () => {
    const [good, bad] = [mixed(4096, 0.9), mixed(4096, 0)]
    expect(choose(codec, [good]).codec).toBe(codec)
    expect(choose(codec, [good, good]).codec).toBe(codec)
    expect(choose(codec, [good, bad, bad, bad, good, bad, bad, bad, good]).codec).toBe(codec)
    expect(choose(codec, [bad, good, good, bad, bad, good, bad]).codec).toBe(CODEC_NONE)
  })
})

test('the slower level of zstd is for pages that it makes much smaller', () => {
  expect(choose(CODEC_ZSTD, [text(8000)])).toEqual({ codec: CODEC_ZSTD, level: 3 })
  expect(choose(CODEC_ZSTD, [mixed(4096, 0.9)], text(8000))).toEqual({ codec: CODEC_ZSTD, level: 3 })
  expect(choose(CODEC_ZSTD, [mixed(64 * 1024, 0.6)])).toEqual({ codec: CODEC_ZSTD, level: 1 })
  expect(choose(CODEC_SNAPPY, [text(8000)])).toEqual({ codec: CODEC_SNAPPY, level: 1 })
})

test('at most three pages are looked at, one at a time', () => {
  const seen: number[] = []
  let held = 0
  choosePageCodec(CODEC_ZSTD, {
    pages: 1000,
    appendPage: (page, body) => {
      seen.push(page)
      held = Math.max(held, body.length)
      body.append(text(100))
    },
    appendDictionary: undefined,
  })
  expect(seen.toSorted((a, b) => a - b)).toEqual([0, 500, 999])
  expect(held).toBe(0)
})

describe('a file of the default layout', () => {
  const ROWS = 4096
  const definition = table(
    'mixed',
    { id: t.long({ mode: 'number' }), score: t.double(), payload: t.string() },
    { key: ['id'] },
  )
  const random = seededRandom(8)
  const rows: Row[] = Array.from({ length: ROWS }, (_, id) => ({
    id,
    score: random.below(1_000_000) / 1000,
    payload: Array.from({ length: 14 }, () => random.pick(WORDS)).join(' '),
  }))

  test('has random numbers as they are and words compressed, and readers find both', async () => {
    const sample = await writeSample(definition, rows, { level: 1 })
    const file = ((await sample.fs.readFile(sample.path)) as Uint8Array).slice().buffer
    const [group] = parquetMetadata(file).row_groups
    const chunks = new Map(group.columns.map(({ meta_data: meta }) => [meta?.path_in_schema[0], meta]))
    expect(chunks.get('score')?.codec).toBe('UNCOMPRESSED')
    expect(chunks.get('payload')?.codec).toBe('ZSTD')

    const pages = Array.from({ length: ROWS / 512 }, (_, page) => {
      const values = rows.slice(page * 512, (page + 1) * 512).map(({ score }) => score as number)
      return new Uint8Array(Float64Array.from(values).buffer)
    })
    const whole = pages.reduce((sum, page) => sum + page.length, 0)
    const packed = pages.reduce((sum, page) => sum + compress(CODEC_ZSTD, page).length, 0)
    expect(packed).toBeLessThan(0.65 * whole)
    expect(whole - packed).toBeLessThan(2048 * pages.length + whole / 4)

    const texts = pages.map((_, page) => plainTexts(rows.slice(page * 512, (page + 1) * 512)))
    const fast = texts.reduce((sum, page) => sum + compress(CODEC_ZSTD, page).length, 0)
    expect(Number(chunks.get('payload')?.total_compressed_size)).toBeLessThan(0.95 * fast)

    const reader = await openSample(sample, definition)
    const ids = definition.schema.columns.map(({ id }) => id)
    const [, score] = (await reader.readRows(0, ROWS, ids)).columns
    expect(score.physical === 'f64' && [...score.values]).toEqual(rows.map((row) => row['score']))
    const compressors = { ZSTD: (body: Uint8Array) => new Uint8Array(zstdDecompressSync(body)) }
    const columns = ['id', 'score', 'payload']
    const found = await parquetReadObjects({ file, columns, compressors })
    expect(found.map((row) => ({ ...row, id: Number(row['id']) }))).toEqual(rows)
  })
})

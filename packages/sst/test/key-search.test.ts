import { ByteWriter, compareKeys, RowCodec, t, table, type TableDefinition } from '@meru/core'
import { describe, expect, test } from 'vitest'
import { PageCache } from '../src/page-cache.ts'
import { ABSENT, PAGE_MISS, seekSync, type SstReader } from '../src/sst-reader.ts'
import { openSample, TINY, writeSample, type Row } from './sample-files.ts'
import { seededRandom, type SeededRandom } from './seeded-random.ts'

interface Keys {
  readonly definition: TableDefinition
  readonly key: (random: SeededRandom, i: number) => Row
}

const long = table('longs', { id: t.long(), n: t.int() }, { key: ['id'] })
const wide = table('wide', { id: t.fixed(16), n: t.int() }, { key: ['id'] })
const KEYS: readonly (readonly [name: string, keys: Keys])[] = [
  ['longs side by side', { definition: long, key: (_, i) => ({ id: BigInt(i) }) }],
  ['longs around zero', { definition: long, key: (_, i) => ({ id: BigInt(7 * i - 1500) }) }],
  [
    'longs in clusters',
    { definition: long, key: (random, i) => ({ id: BigInt(2 ** (i % 40)) + BigInt(random.below(50)) }) },
  ],
  [
    'longs that differ in all bytes',
    {
      definition: long,
      key: (random, i) => ({ id: (BigInt(random.below(2 ** 31)) << 32n) + BigInt(i % 3) - 2n ** 62n }),
    },
  ],
  [
    'ints',
    {
      definition: table('ints', { id: t.int(), n: t.int() }, { key: ['id'] }),
      key: (random) => ({ id: random.below(5000) - 2500 }),
    },
  ],
  [
    'pairs of ints',
    {
      definition: table('pairs', { a: t.int(), b: t.int(), n: t.int() }, { key: ['a', 'b'] }),
      key: (random) => ({ a: random.below(20) - 10, b: random.below(2 ** 31) }),
    },
  ],
  [
    'long bytes with an end in common',
    { definition: wide, key: (random) => ({ id: Uint8Array.of(...random.bytes(2), ...Array(14).fill(7)) }) },
  ],
  [
    'long bytes that differ before and behind',
    {
      definition: wide,
      key: (random) => ({ id: Uint8Array.of(random.below(3), ...Array(14).fill(7), random.below(200)) }),
    },
  ],
  [
    'texts',
    {
      definition: table('texts', { id: t.string(), n: t.int() }, { key: ['id'] }),
      key: (random) => ({ id: `user/${'x'.repeat(random.below(9))}${random.below(300)}` }),
    },
  ],
]

function find(reader: SstReader, key: Uint8Array): number {
  for (;;) {
    const position = reader.find(key, 0, key.length)
    if (position !== PAGE_MISS) return position
    reader.loadMissingSync()
  }
}

/** Distinct keys in order, each with the row that has it. */
function sortedKeys({ definition, key }: Keys, count: number): { bytes: Uint8Array; row: Row }[] {
  const random = seededRandom(5)
  const codec = RowCodec.compile<Row, Row>(definition.name, definition.schema, definition.modes)
  const found = new Map<string, { bytes: Uint8Array; row: Row }>()
  for (let i = 0; i < count; i++) {
    const row = { ...key(random, i), n: i }
    const out = new ByteWriter()
    const length = codec.encodeRow(row, out)
    const bytes = out.bytes.slice(0, length)
    found.set(bytes.join(), { bytes, row })
  }
  return [...found.values()].toSorted((a, b) => compareKeys(a.bytes, b.bytes))
}

describe.each([0, 1])('level %i', (level) => {
  describe.each(KEYS)('%s', (_, keys) => {
    const all = sortedKeys(keys, 600)
    // Every other one is in the file, so that what is absent lies between what is there.
    const written = all.filter((_key, i) => i % 2 === 0)
    const file = writeSample(
      keys.definition,
      written.map(({ row }) => row),
      { level, layout: TINY },
    )

    test.each([0, 1 << 22])(
      'are found where they are, and only they, with %i bytes of cache',
      async (bytesMax) => {
        const cache = new PageCache({ bytesMax })
        const reader = await openSample(await file, keys.definition, cache)
        const random = seededRandom(6)
        for (let i = 0; i < 2000; i++) {
          // Long runs of keys that are there, and of keys that are not.
          const isThere = Math.floor(i / 20) % 2 === 0 || random.oneIn(4)
          const place = 2 * random.below(Math.floor(all.length / 2)) + (isThere ? 0 : 1)
          expect(find(reader, all[place].bytes)).toBe(isThere ? place / 2 : ABSENT)
        }
        await reader.close()
      },
    )

    test('bounds lie where they should, of whole keys, of beginnings and of others', async () => {
      const reader = await openSample(await file, keys.definition)
      for (const { bytes } of all) {
        const { length } = bytes
        const elsewhere = Uint8Array.of(bytes[0] ^ 16, ...bytes.subarray(1))
        const beginnings = [bytes.subarray(0, length - 1), bytes.subarray(0, 2)]
        for (const bound of [bytes, elsewhere, ...beginnings, Uint8Array.of(...bytes, 0)]) {
          const place = written.findIndex((key) => compareKeys(key.bytes, bound) >= 0)
          expect(seekSync(reader, bound)).toBe(place < 0 ? written.length : place)
          const isThere = place >= 0 && compareKeys(written[place].bytes, bound) === 0
          expect(find(reader, bound)).toBe(isThere ? place : ABSENT)
        }
      }
      await reader.close()
    })
  })

  test('an absent key costs no page, however many keys were found before', async () => {
    const all = sortedKeys(KEYS[0][1], 4000)
    const rows = all.filter((_key, i) => i % 2 === 0).map(({ row }) => row)
    const file = await writeSample(long, rows, { level, layout: TINY })
    const cache = new PageCache({ bytesMax: 1 << 22 })
    const reader = await openSample(file, long, cache)
    let loads = 0
    for (let i = 101; i < all.length; i += 20) {
      for (let again = 0; again < 20; again++)
        expect(find(reader, all[2 * (again % 5)].bytes)).toBe(again % 5)
      if (reader.find(all[i].bytes, 0, all[i].bytes.length) !== ABSENT) loads++
    }
    // The filter lets one in a hundred pass.
    expect(loads).toBeLessThan(12)
    await reader.close()
  })
})

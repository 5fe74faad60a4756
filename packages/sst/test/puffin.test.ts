import { describe, expect, test } from 'vitest'
import { DeadPositions } from '../src/dead-positions.ts'
import { encodeDeletionVector, readPuffinBlob, writePuffin } from '../src/puffin.ts'
import { decodeRoaring, encodeRoaring } from '../src/roaring.ts'
import { seededRandom } from './seeded-random.ts'

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

// From the tests of Iceberg's Java library.
const GOLDEN: readonly (readonly [name: string, positions: readonly number[], hex: string])[] = [
  ['none', [], '0000000c d1d33964 0000000000000000 bf18480c'],
  [
    'a few',
    [1, 3, 5, 7, 9],
    '0000002a d1d33964 0100000000000000 00000000 3a300000 01000000 0000 0400 10000000 0100 0300 0500 0700 0900 b3fb20be',
  ],
  [
    'two containers',
    [100, 101, 2147483747, 2147483748],
    '00000030 d1d33964 0100000000000000 00000000 3a300000 02000000 0000 0100 0080 0100 18000000 1c000000 6400 6500 6300 6400 15eb1c7c',
  ],
]

/** Arrays and runs, in two 32-bit halves. */
const GOLDEN_64 = bytesOf(
  '00000056d1d339640200000000000000000000003b30020006000001000100e6030200fdff0500070001000100e60301000100fdff010000003b30020006000001000100e9010200fdff0a00140001000a00e90101000100fdffc89be397',
)

describe('deletion vector', () => {
  test.each(GOLDEN)('%s: reads and writes the bytes of other engines', (_, positions, hex) => {
    const blob = bytesOf(hex)
    const dead = readPuffinBlob(blob, 'golden', 0)
    expect(dead.equals(DeadPositions.of(positions))).toBe(true)
    expect(hexOf(encodeDeletionVector(dead))).toBe(hexOf(blob))
  })

  test('positions above 2^32 are read as a bitmap but are no positions of an SST', () => {
    const bitmap = GOLDEN_64.subarray(8, GOLDEN_64.length - 4)
    const blocks = decodeRoaring(bitmap, 'golden', 0)
    const half = 65_536
    const counts = [2, 999, 65_534, 2, 490, 65_534]
    expect(blocks.map(({ key, cardinality }) => [key, cardinality])).toEqual(
      [0, 1, 2, half, half + 1, half + 2].map((key, i) => [key, counts[i]]),
    )
    expect(hexOf(encodeRoaring(blocks))).toBe(hexOf(bitmap))
    expect(() => readPuffinBlob(GOLDEN_64, 'golden', 0)).toThrow(/2\^32/)
  })

  test.each([
    ['an array at its longest', range(0, 4096).map((i) => i * 2)],
    ['a bitmap', range(0, 5000).map((i) => i * 2)],
    ['one run', range(10, 60_000)],
    ['a whole block', range(65_536, 131_072)],
    ['many containers with runs', range(0, 6).flatMap((i) => range(i * 65_536, i * 65_536 + 100))],
    ['many containers without runs', range(0, 6).map((i) => i * 65_536)],
    ['all forms', [...range(0, 100), ...range(0, 5000).map((i) => 65_536 + i * 2), 200_000]],
  ])('%s survives a round trip', (_, positions) => {
    const dead = DeadPositions.of(positions)
    const read = readPuffinBlob(encodeDeletionVector(dead), 'memory', 0)
    expect(read.equals(dead)).toBe(true)
    expect(read.cardinality).toBe(positions.length)
  })

  test('any flipped bit and any other length is corruption', () => {
    const random = seededRandom(3)
    const blob = encodeDeletionVector(DeadPositions.of([...range(0, 100), 70_000, 140_001, 140_003]))
    for (let at = 0; at < blob.length; at++) {
      const damaged = blob.slice()
      damaged[at] ^= 1 << random.below(8)
      expect(() => readPuffinBlob(damaged, 'd.puffin', 4), `byte ${at}`).toThrow(/^d\.puffin at byte/)
    }
    for (let length = 0; length < blob.length; length++) {
      expect(() => readPuffinBlob(blob.subarray(0, length), 'd.puffin', 4), `length ${length}`).toThrow(
        /d\.puffin/,
      )
    }
  })

  test('a bitmap of random bytes is corruption or a set, and never anything else', () => {
    const random = seededRandom(4)
    const bitmap = DeadPositions.of([
      ...range(0, 100),
      ...range(0, 5000).map((i) => 65_536 + i * 2),
      200_000,
    ]).toRoaring()
    const outcomes = new Map<unknown, number>()
    for (let round = 0; round < 3000; round++) {
      const damaged = bitmap.slice()
      for (let i = 0; i <= random.below(4); i++)
        damaged[random.below(Math.min(200, bitmap.length))] = random.below(256)
      const outcome = outcomeOf(damaged)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    expect(new Set(outcomes.keys())).toEqual(new Set(['CORRUPT', 'a set']))
    expect(outcomes.get('CORRUPT')).toBeGreaterThan(100)
  })
})

/** `a set` if the bitmap reads as one that counts right, else the error's code. */
function outcomeOf(bitmap: Uint8Array): unknown {
  try {
    const dead = DeadPositions.fromRoaring(bitmap, 'd.puffin', 0)
    return dead.cardinality === dead.countRange(0, 4294967296) ? 'a set' : 'a wrong count'
  } catch (error) {
    return (error as { code?: string }).code ?? error
  }
}

describe('puffin file', () => {
  const blobs = [
    { referencedDataFile: 'data/a.parquet', dead: DeadPositions.of([1, 2, 3]) },
    { referencedDataFile: 'data/b.parquet', dead: DeadPositions.of(range(0, 70_000)) },
  ]

  test('holds every blob at its place', () => {
    const { bytes, places } = writePuffin(blobs)
    places.forEach(({ offset, length }, i) => {
      const read = readPuffinBlob(bytes.subarray(offset, offset + length), 'f.puffin', offset)
      expect(read.equals(blobs[i].dead)).toBe(true)
    })
  })

  test('has the footer of the specification', () => {
    const { bytes, places } = writePuffin(blobs)
    const text = Buffer.from(bytes)
    expect(text.subarray(0, 4).toString()).toBe('PFA1')
    expect(text.subarray(-4).toString()).toBe('PFA1')
    expect(text.readUInt32LE(bytes.length - 8)).toBe(0)
    const length = text.readInt32LE(bytes.length - 12)
    const start = bytes.length - 12 - length
    expect(text.subarray(start - 4, start).toString()).toBe('PFA1')
    const footer = JSON.parse(text.subarray(start, start + length).toString())
    expect(footer.blobs[1]).toEqual({
      type: 'deletion-vector-v1',
      fields: [2147483645],
      'snapshot-id': -1,
      'sequence-number': -1,
      offset: places[1].offset,
      length: places[1].length,
      properties: { 'referenced-data-file': 'data/b.parquet', cardinality: '70000' },
    })
  })

  test('refuses an empty set, which readers reject', () => {
    expect(() => writePuffin([{ referencedDataFile: 'a', dead: DeadPositions.empty }])).toThrow(TypeError)
  })
})

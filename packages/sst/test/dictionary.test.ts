import { ByteWriter, type Vector } from '@meru/core'
import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js'
import { describe, expect, test } from 'vitest'
import { buildDictionary, mayHaveDictionary } from '../src/dictionary.ts'
import { appendIndexes, bitWidthOf, readIndexes } from '../src/dictionary-indexes.ts'
import { seededRandom, type SeededRandom } from './seeded-random.ts'

const where = { file: 'f', offset: 0 }

describe('dictionary indexes', () => {
  /** Runs of random lengths, some long enough to be written as runs. */
  function randomIndexes(random: SeededRandom, count: number, limit: number): Uint32Array {
    const values: number[] = []
    while (values.length < count) {
      const value = random.below(limit)
      const length = random.oneIn(3) ? 1 + random.below(60) : 1
      for (let i = 0; i < length; i++) values.push(value)
    }
    return Uint32Array.from(values.slice(0, count))
  }

  test.each([1, 2, 3, 5, 17, 255, 256, 257, 5000, 70_000, 2 ** 24])(
    'of %i values survive a round trip, here and in hyparquet',
    (limit) => {
      const random = seededRandom(limit)
      for (let round = 0; round < 30; round++) {
        const count = 1 + random.below(700)
        const from = random.below(5)
        const values = randomIndexes(random, count + from, limit)
        const out = new ByteWriter()
        const bitWidth = bitWidthOf(limit)
        out.u8(bitWidth)
        appendIndexes(values, from, from + count, bitWidth, out)
        const read = new Uint32Array(count)
        readIndexes(out.bytes, 0, out.length, count, limit, read, where)
        expect(read).toEqual(values.subarray(from))
        if (bitWidth === 0) continue
        const theirs = Array<number>(count)
        const view = new DataView(out.bytes.buffer, 1, out.length - 1)
        readRleBitPackedHybrid({ view, offset: 0 }, bitWidth, theirs, out.length - 1)
        expect(theirs.slice(0, count)).toEqual([...read])
      }
    },
  )

  test('a long run takes a few bytes', () => {
    const out = new ByteWriter()
    appendIndexes(new Uint32Array(10_000).fill(3), 0, 10_000, 4, out)
    expect(out.length).toBeLessThan(5)
  })

  test.each([
    ['none', []],
    ['too many bits', [25, 3, 0, 0]],
    ['a run without a header', [3, 0x80]],
    ['an empty run', [3, 0]],
    ['a run longer than the page', [3, 40, 1]],
    ['an index that no value has', [3, 8, 7]],
    ['a packed index that no value has', [3, 3, 0xff, 0xff, 0xff]],
    ['packed bits that are missing', [3, 3, 0]],
  ])('%s: corrupt', (_, bytes) => {
    const into = new Uint32Array(8)
    expect(() => readIndexes(Uint8Array.from(bytes), 0, bytes.length, 4, 5, into, where)).toThrow(
      /f at byte 0: dictionary indexes/,
    )
  })
})

describe('dictionary', () => {
  const rows = 20_000
  const random = seededRandom(2)
  const picks = Uint32Array.from({ length: rows }, () => random.below(300))
  const fixed = new Uint8Array(rows * 5)
  picks.forEach((pick, i) => fixed.set([pick, pick >>> 8, 1, 2, 3], i * 5))
  const text = Array.from(picks, (pick) => `value number ${pick}`)
  const offsets = new Uint32Array(rows + 1)
  text.forEach((value, i) => (offsets[i + 1] = offsets[i] + value.length))

  const FEW: readonly Vector[] = [
    { physical: 'i32', length: rows, values: Int32Array.from(picks) },
    { physical: 'i64', length: rows, values: BigInt64Array.from(picks, (pick) => BigInt(pick) - 150n) },
    {
      physical: 'f64',
      length: rows,
      values: Float64Array.from(picks, (pick) => (pick === 0 ? NaN : pick === 1 ? -0 : pick - 2)),
    },
    { physical: 'f32', length: rows, values: Float32Array.from(picks) },
    { physical: 'fixed', length: rows, width: 5, values: fixed },
    { physical: 'bytes', length: rows, bytes: Buffer.from(text.join('')), offsets },
  ]

  test.each(FEW.map((vector) => [vector.physical, vector] as const))(
    '%s with few values: each value once, and every row finds its own',
    (_, vector) => {
      expect(mayHaveDictionary(vector)).toBe(true)
      const dictionary = buildDictionary(vector)
      expect(dictionary?.values.length).toBe(300)
      const { values, indexes } = dictionary as NonNullable<typeof dictionary>
      for (let row = 0; row < rows; row++) expect(bitsAt(values, indexes[row])).toBe(bitsAt(vector, row))
    },
  )

  test('values that hardly repeat, or are as small as indexes, have none', () => {
    const many: Vector = {
      physical: 'i64',
      length: rows,
      values: BigInt64Array.from(picks, (_, i) => BigInt(i)),
    }
    expect(mayHaveDictionary(many)).toBe(false)
    expect(
      buildDictionary({ physical: 'i32', length: 5, values: Int32Array.of(1, 2, 3, 4, 5) }),
    ).toBeUndefined()
    expect(mayHaveDictionary({ physical: 'bool', length: 9, values: new Uint8Array(9) })).toBe(false)
  })

  test('values that are too large together have none', () => {
    const wide = new Uint8Array(2000 * 1000)
    for (let i = 0; i < 2000; i++)
      wide
        .fill((i % 400) & 0xff, i * 1000, i * 1000 + 999)
        .fill((i % 400) >> 8, i * 1000 + 999, i * 1000 + 1000)
    expect(buildDictionary({ physical: 'fixed', length: 2000, width: 1000, values: wide })).toBeUndefined()
  })

  test('absent values take no place', () => {
    const validity = new Uint8Array(rows / 8).fill(0b01010101)
    const values = Int32Array.from(picks, (pick, i) => (i % 2 === 0 ? 1000 + pick : 0))
    const dictionary = buildDictionary({ physical: 'i32', length: rows, values, validity })
    expect(dictionary?.values.length).toBe(300)
    expect(
      buildDictionary({ physical: 'i32', length: rows, values, validity: new Uint8Array(rows / 8) }),
    ).toBeUndefined()
  })
})

function bitsAt(vector: Vector, row: number): string {
  if (vector.physical === 'bytes')
    return Buffer.from(vector.bytes.subarray(vector.offsets[row], vector.offsets[row + 1])).toString('hex')
  const width = vector.physical === 'fixed' ? vector.width : vector.values.BYTES_PER_ELEMENT
  return Buffer.from(vector.values.buffer, vector.values.byteOffset + row * width, width).toString('hex')
}

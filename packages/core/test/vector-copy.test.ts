import { describe, expect, test } from 'vitest'
import {
  concatVectors,
  gatherVectors,
  isPresent,
  physicalOf,
  sliceVector,
  VectorBuilder,
  type ColumnType,
  type Vector,
} from '../src/index.ts'
import { Random } from './random.ts'

const TYPES: readonly ColumnType[] = [
  { kind: 'boolean' },
  { kind: 'int' },
  { kind: 'long' },
  { kind: 'float' },
  { kind: 'double' },
  { kind: 'fixed', length: 3 },
  { kind: 'uuid' },
  { kind: 'binary' },
]

function randomVector(random: Random, type: ColumnType, length: number, nulls: boolean): Vector {
  const { physical, width } = physicalOf(type)
  const builder = new VectorBuilder(physical, width)
  for (let i = 0; i < length; i++) {
    const value = random.bytes(physical === 'bytes' ? random.below(40) : width)
    if (physical === 'bool') value[0] &= 1
    if (nulls && random.below(3) === 0) builder.appendNull()
    else builder.append(value, 0, value.length)
  }
  return builder.finish()
}

/** The values of a vector as text, the plainest model there is. */
function values(vector: Vector): string[] {
  return Array.from({ length: vector.length }, (_, i) => {
    if (!isPresent(vector, i)) return 'null'
    if (vector.physical === 'bytes')
      return vector.bytes.subarray(vector.offsets[i], vector.offsets[i + 1]).join()
    if (vector.physical === 'fixed')
      return vector.values.subarray(i * vector.width, (i + 1) * vector.width).join()
    return String(vector.values[i])
  })
}

const cases = TYPES.flatMap((type) => [
  { kind: type.kind, type, nulls: false },
  { kind: type.kind, type, nulls: true },
])

describe.each(cases)('vectors of $kind, nulls: $nulls', ({ type, nulls }) => {
  test('a slice holds the values of its range', () => {
    const random = new Random(21)
    const vector = randomVector(random, type, 100, nulls)
    for (const [from, to] of [
      [0, 100],
      [0, 0],
      [100, 100],
      [3, 50],
      [4, 20],
      [12, 13],
      [8, 16],
      [9, 17],
      [99, 100],
    ]) {
      expect(values(sliceVector(vector, from, to))).toEqual(values(vector).slice(from, to))
      const again = sliceVector(sliceVector(vector, from, to), 0, to - from)
      expect(values(again)).toEqual(values(vector).slice(from, to))
    }
  })

  test('concatenation keeps the order, of slices too', () => {
    const random = new Random(22)
    const vectors = [5, 0, 17, 1, 40].map((length, i) => randomVector(random, type, length, nulls && i !== 2))
    const slices = [...vectors, sliceVector(vectors[4], 3, 33)]
    expect(values(concatVectors(slices))).toEqual(slices.flatMap(values))
    expect(concatVectors([vectors[0]])).toBe(vectors[0])
  })

  test.each([Uint8Array, Uint16Array])('gathering permutes several sources', (Sources) => {
    const random = new Random(23)
    const plain = [30, 1, 60].map((length, i) => randomVector(random, type, length, nulls && i !== 1))
    const sources = [...plain, sliceVector(plain[2], 5, 40)]
    const texts = sources.map(values)
    const sourceOf = new Sources(500)
    for (let i = 0; i < 500; i++) sourceOf[i] = random.below(sources.length)
    const rowOf = Uint32Array.from(Array.from<number>(sourceOf), (source) =>
      random.below(sources[source].length),
    )
    // Runs of neighbours, as merges make them.
    for (let i = 100; i < 300; i++) {
      sourceOf[i] = sourceOf[i - (i % 20)]
      rowOf[i] = (rowOf[i - (i % 20)] + (i % 20)) % sources[sourceOf[i]].length
    }
    const expected = Array.from<number, string>(sourceOf, (source, i) => texts[source][rowOf[i]])
    expect(values(gatherVectors(sources, sourceOf, rowOf, 500))).toEqual(expected)
    expect(values(gatherVectors(sources, sourceOf, rowOf, 123))).toEqual(expected.slice(0, 123))
    expect(values(gatherVectors(sources, sourceOf, rowOf, 0))).toEqual([])
  })
})

test('vectors of different kinds do not mix', () => {
  const random = new Random(24)
  const ints = randomVector(random, { kind: 'int' }, 3, false)
  const longs = randomVector(random, { kind: 'long' }, 3, false)
  const narrow = randomVector(random, { kind: 'fixed', length: 3 }, 3, false)
  const wide = randomVector(random, { kind: 'uuid' }, 3, false)
  const order = new Uint32Array(3)
  expect(() => gatherVectors([ints, longs], new Uint8Array(3), order, 3)).toThrow(
    'vectors of i32 and i64 do not mix',
  )
  expect(() => concatVectors([ints, longs])).toThrow(TypeError)
  expect(() => concatVectors([narrow, wide])).toThrow('fixed of 3 bytes and fixed of 16 bytes')
  expect(() => concatVectors([])).toThrow('no vectors')
  expect(() => gatherVectors([], new Uint8Array(0), order, 0)).toThrow('no vectors')
})

test('a builder grows past every size it starts with', () => {
  const { physical, width } = physicalOf({ kind: 'string' })
  const builder = new VectorBuilder(physical, width)
  const big = new Uint8Array(10_000).fill(1)
  for (let i = 0; i < 1000; i++) {
    if (i % 97 === 96) builder.appendNull()
    else builder.append(big, 0, i)
  }
  expect(builder.length).toBe(1000)
  const vector = builder.finish()
  expect(
    values(vector).every((text, i) =>
      i % 97 === 96 ? text === 'null' : text.length === Math.max(0, 2 * i - 1),
    ),
  ).toBe(true)
  expect(builder.length).toBe(0)
  expect(builder.finish()).toEqual({
    physical: 'bytes',
    length: 0,
    bytes: new Uint8Array(0),
    offsets: Uint32Array.of(0),
  })
})

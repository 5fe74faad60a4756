import { ByteWriter, isPresent, sliceVector, type Physical, type Vector } from '@meru/core'
import { describe, expect, test } from 'vitest'
import {
  appendDictionaryIndexes,
  appendLevels,
  appendPlain,
  countNulls,
  pageRows,
} from '../src/page-encoder.ts'
import { buildDictionary } from '../src/dictionary.ts'
import { bitWidthOf } from '../src/dictionary-indexes.ts'
import type { SstColumn } from '../src/sst-columns.ts'
import { decodeDictionary, VectorSink, type PageBody } from '../src/vector-sink.ts'
import { seededRandom, type SeededRandom } from './seeded-random.ts'

const PHYSICALS: readonly (readonly [Physical, number])[] = [
  ['bool', 1],
  ['i32', 4],
  ['i64', 8],
  ['f32', 4],
  ['f64', 8],
  ['fixed', 5],
  ['fixed', 16],
  ['bytes', 0],
]
const where = { file: 'f', offset: 3 }

function columnOf(physical: Physical, width: number, optional: boolean): SstColumn {
  return { id: 10, name: 'c', type: undefined, physical, width, optional }
}

/** A vector with few distinct values; absent ones are zero or empty. `nulls`: once in so many, 0 for none. */
function randomVector(
  random: SeededRandom,
  physical: Physical,
  width: number,
  length: number,
  nulls: number,
): Vector {
  const validity = nulls === 0 ? undefined : new Uint8Array((length + 7) >>> 3)
  const present = (row: number): boolean => {
    if (validity === undefined) return true
    if (random.oneIn(nulls)) return false
    validity[row >>> 3] |= 1 << (row & 7)
    return true
  }
  const base = validity === undefined ? { length } : { length, validity }
  if (physical === 'bytes') {
    const out = new ByteWriter()
    const offsets = new Uint32Array(length + 1)
    for (let row = 0; row < length; row++) {
      if (present(row)) out.append(new Uint8Array(random.pick([0, 1, 3, 24, 25, 60])).fill(random.below(4)))
      offsets[row + 1] = out.length
    }
    return { physical, ...base, bytes: out.written(), offsets }
  }
  const bytes = new Uint8Array(length * width)
  for (let row = 0; row < length; row++) {
    if (present(row))
      bytes.fill(physical === 'bool' ? random.below(2) : random.below(4), row * width, (row + 1) * width)
  }
  const { buffer } = bytes
  switch (physical) {
    case 'bool':
      return { physical, ...base, values: bytes }
    case 'i32':
      return { physical, ...base, values: new Int32Array(buffer) }
    case 'i64':
      return { physical, ...base, values: new BigInt64Array(buffer) }
    case 'f32':
      return { physical, ...base, values: new Float32Array(buffer) }
    case 'f64':
      return { physical, ...base, values: new Float64Array(buffer) }
    case 'fixed':
      return { physical, ...base, width, values: bytes }
  }
}

function bodyOf(out: ByteWriter, rows: number, dictionary: Vector | undefined): PageBody {
  // Somewhere in larger memory, as pages are.
  const bytes = new Uint8Array(out.length + 20).fill(0xee)
  bytes.set(out.written(), 9)
  return { bytes, start: 9, end: 9 + out.length, rows, dictionary, where }
}

/** Rows [from, to) as a page body, with indexes if there is a dictionary for them. */
function encodePage(
  vector: Vector,
  from: number,
  to: number,
  optional: boolean,
  withDictionary: boolean,
): PageBody {
  const page = pageRows(vector, from, to)
  const nulls = optional ? countNulls(page) : 0
  const out = new ByteWriter()
  if (optional) appendLevels(page, nulls, out)
  const dictionary = withDictionary ? buildDictionary(vector) : undefined
  if (dictionary === undefined) {
    appendPlain(page, nulls, out)
    return bodyOf(out, to - from, undefined)
  }
  const { values, indexes } = dictionary
  appendDictionaryIndexes(page, nulls, indexes.subarray(from, to), bitWidthOf(values.length), out)
  const plain = new ByteWriter()
  appendPlain({ vector: values, from: 0, to: values.length }, 0, plain)
  const width =
    vector.physical === 'fixed'
      ? vector.width
      : vector.physical === 'bytes'
        ? 0
        : vector.values.BYTES_PER_ELEMENT
  const read = decodeDictionary(
    columnOf(vector.physical, width, true),
    bodyOf(plain, values.length, undefined),
  )
  return bodyOf(out, to - from, read)
}

/** The values as text, so that forms of vectors do not matter. */
function textOf(vector: Vector): string[] {
  return Array.from({ length: vector.length }, (_, row) => {
    if (!isPresent(vector, row)) return 'null'
    if (vector.physical === 'bytes')
      return Buffer.from(vector.bytes.subarray(vector.offsets[row], vector.offsets[row + 1])).toString('hex')
    const width = vector.physical === 'fixed' ? vector.width : vector.values.BYTES_PER_ELEMENT
    return Buffer.from(vector.values.buffer, vector.values.byteOffset + row * width, width).toString('hex')
  })
}

describe.each(PHYSICALS)('pages of %s, %i bytes wide', (physical, width) => {
  test.each([
    ['without nulls', 0],
    ['with some nulls', 3],
    ['with nothing but nulls', 1],
  ])('%s: any parts of any pages come back', (_, nulls) => {
    const random = seededRandom(nulls * 100 + width)
    for (let round = 0; round < 60; round++) {
      const length = 1 + random.below(200)
      const vector = randomVector(random, physical, width, length, nulls)
      const optional = nulls > 0 || random.oneIn(2)
      const withDictionary = random.oneIn(2)
      const sink = new VectorSink(columnOf(physical, width, optional), length, random.below(50))
      const expected: string[] = []
      for (let start = 0; start < length;) {
        const end = Math.min(length, start + 1 + random.below(90))
        const from = random.oneIn(3) ? random.below(end - start + 1) : 0
        const to = random.oneIn(3) ? from + random.below(end - start - from + 1) : end - start
        sink.append(encodePage(vector, start, end, optional, withDictionary), from, to)
        expected.push(...textOf(sliceVector(vector, start + from, start + to)))
        start = end
      }
      const read = sink.finish()
      expect(read.length).toBe(expected.length)
      expect(textOf(read)).toEqual(expected)
      expect(nulls > 0 || read.validity === undefined).toBe(true)
    }
  })

  test('a body that is too short or too long is corrupt', () => {
    const random = seededRandom(5)
    for (const nulls of [0, 3]) {
      const vector = randomVector(random, physical, width, 40, nulls)
      const page = encodePage(vector, 0, 40, nulls > 0, false)
      const read = (change: Partial<PageBody>): void => {
        new VectorSink(columnOf(physical, width, nulls > 0), 60, 100).append({ ...page, ...change }, 0, 40)
      }
      read({})
      expect(() => read({ end: page.end - 1 })).toThrow(/f at byte 3/)
      expect(() => read({ end: page.end + 1 })).toThrow(/f at byte 3/)
    }
  })

  test('levels of another number of rows are corrupt', () => {
    const random = seededRandom(6)
    for (const nulls of [0, 3]) {
      const page = encodePage(randomVector(random, physical, width, 40, nulls), 0, 40, true, false)
      const sink = new VectorSink(columnOf(physical, width, true), 60, 100)
      expect(() => sink.append({ ...page, rows: 50 }, 0, 40)).toThrow(
        /f at byte 3: levels of 40 rows, 50 expected/,
      )
    }
  })
})

import type { BytesVector, Vector } from '@meru/core'

/** The distinct values of a column chunk, and for each row the index of its value. */
export interface Dictionary {
  readonly values: Vector
  /** Parallel to the rows; 0 for an absent value. */
  readonly indexes: Uint32Array
}

/** A dictionary larger than this costs a point read more than it saves. */
const DICTIONARY_BYTES_MAX = 256 * 1024
const DISTINCT_MAX = 65_536
/** Rows that are looked at before the work of building a dictionary starts, and how many of them may differ. */
const SAMPLE_ROWS = 1024
const SAMPLE_DISTINCT_MAX = 900

/** Whether a look at some of its values lets a vector hope for a dictionary. */
export function mayHaveDictionary(vector: Vector): boolean {
  if (vector.physical === 'bool') return false
  return (
    vector.length <= 2 * SAMPLE_ROWS || countSample(slotsOf(vector), vector.length) <= SAMPLE_DISTINCT_MAX
  )
}

/**
 * The dictionary of a chunk, or `undefined` if the chunk is smaller without: it has too many distinct values, or they
 * are no larger than indexes.
 */
export function buildDictionary(vector: Vector): Dictionary | undefined {
  if (vector.physical === 'bool') return undefined
  const slots = slotsOf(vector)
  let present = 0
  const indexes = new Uint32Array(vector.length)
  const rows: number[] = []
  let table = new Int32Array(1024)
  let bytes = 0
  for (let row = 0; row < vector.length; row++) {
    if (!isPresent(vector.validity, row)) continue
    present++
    const size = slots.size(row)
    let at = slots.hash(row) & (table.length - 1)
    for (;;) {
      const entry = table[at]
      if (entry === 0) {
        bytes += size
        if (bytes > DICTIONARY_BYTES_MAX || rows.length === DISTINCT_MAX) return undefined
        rows.push(row)
        table[at] = rows.length
        indexes[row] = rows.length - 1
        if (rows.length * 2 > table.length) table = grow(table, rows, slots)
        break
      }
      if (slots.isEqual(rows[entry - 1], row)) {
        indexes[row] = entry - 1
        break
      }
      at = (at + 1) & (table.length - 1)
    }
  }
  if (present === 0) return undefined
  if (present === 0) return undefined
  const indexBytes = (vector.length * Math.ceil(Math.log2(Math.max(2, rows.length)))) / 8
  const plainBytes = vector.physical === 'bytes' ? slots.total + 4 * present : slots.total
  return bytes + indexBytes > 0.9 * plainBytes ? undefined : { values: pick(vector, rows), indexes }
}

function isPresent(validity: Uint8Array | undefined, row: number): boolean {
  return validity === undefined || (validity[row >>> 3] & (1 << (row & 7))) !== 0
}

/** The values of a vector as slots that can be hashed and compared bit for bit. */
interface Slots {
  hash(row: number): number
  isEqual(a: number, b: number): boolean
  /** Bytes that the value takes in a dictionary. */
  size(row: number): number
  /** Bytes of all values, without lengths. */
  readonly total: number
}

function slotsOf(vector: Exclude<Vector, { physical: 'bool' }>): Slots {
  if (vector.physical === 'bytes') return byteSlots(vector)
  const width = vector.physical === 'fixed' ? vector.width : vector.values.BYTES_PER_ELEMENT
  const { buffer, byteOffset } = vector.values
  const total = width * vector.length
  if (vector.physical === 'fixed') {
    const bytes = vector.values
    return {
      total,
      size: () => width,
      hash: (row) => hashBytes(bytes, row * width, (row + 1) * width),
      isEqual: (a, b) => equalBytes(bytes, a * width, b * width, width),
    }
  }
  const words = new Int32Array(buffer, byteOffset, total / 4)
  if (width === 4) {
    return { total, size: () => 4, hash: (row) => mix(words[row]), isEqual: (a, b) => words[a] === words[b] }
  }
  return {
    total,
    size: () => 8,
    hash: (row) => mix(words[2 * row] ^ Math.imul(words[2 * row + 1], 0x9e3779b1)),
    isEqual: (a, b) => words[2 * a] === words[2 * b] && words[2 * a + 1] === words[2 * b + 1],
  }
}

function byteSlots({ bytes, offsets, length }: BytesVector): Slots {
  return {
    total: offsets[length] - offsets[0],
    size: (row) => offsets[row + 1] - offsets[row] + 4,
    hash: (row) => hashBytes(bytes, offsets[row], offsets[row + 1]),
    isEqual: (a, b) => {
      const size = offsets[a + 1] - offsets[a]
      return size === offsets[b + 1] - offsets[b] && equalBytes(bytes, offsets[a], offsets[b], size)
    },
  }
}

function mix(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193)
  return mix(hash)
}

function equalBytes(bytes: Uint8Array, a: number, b: number, size: number): boolean {
  for (let i = 0; i < size; i++) if (bytes[a + i] !== bytes[b + i]) return false
  return true
}

function countSample(slots: Slots, length: number): number {
  const seen = new Map<number, number>()
  for (let i = 0; i < SAMPLE_ROWS; i++) {
    const row = Math.floor((i * length) / SAMPLE_ROWS)
    seen.set(slots.hash(row), row)
  }
  return seen.size
}

function grow(table: Int32Array, rows: readonly number[], slots: Slots): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(table.length * 4)
  for (let i = 0; i < rows.length; i++) {
    let at = slots.hash(rows[i]) & (grown.length - 1)
    while (grown[at] !== 0) at = (at + 1) & (grown.length - 1)
    grown[at] = i + 1
  }
  return grown
}

/** The values at these rows, all of them present. */
function pick(vector: Exclude<Vector, { physical: 'bool' }>, rows: readonly number[]): Vector {
  const length = rows.length
  switch (vector.physical) {
    case 'bytes': {
      const offsets = new Uint32Array(length + 1)
      rows.forEach((row, i) => {
        offsets[i + 1] = offsets[i] + vector.offsets[row + 1] - vector.offsets[row]
      })
      const bytes = new Uint8Array(offsets[length])
      rows.forEach((row, i) => {
        bytes.set(vector.bytes.subarray(vector.offsets[row], vector.offsets[row + 1]), offsets[i])
      })
      return { physical: 'bytes', length, bytes, offsets }
    }
    case 'fixed': {
      const { width } = vector
      const values = new Uint8Array(length * width)
      rows.forEach((row, i) => values.set(vector.values.subarray(row * width, (row + 1) * width), i * width))
      return { physical: 'fixed', length, width, values }
    }
    case 'i32':
      return { physical: 'i32', length, values: Int32Array.from(rows, (row) => vector.values[row]) }
    case 'i64':
      return { physical: 'i64', length, values: BigInt64Array.from(rows, (row) => vector.values[row]) }
    case 'f32':
      return { physical: 'f32', length, values: Float32Array.from(rows, (row) => vector.values[row]) }
    case 'f64':
      return { physical: 'f64', length, values: Float64Array.from(rows, (row) => vector.values[row]) }
  }
}

import {
  rowLayout,
  type BytesVector,
  type ColumnPlace,
  type RowLayout,
  type TableSchema,
  type Vector,
} from '@meru/core'

/** Up to this length a loop copies faster than a call. */
const SHORT_BYTES = 24

/** Memory that rows are made in. It never awaits, so one piece serves all; more than this is not kept. */
const KEPT_BYTES_MAX = 1024 * 1024
let memory: Uint8Array = new Uint8Array()

function takeMemory(bytes: number): Uint8Array {
  if (bytes <= memory.length) return memory
  if (bytes > KEPT_BYTES_MAX) return new Uint8Array(bytes)
  memory = new Uint8Array(Math.min(2 * bytes, KEPT_BYTES_MAX))
  return memory
}

/** The bytes of the largest column of variable length. */
function longestText(columns: readonly Vector[]): number {
  let longest = 0
  for (const vector of columns) {
    if (vector.physical !== 'bytes') continue
    longest = Math.max(longest, vector.offsets[vector.length] - vector.offsets[0])
  }
  return longest
}

/**
 * Makes encoded rows of columns: what `Shredder` takes apart. Pages of deeper levels that are read by key are kept in
 * memory like this, so that a row is found and read in one piece.
 */
export class RowAssembler {
  private readonly layout: RowLayout

  constructor(schema: TableSchema) {
    this.layout = rowLayout(schema)
  }

  /**
   * The rows one after the other, each as `u32 length | varint key length | key | value`. `columns` are in schema order.
   * Read the bytes before the next call: their memory is used again.
   */
  assemble(columns: readonly Vector[], keys: BytesVector): Uint8Array {
    const size = this.measure(columns, keys)
    const into = takeMemory(size + longestText(columns))
    this.write(columns, keys, into, size)
    return into.subarray(0, size)
  }

  private measure(columns: readonly Vector[], keys: BytesVector): number {
    const rows = keys.length
    let bytes = rows * (4 + this.layout.variableAt) + keys.offsets[rows] - keys.offsets[0]
    for (let row = 0; row < rows; row++) bytes += varintBytes(keys.offsets[row + 1] - keys.offsets[row])
    for (const { index, variableIndex } of this.layout.values) {
      if (variableIndex < 0) continue
      const { offsets } = columns[index] as BytesVector
      bytes += offsets[rows] - offsets[0]
    }
    return bytes
  }

  /** Writes the rows into the first `size` bytes; those behind have room for the values of any one column. */
  private write(columns: readonly Vector[], keys: BytesVector, into: Uint8Array, size: number): void {
    const { layout } = this
    const { nullBytes } = layout
    const rows = keys.length
    // Where the value of each row starts, and how many bytes of its variable part are written.
    const valueAt = new Float64Array(rows)
    const written = new Uint32Array(rows)
    const variable = layout.values.filter((place) => place.variableIndex >= 0)
    let at = 0
    for (let row = 0; row < rows; row++) {
      const keyStart = keys.offsets[row]
      const keyBytes = keys.offsets[row + 1] - keyStart
      let length = varintBytes(keyBytes) + keyBytes + layout.variableAt
      for (const { index } of variable) {
        const { offsets } = columns[index] as BytesVector
        length += offsets[row + 1] - offsets[row]
      }
      putU32(into, at, length)
      const end = at + 4 + length
      at = putVarint(into, at + 4, keyBytes)
      for (let i = 0; i < keyBytes; i++) into[at + i] = keys.bytes[keyStart + i]
      at += keyBytes
      valueAt[row] = at
      for (let i = 0; i < nullBytes; i++) into[at + i] = 0
      at = end
    }
    for (const place of layout.values) {
      const vector = columns[place.index]
      if (vector.physical === 'bytes') putBytes(layout, place, vector, { into, free: size }, valueAt, written)
      else putFixed(place, vector, into, valueAt)
      if (place.nullBit >= 0) putNulls(place.nullBit, vector, into, valueAt)
    }
  }
}

function putFixed(
  { offset, width }: ColumnPlace,
  vector: Exclude<Vector, BytesVector>,
  into: Uint8Array,
  valueAt: Float64Array,
): void {
  const { buffer, byteOffset, byteLength } = vector.values
  const source = new Uint8Array(buffer, byteOffset, byteLength)
  for (let row = 0; row < valueAt.length; row++) {
    const to = valueAt[row] + offset
    const from = row * width
    for (let i = 0; i < width; i++) into[to + i] = source[from + i]
  }
}

/**
 * The bytes of all values are copied at once to `free`, then each value moves to its row: moves within one array are cheaper
 * than copies between two.
 */
function putBytes(
  { endsAt, variableAt }: RowLayout,
  { variableIndex }: ColumnPlace,
  { bytes, offsets }: BytesVector,
  { into, free }: { readonly into: Uint8Array; readonly free: number },
  valueAt: Float64Array,
  written: Uint32Array,
): void {
  const shift = free - offsets[0]
  into.set(bytes.subarray(offsets[0], offsets[valueAt.length]), free)
  for (let row = 0; row < valueAt.length; row++) {
    const from = offsets[row]
    const size = offsets[row + 1] - from
    const to = valueAt[row] + variableAt + written[row]
    if (size > SHORT_BYTES) into.copyWithin(to, from + shift, from + shift + size)
    else for (let i = 0; i < size; i++) into[to + i] = bytes[from + i]
    written[row] += size
    putU32(into, valueAt[row] + endsAt + 4 * variableIndex, written[row])
  }
}

function putNulls(bit: number, { validity }: Vector, into: Uint8Array, valueAt: Float64Array): void {
  if (validity === undefined) return
  for (let row = 0; row < valueAt.length; row++) {
    if ((validity[row >>> 3] & (1 << (row & 7))) === 0) into[valueAt[row] + (bit >>> 3)] |= 1 << (bit & 7)
  }
}

function putU32(into: Uint8Array, at: number, value: number): void {
  into[at] = value
  into[at + 1] = value >>> 8
  into[at + 2] = value >>> 16
  into[at + 3] = value >>> 24
}

function putVarint(into: Uint8Array, at: number, value: number): number {
  let next = at
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) into[next++] = rest | 0x80
  into[next++] = rest
  return next
}

/** A key has at most 65,535 bytes. */
function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3
}

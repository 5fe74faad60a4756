import { sliceVector, type ByteWriter, type BytesVector, type Vector } from '@meru/core'
import { appendIndexes } from './dictionary-indexes.ts'

/** Up to this length a loop copies faster than a call. */
const SHORT_BYTES = 24

/** Rows of a page, as the functions here take them: `from` is a multiple of 8 if the vector has nulls. */
export interface PageRows {
  readonly vector: Vector
  readonly from: number
  readonly to: number
}

/** Rows [from, to) as a page; where a bitmap does not start with a byte, it is shifted. */
export function pageRows(vector: Vector, from: number, to: number): PageRows {
  if (vector.validity === undefined || (from & 7) === 0) return { vector, from, to }
  return { vector: sliceVector(vector, from, to), from: 0, to: to - from }
}

/** Counts the absent values. */
export function countNulls({ vector, from, to }: PageRows): number {
  const validity = vector.validity
  if (validity === undefined) return 0
  let present = 0
  for (let at = from; at < to; at += 8) {
    let bits = validity[at >>> 3]
    if (to - at < 8) bits &= (1 << (to - at)) - 1
    for (; bits !== 0; bits &= bits - 1) present++
  }
  return to - from - present
}

/**
 * The definition levels of an optional column: a length, then one run. A validity bitmap is a bit-packed run
 * as it stands, because pages start on multiples of 8 rows.
 */
export function appendLevels({ vector, from, to }: PageRows, nulls: number, out: ByteWriter): void {
  const rows = to - from
  const lengthAt = out.length
  out.u32(0)
  if (nulls === 0 || nulls === rows) {
    out.varint(rows * 2)
    out.u8(nulls === 0 ? 1 : 0)
  } else {
    const bytes = (rows + 7) >>> 3
    out.varint(bytes * 2 + 1)
    out.reserve(bytes)
    const start = from >>> 3
    out.bytes.set((vector.validity as Uint8Array).subarray(start, start + bytes), out.length)
    out.length += bytes
    if ((rows & 7) !== 0) out.bytes[out.length - 1] &= (1 << (rows & 7)) - 1
  }
  out.view.setUint32(lengthAt, out.length - lengthAt - 4, true)
}

/** The present values in encoding PLAIN. */
export function appendPlain({ vector, from, to }: PageRows, nulls: number, out: ByteWriter): void {
  if (vector.physical === 'bytes') return appendBytes(vector, from, to, nulls, out)
  if (vector.physical === 'bool') return appendBits(vector.values, vector.validity, from, to, nulls, out)
  const width = vector.physical === 'fixed' ? vector.width : vector.values.BYTES_PER_ELEMENT
  const { buffer, byteOffset } = vector.values
  out.reserve((to - from) * width)
  if (nulls === 0) {
    out.bytes.set(new Uint8Array(buffer, byteOffset + from * width, (to - from) * width), out.length)
    out.length += (to - from) * width
    return
  }
  const validity = vector.validity as Uint8Array
  const source = new Uint8Array(buffer, byteOffset, vector.values.byteLength)
  const target = out.bytes
  let at = out.length
  for (let row = from; row < to; row++) {
    if ((validity[row >>> 3] & (1 << (row & 7))) === 0) continue
    const start = row * width
    for (let i = 0; i < width; i++) target[at++] = source[start + i]
  }
  out.length = at
}

/** The indexes of the present values in encoding RLE_DICTIONARY. `indexes` is parallel to the page. */
export function appendDictionaryIndexes(
  { vector, from, to }: PageRows,
  nulls: number,
  indexes: Uint32Array,
  bitWidth: number,
  out: ByteWriter,
): void {
  out.u8(bitWidth)
  if (nulls === 0) return appendIndexes(indexes, 0, to - from, bitWidth, out)
  const validity = vector.validity as Uint8Array
  const present = new Uint32Array(to - from - nulls)
  let count = 0
  for (let row = from; row < to; row++) {
    if ((validity[row >>> 3] & (1 << (row & 7))) !== 0) present[count++] = indexes[row - from]
  }
  appendIndexes(present, 0, count, bitWidth, out)
}

function appendBits(
  values: Uint8Array,
  validity: Uint8Array | undefined,
  from: number,
  to: number,
  nulls: number,
  out: ByteWriter,
): void {
  const count = to - from - nulls
  const bytes = (count + 7) >>> 3
  out.reserve(bytes)
  out.bytes.fill(0, out.length, out.length + bytes)
  let bit = out.length * 8
  for (let row = from; row < to; row++) {
    if (nulls > 0 && validity !== undefined && (validity[row >>> 3] & (1 << (row & 7))) === 0) continue
    out.bytes[bit >>> 3] |= values[row] << (bit & 7)
    bit++
  }
  out.length += bytes
}

/**
 * Each value after its length. The bytes of all values are copied at once to the end of the room, then every value
 * moves down to its place: moves within one array are cheaper than copies between two.
 */
function appendBytes(vector: BytesVector, from: number, to: number, nulls: number, out: ByteWriter): void {
  const { offsets, validity } = vector
  const first = offsets[from]
  const length = offsets[to] - first
  const count = to - from - nulls
  out.reserve(length + 4 * count)
  const target = out.bytes
  let at = out.length
  const shift = at + 4 * count - first
  target.set(vector.bytes.subarray(first, first + length), at + 4 * count)
  for (let row = from; row < to; row++) {
    if (nulls > 0 && validity !== undefined && (validity[row >>> 3] & (1 << (row & 7))) === 0) continue
    const start = offsets[row]
    const size = offsets[row + 1] - start
    target[at] = size
    target[at + 1] = size >>> 8
    target[at + 2] = size >>> 16
    target[at + 3] = size >>> 24
    at += 4
    const source = start + shift
    if (size > SHORT_BYTES) target.copyWithin(at, source, source + size)
    else for (let i = 0; i < size; i++) target[at + i] = target[source + i]
    at += size
  }
  out.length = at
}

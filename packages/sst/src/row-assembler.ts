import {
  rowLayout,
  type BytesVector,
  type ColumnPlace,
  type RowLayout,
  type TableSchema,
  type Vector,
} from '@meru/core'

/**
 * Makes encoded rows of columns: what `Shredder` takes apart. Pages of deeper levels that are read by key are kept in
 * memory like this, so that a row is found and read in one piece.
 */
export class RowAssembler {
  private readonly layout: RowLayout

  constructor(schema: TableSchema) {
    this.layout = rowLayout(schema)
  }

  /** Bytes of the rows as `assemble` writes them. `columns` are in schema order. */
  measure(columns: readonly Vector[], keys: BytesVector): number {
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

  /** Writes the rows at `start`, each as `u32 length | varint key length | key | value`. */
  assemble(columns: readonly Vector[], keys: BytesVector, into: Uint8Array, start: number): void {
    const { layout } = this
    const rows = keys.length
    // Where the value of each row starts, and how many bytes of its variable part are written.
    const valueAt = new Float64Array(rows)
    const written = new Uint32Array(rows)
    const variable = layout.values.filter((place) => place.variableIndex >= 0)
    let at = start
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
      into.fill(0, at, at + layout.nullBytes)
      at = end
    }
    for (const place of layout.values) {
      const vector = columns[place.index]
      if (vector.physical === 'bytes') putBytes(layout, place, vector, into, valueAt, written)
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

function putBytes(
  { endsAt, variableAt }: RowLayout,
  { variableIndex }: ColumnPlace,
  { bytes, offsets }: BytesVector,
  into: Uint8Array,
  valueAt: Float64Array,
  written: Uint32Array,
): void {
  for (let row = 0; row < valueAt.length; row++) {
    const from = offsets[row]
    const size = offsets[row + 1] - from
    const to = valueAt[row] + variableAt + written[row]
    if (size > 24) into.set(bytes.subarray(from, from + size), to)
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

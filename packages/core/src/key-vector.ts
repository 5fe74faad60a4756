import { physicalOf } from './column-type.ts'
import { ESCAPED_ZERO, TERMINATOR_LENGTH } from './key-bytes.ts'
import { keyColumns, type ColumnDef, type TableSchema } from './schema.ts'
import type { BytesVector, Vector } from './vector.ts'

/**
 * The encoded keys of rows given as typed key columns, in key order. The inverse of what `Shredder`
 * does to keys. Key columns hold no nulls.
 */
export function encodeKeyVector(
  schema: TableSchema,
  keyVectors: readonly Vector[],
  length: number,
): BytesVector {
  const columns = keyColumns(schema)
  if (columns.length !== keyVectors.length) {
    throw new TypeError(`${keyVectors.length} vectors for a key of ${columns.length} columns`)
  }
  const offsets = measure(columns, keyVectors, length)
  const bytes = new Uint8Array(offsets[length])
  // Where the next column of each key goes.
  const cursor = offsets.slice(0, length)
  columns.forEach((column, i) => writeColumn(column, keyVectors[i], length, bytes, cursor))
  return { physical: 'bytes', length, bytes, offsets }
}

function measure(columns: readonly ColumnDef[], vectors: readonly Vector[], length: number): Uint32Array {
  const offsets = new Uint32Array(length + 1)
  let fixed = 0
  columns.forEach((column, i) => {
    const vector = vectors[i]
    const { physical, width } = physicalOf(column.type)
    if (vector.physical !== physical || vector.length < length) {
      throw new TypeError(`key column "${column.name}" needs ${length} values of ${physical}`)
    }
    fixed += vector.physical === 'bytes' ? TERMINATOR_LENGTH : width
    if (vector.physical !== 'bytes') return
    for (let row = 0; row < length; row++) {
      const end = vector.offsets[row + 1]
      let size = end - vector.offsets[row]
      for (let at = vector.offsets[row]; at < end; at++) if (vector.bytes[at] === 0) size++
      offsets[row + 1] += size
    }
  })
  for (let row = 0; row < length; row++) offsets[row + 1] += offsets[row] + fixed
  return offsets
}

function writeColumn(
  column: ColumnDef,
  vector: Vector,
  length: number,
  bytes: Uint8Array,
  cursor: Uint32Array,
): void {
  switch (vector.physical) {
    case 'i32':
    case 'i64':
      writeIntegers(vector.values, physicalOf(column.type).width, length, bytes, cursor)
      return
    case 'bytes':
      writeTexts(vector, length, bytes, cursor)
      return
    case 'bool':
    case 'fixed':
      writeRaw(
        vector.values,
        physicalOf(column.type).width,
        length,
        bytes,
        cursor,
        column.type.kind === 'decimal' ? 0x80 : 0,
      )
      return
    case 'f32':
    case 'f64':
      throw new TypeError(`key column "${column.name}" is floating`)
  }
}

function writeIntegers(
  values: Int32Array | BigInt64Array,
  width: number,
  length: number,
  bytes: Uint8Array,
  cursor: Uint32Array,
): void {
  const source = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const last = width - 1
  for (let row = 0; row < length; row++) {
    const at = cursor[row]
    const from = row * width
    for (let i = 0; i < width; i++) bytes[at + i] = source[from + last - i]
    bytes[at] ^= 0x80
    cursor[row] = at + width
  }
}

function writeRaw(
  source: Uint8Array,
  width: number,
  length: number,
  bytes: Uint8Array,
  cursor: Uint32Array,
  flip: number,
): void {
  for (let row = 0; row < length; row++) {
    const at = cursor[row]
    const from = row * width
    for (let i = 0; i < width; i++) bytes[at + i] = source[from + i]
    bytes[at] ^= flip
    cursor[row] = at + width
  }
}

function writeTexts(vector: BytesVector, length: number, bytes: Uint8Array, cursor: Uint32Array): void {
  const source = vector.bytes
  for (let row = 0; row < length; row++) {
    let at = cursor[row]
    const end = vector.offsets[row + 1]
    for (let from = vector.offsets[row]; from < end; from++) {
      const byte = source[from]
      bytes[at++] = byte
      if (byte === 0) bytes[at++] = ESCAPED_ZERO
    }
    cursor[row] = at + TERMINATOR_LENGTH
  }
}

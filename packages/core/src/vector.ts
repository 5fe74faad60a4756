/**
 * Column vectors: the form in which many values of one column travel between packages.
 * `validity` is a bitmap, least significant bit first, a set bit meaning "present"; without it every
 * value is present. An absent value has a zero or empty slot. Vectors are never changed once handed over.
 */
export type Vector = BoolVector | I32Vector | I64Vector | F32Vector | F64Vector | FixedVector | BytesVector

interface VectorBase {
  readonly length: number
  readonly validity?: Uint8Array | undefined
}

/** One byte for each value: 0 or 1. */
export interface BoolVector extends VectorBase {
  readonly physical: 'bool'
  readonly values: Uint8Array
}

export interface I32Vector extends VectorBase {
  readonly physical: 'i32'
  readonly values: Int32Array
}

/** Hot paths look at the same bytes through an `Int32Array` of pairs, low word first. */
export interface I64Vector extends VectorBase {
  readonly physical: 'i64'
  readonly values: BigInt64Array
}

export interface F32Vector extends VectorBase {
  readonly physical: 'f32'
  readonly values: Float32Array
}

export interface F64Vector extends VectorBase {
  readonly physical: 'f64'
  readonly values: Float64Array
}

/** `width` bytes for each value, one after the other. */
export interface FixedVector extends VectorBase {
  readonly physical: 'fixed'
  readonly width: number
  readonly values: Uint8Array
}

/** Value i is `bytes[offsets[i] .. offsets[i + 1])`; `offsets` holds length + 1 numbers. */
export interface BytesVector extends VectorBase {
  readonly physical: 'bytes'
  readonly bytes: Uint8Array
  readonly offsets: Uint32Array
}

/** True if value `index` is present. */
export function isPresent(vector: Vector, index: number): boolean {
  const validity = vector.validity
  return validity === undefined || (validity[index >>> 3] & (1 << (index & 7))) !== 0
}

/**
 * Rows that are adjacent in key order, column by column. `columns[i]` holds the column with field id
 * `columnIds[i]`.
 */
export interface ColumnBatch {
  readonly length: number
  readonly columnIds: readonly number[]
  readonly columns: readonly Vector[]
}

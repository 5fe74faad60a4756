import { isPresent, type BytesVector, type Vector } from './vector.ts'

type FixedWidth = Exclude<Vector, BytesVector>
type Values = FixedWidth['values']

/** Values `from` to `to` of a vector. Shares memory with it. */
export function sliceVector(vector: Vector, from: number, to: number): Vector {
  const length = to - from
  const validity = sliceValidity(vector.validity, from, to)
  const base = validity === undefined ? { length } : { length, validity }
  switch (vector.physical) {
    case 'bool':
      return { physical: 'bool', ...base, values: vector.values.subarray(from, to) }
    case 'i32':
      return { physical: 'i32', ...base, values: vector.values.subarray(from, to) }
    case 'i64':
      return { physical: 'i64', ...base, values: vector.values.subarray(from, to) }
    case 'f32':
      return { physical: 'f32', ...base, values: vector.values.subarray(from, to) }
    case 'f64':
      return { physical: 'f64', ...base, values: vector.values.subarray(from, to) }
    case 'fixed': {
      const { width, values } = vector
      return { physical: 'fixed', ...base, width, values: values.subarray(from * width, to * width) }
    }
    case 'bytes': {
      const { bytes, offsets } = vector
      return { physical: 'bytes', ...base, bytes, offsets: offsets.subarray(from, to + 1) }
    }
  }
}

function sliceValidity(validity: Uint8Array | undefined, from: number, to: number): Uint8Array | undefined {
  if (validity === undefined) return undefined
  if ((from & 7) === 0) return validity.subarray(from >>> 3, (to + 7) >>> 3)
  const slice = new Uint8Array((to - from + 7) >>> 3)
  for (let i = from; i < to; i++) {
    if ((validity[i >>> 3] & (1 << (i & 7))) !== 0) slice[(i - from) >>> 3] |= 1 << ((i - from) & 7)
  }
  return slice
}

/** The values of several vectors of one kind, one after the other. At least one vector. */
export function concatVectors(vectors: readonly Vector[]): Vector {
  if (vectors.length === 0) throw new TypeError('no vectors to concatenate')
  const first = vectors[0]
  if (vectors.length === 1) return first
  checkSameKind(vectors)
  const length = vectors.reduce((sum, vector) => sum + vector.length, 0)
  const validity = concatValidity(vectors, length)
  const base = validity === undefined ? { length } : { length, validity }
  switch (first.physical) {
    case 'bool':
      return { physical: 'bool', ...base, values: concatValues(vectors, new Uint8Array(length), 1) }
    case 'i32':
      return { physical: 'i32', ...base, values: concatValues(vectors, new Int32Array(length), 1) }
    case 'i64':
      return { physical: 'i64', ...base, values: concatValues(vectors, new BigInt64Array(length), 1) }
    case 'f32':
      return { physical: 'f32', ...base, values: concatValues(vectors, new Float32Array(length), 1) }
    case 'f64':
      return { physical: 'f64', ...base, values: concatValues(vectors, new Float64Array(length), 1) }
    case 'fixed': {
      const { width } = first
      return {
        physical: 'fixed',
        ...base,
        width,
        values: concatValues(vectors, new Uint8Array(length * width), width),
      }
    }
    case 'bytes':
      return { physical: 'bytes', ...base, ...concatBytes(vectors as readonly BytesVector[], length) }
  }
}

function concatValues<V extends Values>(vectors: readonly Vector[], into: V, width: number): V {
  let at = 0
  for (const vector of vectors) {
    const source = (vector as FixedWidth).values
    const count = vector.length * width
    into.set(source.subarray(0, count) as never, at)
    at += count
  }
  return into
}

function concatBytes(
  vectors: readonly BytesVector[],
  length: number,
): { bytes: Uint8Array; offsets: Uint32Array } {
  const size = vectors.reduce((sum, vector) => sum + vector.offsets[vector.length] - vector.offsets[0], 0)
  if (size > 0xffffffff) throw new TypeError(`concatenating ${size} bytes into one vector`)
  const bytes = new Uint8Array(size)
  const offsets = new Uint32Array(length + 1)
  let at = 0
  let row = 0
  for (const vector of vectors) {
    const start = vector.offsets[0]
    bytes.set(vector.bytes.subarray(start, vector.offsets[vector.length]), at)
    for (let i = 0; i < vector.length; i++) offsets[++row] = at + vector.offsets[i + 1] - start
    at = offsets[row]
  }
  return { bytes, offsets }
}

function concatValidity(vectors: readonly Vector[], length: number): Uint8Array | undefined {
  if (vectors.every((vector) => vector.validity === undefined)) return undefined
  const validity = new Uint8Array((length + 7) >>> 3)
  let at = 0
  for (const vector of vectors) {
    for (let i = 0; i < vector.length; i++, at++) {
      if (isPresent(vector, i)) validity[at >>> 3] |= 1 << (at & 7)
    }
  }
  return validity
}

/** Throws a `TypeError` unless all vectors hold the same kind of values. */
export function checkSameKind(vectors: readonly Vector[]): void {
  const kind = (vector: Vector): string =>
    vector.physical === 'fixed' ? `fixed of ${vector.width} bytes` : vector.physical
  const first = kind(vectors[0])
  const other = vectors.find((vector) => kind(vector) !== first)
  if (other !== undefined) throw new TypeError(`vectors of ${first} and ${kind(other)} do not mix`)
}

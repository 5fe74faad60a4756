import { checkSameKind } from './vector-copy.ts'
import { isPresent, type BytesVector, type FixedVector, type I64Vector, type Vector } from './vector.ts'

/** Which input each output row comes from. */
export type SourceOf = Uint8Array | Uint16Array

/** Values up to this length are copied byte by byte, which beats a call. */
const SHORT_LENGTH = 24

/**
 * Row i of the result is row `rowOf[i]` of `sources[sourceOf[i]]`. All sources are of one kind. This is
 * how a merge moves columns, so it makes no value of any byte.
 */
export function gatherVectors(
  sources: readonly Vector[],
  sourceOf: SourceOf,
  rowOf: Uint32Array,
  length: number,
): Vector {
  if (sources.length === 0) throw new TypeError('no vectors to gather from')
  const first = sources[0]
  checkSameKind(sources)
  const validity = gatherValidity(sources, sourceOf, rowOf, length)
  const base = validity === undefined ? { length } : { length, validity }
  switch (first.physical) {
    case 'bool':
      return {
        physical: 'bool',
        ...base,
        values: gatherNumbers(sources, sourceOf, rowOf, new Uint8Array(length)),
      }
    case 'i32':
      return {
        physical: 'i32',
        ...base,
        values: gatherNumbers(sources, sourceOf, rowOf, new Int32Array(length)),
      }
    case 'f32':
      return {
        physical: 'f32',
        ...base,
        values: gatherNumbers(sources, sourceOf, rowOf, new Float32Array(length)),
      }
    case 'f64':
      return {
        physical: 'f64',
        ...base,
        values: gatherNumbers(sources, sourceOf, rowOf, new Float64Array(length)),
      }
    case 'i64':
      return {
        physical: 'i64',
        ...base,
        values: gatherLongs(sources as readonly I64Vector[], sourceOf, rowOf, length),
      }
    case 'fixed': {
      const { width } = first
      return {
        physical: 'fixed',
        ...base,
        width,
        values: gatherFixed(sources as readonly FixedVector[], sourceOf, rowOf, length),
      }
    }
    case 'bytes':
      return {
        physical: 'bytes',
        ...base,
        ...gatherBytes(sources as readonly BytesVector[], sourceOf, rowOf, length),
      }
  }
}

type NumberArray = Uint8Array | Int32Array | Float32Array | Float64Array

function gatherNumbers<A extends NumberArray>(
  sources: readonly Vector[],
  sourceOf: SourceOf,
  rowOf: Uint32Array,
  into: A,
): A {
  const values = sources.map((source) => (source as unknown as { readonly values: A }).values)
  for (let i = 0; i < into.length; i++) into[i] = values[sourceOf[i]][rowOf[i]]
  return into
}

function gatherLongs(
  sources: readonly I64Vector[],
  sourceOf: SourceOf,
  rowOf: Uint32Array,
  length: number,
): BigInt64Array {
  const result = new BigInt64Array(length)
  const into = new Int32Array(result.buffer)
  const words = sources.map(
    ({ values }) => new Int32Array(values.buffer, values.byteOffset, values.length * 2),
  )
  for (let i = 0; i < length; i++) {
    const from = words[sourceOf[i]]
    const row = rowOf[i] * 2
    into[2 * i] = from[row]
    into[2 * i + 1] = from[row + 1]
  }
  return result
}

function gatherFixed(
  sources: readonly FixedVector[],
  sourceOf: SourceOf,
  rowOf: Uint32Array,
  length: number,
): Uint8Array {
  const { width } = sources[0]
  const into = new Uint8Array(length * width)
  const values = sources.map((source) => source.values)
  for (let i = 0; i < length;) {
    const end = runEnd(sourceOf, rowOf, i, length)
    copyBytes(into, i * width, values[sourceOf[i]], rowOf[i] * width, (end - i) * width)
    i = end
  }
  return into
}

function gatherBytes(
  sources: readonly BytesVector[],
  sourceOf: SourceOf,
  rowOf: Uint32Array,
  length: number,
): { bytes: Uint8Array; offsets: Uint32Array } {
  const offsetsOf = sources.map((source) => source.offsets)
  const bytesOf = sources.map((source) => source.bytes)
  const offsets = new Uint32Array(length + 1)
  let size = 0
  for (let i = 0; i < length; i++) {
    const from = offsetsOf[sourceOf[i]]
    const row = rowOf[i]
    size += from[row + 1] - from[row]
    offsets[i + 1] = size
  }
  if (size > 0xffffffff) throw new TypeError(`gathering ${size} bytes into one vector; gather fewer rows`)
  const bytes = new Uint8Array(size)
  for (let i = 0; i < length;) {
    const end = runEnd(sourceOf, rowOf, i, length)
    const source = sourceOf[i]
    copyBytes(bytes, offsets[i], bytesOf[source], offsetsOf[source][rowOf[i]], offsets[end] - offsets[i])
    i = end
  }
  return { bytes, offsets }
}

/** End of the rows from `start` that follow each other in one source, so that their bytes do too. */
function runEnd(sourceOf: SourceOf, rowOf: Uint32Array, start: number, length: number): number {
  const source = sourceOf[start]
  const row = rowOf[start]
  let end = start + 1
  while (end < length && sourceOf[end] === source && rowOf[end] - row === end - start) end++
  return end
}

function copyBytes(to: Uint8Array, at: number, from: Uint8Array, start: number, count: number): void {
  if (count <= SHORT_LENGTH) for (let i = 0; i < count; i++) to[at + i] = from[start + i]
  else to.set(from.subarray(start, start + count), at)
}

function gatherValidity(
  sources: readonly Vector[],
  sourceOf: SourceOf,
  rowOf: Uint32Array,
  length: number,
): Uint8Array | undefined {
  if (sources.every((source) => source.validity === undefined)) return undefined
  const validity = new Uint8Array((length + 7) >>> 3)
  for (let i = 0; i < length; i++) {
    if (isPresent(sources[sourceOf[i]], rowOf[i])) validity[i >>> 3] |= 1 << (i & 7)
  }
  return validity
}

import type { ColumnType } from './column-type.ts'
import { readText, encodeText } from './text.ts'
import type { Vector } from './vector.ts'

/**
 * Single values in the binary form of Iceberg (specification, appendix D), as bounds use them: boolean
 * one byte, numbers little-endian, decimals big-endian two's complement at minimal length, everything
 * else its bytes.
 */
export function encodeSingleValue(type: ColumnType, vector: Vector, index: number): Uint8Array {
  switch (vector.physical) {
    case 'bool':
      return Uint8Array.of(vector.values[index])
    case 'bytes':
      return vector.bytes.slice(vector.offsets[index], vector.offsets[index + 1])
    case 'fixed': {
      const raw = vector.values.slice(index * vector.width, (index + 1) * vector.width)
      return type.kind === 'decimal' ? minimal(raw) : raw
    }
    default: {
      const { buffer, byteOffset, BYTES_PER_ELEMENT: width } = vector.values
      const raw = new Uint8Array(buffer, byteOffset + index * width, width).slice()
      return type.kind === 'decimal' ? minimal(raw.reverse()) : raw
    }
  }
}

/** Drops leading bytes that only repeat the sign. */
function minimal(bigEndian: Uint8Array): Uint8Array {
  let start = 0
  while (start < bigEndian.length - 1) {
    const byte = bigEndian[start]
    const isNegativeNext = bigEndian[start + 1] >= 0x80
    if (!(byte === 0 && !isNegativeNext) && !(byte === 0xff && isNegativeNext)) break
    start++
  }
  return bigEndian.slice(start)
}

/** How much of a bound is kept: code points of a string, bytes of a binary. */
export const BOUND_LENGTH = 16

/**
 * A lower bound of at most `length` code points (string) or bytes (binary): not above the value. Other
 * types are returned whole.
 */
export function truncateLower(
  type: ColumnType,
  bytes: Uint8Array,
  length: number = BOUND_LENGTH,
): Uint8Array {
  return bytes.slice(0, keptLength(type, bytes, length))
}

/**
 * An upper bound of at most `length` code points (string) or bytes (binary): not below the value, nor
 * below any value that it is a prefix of once cut. `undefined` if there is none.
 */
export function truncateUpper(
  type: ColumnType,
  bytes: Uint8Array,
  length: number = BOUND_LENGTH,
): Uint8Array | undefined {
  const end = keptLength(type, bytes, length)
  if (end === bytes.length) return bytes.slice()
  return type.kind === 'string' ? nextText(readText(bytes, 0, end)) : nextBytes(bytes.slice(0, end))
}

/** Bytes of the first `length` code points or bytes. */
function keptLength(type: ColumnType, bytes: Uint8Array, length: number): number {
  if (type.kind === 'binary') return Math.min(length, bytes.length)
  if (type.kind !== 'string') return bytes.length
  let points = 0
  for (let i = 0; i < bytes.length; i++) {
    const startsCodePoint = (bytes[i] & 0xc0) !== 0x80
    if (startsCodePoint && points++ === length) return i
  }
  return bytes.length
}

const CODE_POINT_MAX = 0x10ffff

/** The least text above every one that starts with this one; `undefined` if there is none. */
function nextText(text: string): Uint8Array | undefined {
  const points = Array.from(text, (point) => point.codePointAt(0) as number)
  while (points.length > 0 && points[points.length - 1] === CODE_POINT_MAX) points.pop()
  const last = points.pop()
  if (last === undefined) return undefined
  // Surrogates are no characters, so the successor of D7FF is E000.
  points.push(last === 0xd7ff ? 0xe000 : last + 1)
  return encodeText(String.fromCodePoint(...points))
}

function nextBytes(bytes: Uint8Array): Uint8Array | undefined {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0xff) end--
  if (end === 0) return undefined
  bytes[end - 1]++
  return bytes.slice(0, end)
}

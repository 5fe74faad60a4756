/**
 * The bytes of nested values, one part after the other. Format: docs/format/row.md.
 *
 *   fixed width     the bytes of encoded rows
 *   string, binary  varint length | bytes
 *   list            varint count | nulls if elements may be null | the elements that are not null
 *   map             varint count | nulls if values may be null | for each entry: key | value unless it is null
 *   struct          nulls of the fields that may be null | the fields that are not null, in order
 *
 * `nulls` is a bitmap, least significant bit first, a set bit meaning null; what is left of its last byte is 0.
 */
import type { ByteWriter } from './byte-writer.ts'
import { MeruError } from './errors.ts'

/** Where a reader of nested values is. */
export interface NestedCursor {
  readonly bytes: Uint8Array
  at: number
  readonly end: number
}

/** Steps over `count` bytes and returns where they start. Throws `CORRUPT` if there are fewer. */
export function skipNestedBytes(cursor: NestedCursor, count: number): number {
  const { at } = cursor
  if (!(count <= cursor.end - at)) throw corruptNested(`${count} bytes expected, ${cursor.end - at} left`)
  cursor.at = at + count
  return at
}

/** Reads a length or count. */
export function readNestedVarint(cursor: NestedCursor): number {
  let value = 0
  let scale = 1
  for (let i = 0; i < 5; i++) {
    const byte = cursor.bytes[skipNestedBytes(cursor, 1)]
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value
    scale *= 128
  }
  throw corruptNested('a length of more than 5 bytes')
}

/** Reads how many elements follow: each takes a bit at least, or the value is corrupt. */
export function readNestedCount(cursor: NestedCursor): number {
  const count = readNestedVarint(cursor)
  if (count > 8 * (cursor.end - cursor.at)) {
    throw corruptNested(`${count} elements in ${cursor.end - cursor.at} bytes`)
  }
  return count
}

/** Steps over the bitmap of `count` nulls and returns where it starts. */
export function skipNulls(cursor: NestedCursor, count: number): number {
  return skipNestedBytes(cursor, (count + 7) >>> 3)
}

export function isNullBit(bytes: Uint8Array, nullsAt: number, index: number): boolean {
  return (bytes[nullsAt + (index >>> 3)] & (1 << (index & 7))) !== 0
}

/** Appends a bitmap of `count` values, none of them null, and returns where it starts. */
export function appendNulls(out: ByteWriter, count: number): number {
  const bytes = (count + 7) >>> 3
  out.reserve(bytes)
  const at = out.length
  out.bytes.fill(0, at, at + bytes)
  out.length = at + bytes
  return at
}

export function setNullBit(bytes: Uint8Array, nullsAt: number, index: number): void {
  bytes[nullsAt + (index >>> 3)] |= 1 << (index & 7)
}

/** Puts the length of what was written since `start` before it. */
export function prependLength(out: ByteWriter, start: number): void {
  const length = out.length - start
  const prefix = varintBytes(length)
  out.reserve(prefix)
  out.bytes.copyWithin(start + prefix, start, out.length)
  let rest = length
  let at = start
  for (; rest > 0x7f; rest >>>= 7) out.bytes[at++] = (rest & 0x7f) | 0x80
  out.bytes[at] = rest
  out.length += prefix
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5
}

export function corruptNested(problem: string): MeruError {
  return new MeruError('CORRUPT', `a nested value: ${problem}`)
}

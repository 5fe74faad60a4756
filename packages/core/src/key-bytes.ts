import type { ByteWriter } from './byte-writer.ts'
import { MeruError } from './errors.ts'

/**
 * The order-preserving form of key columns, so that comparing bytes compares values.
 * Format: docs/format/key.md.
 *
 *   boolean             1 byte, 0 or 1
 *   i32, i64            4 or 8 bytes big-endian, sign bit flipped
 *   decimal over 18     width bytes big-endian, sign bit flipped
 *   uuid, fixed         the bytes
 *   string, binary      the bytes with 00 written as 00 FF, then 00 00
 */
export const ESCAPED_ZERO = 0xff
export const TERMINATOR_LENGTH = 2

/** Turns 4 little-endian bytes into their key form in place. */
export function flip32(view: DataView, at: number): void {
  view.setInt32(at, view.getInt32(at, true) ^ -0x80000000)
}

/** Turns 8 little-endian bytes into their key form in place. */
export function flip64(view: DataView, at: number): void {
  const low = view.getInt32(at, true)
  view.setInt32(at, view.getInt32(at + 4, true) ^ -0x80000000)
  view.setInt32(at + 4, low)
}

/** Escapes the zeros in `out.bytes[start .. out.length)` and appends the terminator. */
export function endText(out: ByteWriter, start: number): void {
  const end = out.length
  let zeros = 0
  for (let i = start; i < end; i++) if (out.bytes[i] === 0) zeros++
  out.reserve(zeros + TERMINATOR_LENGTH)
  const bytes = out.bytes
  out.length = end + zeros + TERMINATOR_LENGTH
  let to = end + zeros
  bytes[to] = 0
  bytes[to + 1] = 0
  for (let from = end; zeros > 0;) {
    const byte = bytes[--from]
    if (byte === 0) {
      bytes[--to] = ESCAPED_ZERO
      zeros--
    }
    bytes[--to] = byte
  }
}

/**
 * Where the text that starts at `start` ends: the index of its terminator. Throws `CORRUPT` if there is
 * none before `limit`.
 */
export function textEnd(bytes: Uint8Array, start: number, limit: number): number {
  let i = start
  while (i < limit - 1) {
    if (bytes[i] !== 0) {
      i++
    } else if (bytes[i + 1] === 0) {
      return i
    } else if (bytes[i + 1] === ESCAPED_ZERO) {
      i += 2
    } else {
      throw new MeruError('CORRUPT', `an encoded key holds the byte ${bytes[i + 1]} after a zero`)
    }
  }
  throw new MeruError('CORRUPT', 'an encoded key ends inside a text')
}

/** Copies the text in `bytes[start .. end)` without escapes to `to` at `at`; returns where it ends there. */
export function unescapeInto(
  to: Uint8Array,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let written = at
  for (let i = start; i < end; i++) {
    const byte = bytes[i]
    to[written++] = byte
    if (byte === 0) i++
  }
  return written
}

/** True if the encoded text in `bytes[start .. end)` holds an escape. */
export function hasEscape(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === 0) return true
  return false
}

/**
 * The smallest byte string above every one that starts with `prefix`, or `undefined` if there is none.
 */
export function successor(prefix: Uint8Array): Uint8Array | undefined {
  let end = prefix.length
  while (end > 0 && prefix[end - 1] === 0xff) end--
  if (end === 0) return undefined
  const next = prefix.slice(0, end)
  next[end - 1]++
  return next
}

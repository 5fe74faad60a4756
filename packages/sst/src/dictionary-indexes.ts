import { CorruptionError, type ByteWriter } from '@meru/core'

/** A value repeated at least this often becomes a run of its own. */
const RUN_MIN = 16

/** Bits that hold the indexes of a dictionary with `count` values. */
export function bitWidthOf(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1)
}

/**
 * `values[from .. to)` as Parquet's hybrid of runs and bit-packed groups of 8. Only the last group of a page may be
 * filled up, so a run starts where the values before it fill whole groups.
 */
export function appendIndexes(
  values: Uint32Array,
  from: number,
  to: number,
  bitWidth: number,
  out: ByteWriter,
): void {
  let packedFrom = from
  let at = from
  while (at < to) {
    const value = values[at]
    let end = at + 1
    while (end < to && values[end] === value) end++
    const filled = (8 - ((at - packedFrom) & 7)) & 7
    if (end - at - filled >= RUN_MIN) {
      if (at + filled > packedFrom) appendPacked(values, packedFrom, at + filled, bitWidth, out)
      appendRun(value, end - at - filled, bitWidth, out)
      packedFrom = end
    }
    at = end
  }
  if (packedFrom < to) appendPacked(values, packedFrom, to, bitWidth, out)
}

/** `value` so many times, as a run. */
export function appendRun(value: number, count: number, bitWidth: number, out: ByteWriter): void {
  out.varint(count * 2)
  for (let bits = 0; bits < bitWidth; bits += 8) out.u8((value >>> bits) & 0xff)
}

function appendPacked(
  values: Uint32Array,
  from: number,
  to: number,
  bitWidth: number,
  out: ByteWriter,
): void {
  const groups = (to - from + 7) >>> 3
  out.varint(groups * 2 + 1)
  const bytes = groups * bitWidth
  out.reserve(bytes)
  const target = out.bytes
  const end = out.length + bytes
  let at = out.length
  let pending = 0
  let pendingBits = 0
  for (let i = from; i < to; i++) {
    // At most 7 bits wait, and an index has at most 24: both fit into 31 bits.
    pending |= values[i] << pendingBits
    pendingBits += bitWidth
    while (pendingBits >= 8) {
      target[at++] = pending
      pending >>>= 8
      pendingBits -= 8
    }
  }
  if (pendingBits > 0) target[at++] = pending
  target.fill(0, at, end)
  out.length = end
}

/** Most bits of an index that `appendIndexes` and `readIndexes` work with. */
export const INDEX_BITS_MAX = 24

/**
 * Reads `count` indexes of a data page body, its first byte being their width. Every index is below `limit`, the
 * number of values in the dictionary, or the page is corrupt.
 */
export function readIndexes(
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
  limit: number,
  into: Uint32Array,
  where: { file: string; offset: number },
): void {
  const fail = (problem: string): never => {
    throw new CorruptionError(where, `dictionary indexes: ${problem}`)
  }
  if (count === 0) return
  if (start >= end) fail('none')
  const bitWidth = bytes[start]
  if (bitWidth > INDEX_BITS_MAX) fail(`${bitWidth} bits each`)
  readRuns({ bytes, start: start + 1, end }, { count, bitWidth, limit }, into, fail)
}

/** What `readRuns` reads: so many values of so many bits, each below the limit. */
interface Runs {
  readonly count: number
  readonly bitWidth: number
  readonly limit: number
}

/** Reads Parquet's hybrid of runs and bit-packed groups: what `appendIndexes` writes. */
export function readRuns(
  { bytes, start, end }: { readonly bytes: Uint8Array; readonly start: number; readonly end: number },
  { count, bitWidth, limit }: Runs,
  into: Uint32Array,
  fail: (problem: string) => never,
): void {
  const mask = 2 ** bitWidth - 1
  let at = start
  let done = 0
  while (done < count) {
    let header = 0
    let scale = 1
    for (;;) {
      if (at >= end || scale > 2 ** 28) fail('a run without a header')
      const byte = bytes[at++]
      header += (byte & 0x7f) * scale
      scale *= 128
      if (byte < 0x80) break
    }
    const size = Math.floor(header / 2)
    if (size === 0) fail('an empty run')
    if (header % 2 === 0) {
      let value = 0
      for (let bits = 0; bits < bitWidth; bits += 8) value |= bytes[at++] << bits
      if (at > end || size > count - done || value >= limit) fail(`index ${value} ${size} times`)
      into.fill(value, done, done + size)
      done += size
      continue
    }
    if (size * bitWidth > end - at) fail(`${size} groups of ${bitWidth} bits`)
    const stop = Math.min(count, done + size * 8)
    const next = at + size * bitWidth
    let pending = 0
    let pendingBits = 0
    let largest = 0
    for (; done < stop; done++) {
      while (pendingBits < bitWidth) {
        pending |= bytes[at++] << pendingBits
        pendingBits += 8
      }
      const value = pending & mask
      into[done] = value
      if (value > largest) largest = value
      pending >>>= bitWidth
      pendingBits -= bitWidth
    }
    if (largest >= limit) fail(`index ${largest} of ${limit} values`)
    at = next
  }
}

import { compareBytes, type BytesVector } from '@meru/core'

/** Bytes of a key that a prefix holds. */
const PREFIX_BYTES = 6

/**
 * Six bytes of a key from `start` as a number that sorts like them, so that most comparisons are between two
 * numbers. Bytes past the end count as zero: keys with equal prefixes still need a full comparison.
 */
export function keyPrefix(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= PREFIX_BYTES) {
    const high = (bytes[start] << 8) | bytes[start + 1]
    const low =
      (bytes[start + 2] << 24) | (bytes[start + 3] << 16) | (bytes[start + 4] << 8) | bytes[start + 5]
    return high * 4294967296 + (low >>> 0)
  }
  let prefix = 0
  for (let i = 0; i < PREFIX_BYTES; i++) prefix = prefix * 256 + (start + i < end ? bytes[start + i] : 0)
  return prefix
}

/** How many first bytes two keys share. */
export function sharedBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length)
  let shared = 0
  while (shared < shorter && a[shared] === b[shared]) shared++
  return shared
}

/** Keys in ascending order, ready to be searched. All of them begin with the same `skip` bytes, as do keys searched for. */
export interface SortedKeys {
  readonly count: number
  readonly bytes: Uint8Array
  /** Key i is `bytes[offsets[i] .. offsets[i + 1])`. */
  readonly offsets: Uint32Array
  /** `keyPrefix` of each key after its first `skip` bytes. */
  readonly prefixes: Float64Array
}

export function sortedKeys(keys: BytesVector, skip: number): SortedKeys {
  const prefixes = new Float64Array(keys.length)
  const { bytes, offsets } = keys
  for (let i = 0; i < keys.length; i++) prefixes[i] = keyPrefix(bytes, offsets[i] + skip, offsets[i + 1])
  return { count: keys.length, bytes, offsets, prefixes }
}

/** A key to search for. */
export interface SearchKey {
  bytes: Uint8Array
  start: number
  end: number
  /** `keyPrefix` after the bytes that all keys of the file have in common. */
  prefix: number
}

/** The index of the first key in [from, to) that is not below the given one; `to` if there is none. */
export function lowerBound(keys: SortedKeys, from: number, to: number, key: SearchKey): number {
  const { prefixes, offsets } = keys
  const { prefix } = key
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = prefixes[middle]
    const isBelow =
      other !== prefix
        ? other < prefix
        : compareBytes(keys.bytes, offsets[middle], offsets[middle + 1], key.bytes, key.start, key.end) < 0
    if (isBelow) low = middle + 1
    else high = middle
  }
  return low
}

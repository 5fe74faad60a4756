import { compareBytes, type BytesVector } from '@meru/core'

/** Bytes of a key that a prefix holds. */
export const PREFIX_BYTES = 6

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
  /** `keyPrefix` after the first bytes that prefixes of the file leave out. */
  prefix: number
  /** True if a key of the file with the same prefix is this very key. */
  isExact: boolean
}

/** A search key without a key. All are made here, so that code that searches sees one kind of object. */
export function newSearchKey(): SearchKey {
  return { bytes: NO_BYTES, start: 0, end: 0, prefix: 0, isExact: false }
}

const NO_BYTES: Uint8Array = new Uint8Array()

/**
 * The index of the first key that is not below the given one; the number of keys if there is none. `guess` is where it may
 * be: the nearer, the fewer steps.
 */
export function lowerBound(keys: SortedKeys, key: SearchKey, guess: number): number {
  const { count } = keys
  let low = 0
  let high = count
  if (guess > 0 && guess < count) {
    // Steps away from the guess, twice as far each time, until the answer is enclosed.
    let step = 2
    if (isBelow(keys, guess, key)) {
      low = guess + 1
      while (low + step < count && isBelow(keys, low + step, key)) {
        low += step + 1
        step *= 2
      }
      if (low + step < count) high = low + step
    } else {
      high = guess
      while (high - step > 0 && !isBelow(keys, high - step, key)) {
        high -= step
        step *= 2
      }
      if (high - step > 0) low = high - step + 1
    }
  }
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBelow(keys, middle, key)) low = middle + 1
    else high = middle
  }
  return low
}

function isBelow({ prefixes, offsets, bytes }: SortedKeys, index: number, key: SearchKey): boolean {
  const other = prefixes[index]
  if (other !== key.prefix) return other < key.prefix
  return compareBytes(bytes, offsets[index], offsets[index + 1], key.bytes, key.start, key.end) < 0
}

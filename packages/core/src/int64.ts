/**
 * 64-bit integers without BigInt where the value allows. All numbers are little-endian in memory, as
 * on every platform that runs JavaScript engines of today.
 */
const words = new Int32Array(2)
const scratchBytes = new Uint8Array(words.buffer)
const bigints = new BigInt64Array(words.buffer)

export const LONG_MIN: bigint = -(2n ** 63n)
export const LONG_MAX: bigint = 2n ** 63n - 1n

/** Writes a safe integer as 8 little-endian bytes. */
export function putSafeInteger(view: DataView, at: number, value: number): void {
  view.setInt32(at, value, true)
  view.setInt32(at + 4, Math.floor(value / 4294967296), true)
}

/** The 8 little-endian bytes at `at` as a number; exact if it is a safe integer. */
export function getInteger(bytes: Uint8Array, at: number): number {
  const low = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
  const high = bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24)
  return high * 4294967296 + (low >>> 0)
}

/** The 8 little-endian bytes at `at` as a bigint. */
export function getBigint(bytes: Uint8Array, at: number): bigint {
  words[0] = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
  words[1] = bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24)
  return bigints[0]
}

/** Reads `width` big-endian two's-complement bytes. */
export function getBigEndian(bytes: Uint8Array, at: number, width: number): bigint {
  let value = BigInt((bytes[at] << 24) >> 24)
  for (let i = 1; i < width; i++) value = (value << 8n) | BigInt(bytes[at + i])
  return value
}

/** Writes `width` big-endian two's-complement bytes. */
export function putBigEndian(bytes: Uint8Array, at: number, width: number, value: bigint): void {
  let rest = value
  let i = width
  while (i > 0) {
    bigints[0] = BigInt.asIntN(64, rest)
    rest >>= 64n
    for (let j = 0; j < 8 && i > 0; j++) bytes[at + --i] = scratchBytes[j]
  }
}

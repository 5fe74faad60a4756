const encoder = new TextEncoder()
const C1 = 0xcc9e2d51
const C2 = 0x1b873593

/**
 * The bucket of a value, from 0 to `n` − 1, as Iceberg's `bucket[n]` has it (specification, appendix B): of a `bigint`, or
 * a `number` that stands for an int or a long, by its 64 bits; of a text by its UTF-8 form; of bytes as they are. Kept in a
 * column of its own at the front of a key it spreads writes over `n` stretches of keys.
 */
export function icebergBucket(n: number, value: bigint | number | string | Uint8Array): number {
  if (!Number.isInteger(n) || n < 1 || n > 2 ** 31 - 1)
    throw new TypeError(`${n} buckets; 1 to 2147483647 expected`)
  return (murmur3(bytesOf(value)) & 0x7fffffff) % n
}

function bytesOf(value: bigint | number | string | Uint8Array): Uint8Array {
  if (typeof value === 'string') return encoder.encode(value)
  if (value instanceof Uint8Array) return value
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new TypeError(`${value} is no integer; buckets are of integers, texts and bytes`)
  }
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true)
  return bytes
}

/** MurmurHash3, the 32-bit variant for x86, with seed 0. */
function murmur3(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const tail = bytes.length & ~3
  let hash = 0
  for (let i = 0; i < tail; i += 4) {
    hash = rotate(hash ^ mixed(view.getInt32(i, true)), 13)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  let rest = 0
  for (let i = bytes.length - 1; i >= tail; i--) rest = (rest << 8) | bytes[i]
  if (bytes.length > tail) hash ^= mixed(rest)
  hash ^= bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

function mixed(word: number): number {
  return Math.imul(rotate(Math.imul(word, C1), 15), C2)
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by))
}

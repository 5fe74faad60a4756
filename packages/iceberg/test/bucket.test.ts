import { expect, test } from 'vitest'
import { icebergBucket } from '../src/index.ts'

const MAX = 2 ** 31 - 1

// Specification, appendix B: the hash of each, here without its sign and modulo 2^31 − 1.
test.each([
  [34, 2017239379],
  [34n, 2017239379],
  ['iceberg', 1210000089],
  [Uint8Array.of(0, 1, 2, 3), -188683207],
  // A date, a time and a timestamp by their numbers.
  [17_486, -653330422],
  [81_068_000_000n, -662762989],
  [1_510_871_468_000_000n, -2047944441],
] as const)('the hash of %o is that of the specification', (value, hash) => {
  expect(icebergBucket(MAX, value)).toBe((hash & 0x7fffffff) % MAX)
  expect(icebergBucket(16, value)).toBe((hash & 0x7fffffff) % 16)
})

test('texts of every length fall into all buckets', () => {
  const found = new Set(Array.from({ length: 400 }, (_, i) => icebergBucket(8, 'x'.repeat(i))))
  expect([...found].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
})

test('what has no bucket is refused', () => {
  expect(() => icebergBucket(0, 1)).toThrow('0 buckets')
  expect(() => icebergBucket(8, 1.5)).toThrow('1.5 is no integer')
})

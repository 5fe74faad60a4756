import { crc32 as zlibCrc32 } from 'node:zlib'
import { crc32 } from '../src/index.ts'
import { expect, test } from 'vitest'

const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * i * 31 + 7) & 0xff)

test('the check value of CRC-32 is that of the standard', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
  expect(crc32(new Uint8Array(0))).toBe(0)
})

test('every length gives what zlib gives, on either side of the crossover', () => {
  for (let length = 0; length <= 700; length++) {
    expect(crc32(bytes.subarray(0, length)), `length ${length}`).toBe(zlibCrc32(bytes.subarray(0, length)))
  }
})

test('a range is the checksum of its bytes', () => {
  for (const [start, end] of [
    [0, 0],
    [1, 5],
    [3, 3],
    [7, 168],
    [7, 167],
    [7, 1000],
    [0, 5000],
    [4999, 5000],
  ]) {
    expect(crc32(bytes, start, end), `${start}-${end}`).toBe(zlibCrc32(bytes.subarray(start, end)))
  }
  expect(crc32(bytes.subarray(100, 900), 10, 300)).toBe(zlibCrc32(bytes.subarray(110, 400)))
})

test('a checksum continues another, wherever the bytes are cut', () => {
  const whole = crc32(bytes)
  for (const cut of [0, 1, 50, 159, 160, 161, 2500, 4990, 5000]) {
    expect(crc32(bytes, cut, bytes.length, crc32(bytes, 0, cut))).toBe(whole)
  }
})

test('bytes in shared memory have the same checksum', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
  shared.set(bytes)
  expect(crc32(shared)).toBe(zlibCrc32(bytes))
  expect(crc32(shared, 5, 50)).toBe(zlibCrc32(bytes.subarray(5, 50)))
})

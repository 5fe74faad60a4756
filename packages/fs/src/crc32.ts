import { crc32 as zlibCrc32 } from 'node:zlib'

// Up to about this length four table lookups per four bytes cost less than a call into zlib.
const TABLE_BYTES_MAX = 160

// TABLES[k][b]: the remainder of byte b followed by k zero bytes.
const TABLES: readonly Int32Array[] = makeTables()
const [AFTER_0, AFTER_1, AFTER_2, AFTER_3] = TABLES

function makeTables(): Int32Array[] {
  const tables = [0, 1, 2, 3].map(() => new Int32Array(256))
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte
    for (let bit = 0; bit < 8; bit++) {
      remainder = (remainder & 1) === 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1
    }
    tables[0][byte] = remainder
  }
  for (let k = 1; k < tables.length; k++) {
    for (let byte = 0; byte < 256; byte++) {
      const shorter = tables[k - 1][byte]
      tables[k][byte] = tables[0][shorter & 0xff] ^ (shorter >>> 8)
    }
  }
  return tables
}

/**
 * The CRC-32 of zlib and Parquet (IEEE 802.3, reflected) of `bytes[start, end)`, as an unsigned number.
 * `seed` is the checksum of what came before, so that a checksum may be taken piece by piece.
 */
export function crc32(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  if (end - start > TABLE_BYTES_MAX) {
    const part = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
    return zlibCrc32(part, seed)
  }
  let remainder = ~seed
  let i = start
  for (; i + 4 <= end; i += 4) {
    remainder ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    remainder =
      AFTER_3[remainder & 0xff] ^
      AFTER_2[(remainder >>> 8) & 0xff] ^
      AFTER_1[(remainder >>> 16) & 0xff] ^
      AFTER_0[remainder >>> 24]
  }
  for (; i < end; i++) remainder = AFTER_0[(remainder ^ bytes[i]) & 0xff] ^ (remainder >>> 8)
  return ~remainder >>> 0
}

import { compareBytes, CorruptionError } from '@meru/core'
import { keyPrefix } from './key-prefix.ts'

/** A page of `_row` in memory: encoded rows, ready to be searched by key. */
export interface RowPage {
  readonly bytes: Uint8Array
  readonly rows: number
  /** Where each row starts, after its length; the last entry is four bytes past the end of the last row. */
  readonly starts: Uint32Array
  /** See `SortedKeys.prefixes`. */
  readonly prefixes: Float64Array
}

/** Where the parts of one row are. Reused by its owner: read it before the next call. */
export interface RowParts {
  bytes: Uint8Array
  keyStart: number
  keyEnd: number
  valueStart: number
  valueEnd: number
}

/** Indexes the body of a page. Keeps `bytes`. `skip` is how many first bytes all keys of the file share. */
export function decodeRowPage(
  bytes: Uint8Array,
  rows: number,
  skip: number,
  where: { file: string; offset: number },
): RowPage {
  const starts = new Uint32Array(rows + 1)
  const prefixes = new Float64Array(rows)
  const end = bytes.length
  let at = 0
  for (let row = 0; row < rows; row++) {
    const length = (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
    const start = at + 4
    if (!(length <= end - start))
      throw new CorruptionError(where, `row ${row} has ${length} bytes, ${end - start} left`)
    const keyStart = start + keyOffset(bytes, start)
    const keyEnd = keyStart + keyLength(bytes, start)
    if (keyEnd > start + length)
      throw new CorruptionError(where, `the key of row ${row} is longer than the row`)
    starts[row] = start
    prefixes[row] = keyPrefix(bytes, keyStart + skip, keyEnd)
    at = start + length
  }
  if (at !== end) throw new CorruptionError(where, `${end - at} bytes after the last row`)
  starts[rows] = at + 4
  return { bytes, rows, starts, prefixes }
}

/** Sets `parts` to row `index` of a page. */
export function rowParts(page: RowPage, index: number, parts: RowParts): void {
  const { bytes, starts } = page
  const start = starts[index]
  parts.bytes = bytes
  parts.keyStart = start + keyOffset(bytes, start)
  parts.keyEnd = parts.valueStart = parts.keyStart + keyLength(bytes, start)
  parts.valueEnd = starts[index + 1] - 4
}

/** The index of the first row whose key is not below the given one. */
export function lowerRow(page: RowPage, key: Uint8Array, start: number, end: number, prefix: number): number {
  const { prefixes } = page
  let low = 0
  let high = page.rows
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = prefixes[middle]
    const isBelow = other !== prefix ? other < prefix : compareRow(page, middle, key, start, end) < 0
    if (isBelow) low = middle + 1
    else high = middle
  }
  return low
}

/** Compares the key of a row with the given one. */
export function compareRow(
  page: RowPage,
  index: number,
  key: Uint8Array,
  start: number,
  end: number,
): number {
  const { bytes, starts } = page
  const at = starts[index]
  const keyStart = at + keyOffset(bytes, at)
  return compareBytes(bytes, keyStart, keyStart + keyLength(bytes, at), key, start, end)
}

/** Bytes of the varint at the start of a row: keys have at most 65,535 bytes. */
function keyOffset(bytes: Uint8Array, at: number): number {
  return bytes[at] < 0x80 ? 1 : bytes[at + 1] < 0x80 ? 2 : 3
}

function keyLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]
  if (first < 0x80) return first
  const second = bytes[at + 1]
  if (second < 0x80) return (first & 0x7f) | (second << 7)
  return (first & 0x7f) | ((second & 0x7f) << 7) | (bytes[at + 2] << 14)
}

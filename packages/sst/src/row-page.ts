/**
 * A page of encoded rows in memory, called a frame: all of it lies in one piece, so that a lookup touches few cache
 * lines.
 *
 *     f64 × rows        prefix of each key, see `keyPrefix`
 *     u32 × (rows + 1)  where each row starts, after its length, from the start of the frame
 *     rows              each: u32 length | varint key length | key | value
 */
import { compareBytes, CorruptionError } from '@meru/core'
import { keyPrefix, type SearchKey } from './key-prefix.ts'

/** Memory that holds frames, seen as bytes and as numbers. */
export interface RowMemory {
  readonly bytes: Uint8Array
  readonly prefixes: Float64Array
  readonly words: Uint32Array
}

/** Memory for one frame; its size is a multiple of 8. */
export function rowMemory(bytes: number): RowMemory {
  return memoryOf(new ArrayBuffer(bytes))
}

/**
 * Memory for many frames. No other thread sees it: it is shared memory because V8 counts every `ArrayBuffer` against its
 * heap, and collects the whole heap when a large one is made.
 */
export function framesMemory(bytes: number): RowMemory {
  return memoryOf(new SharedArrayBuffer(bytes))
}

function memoryOf(buffer: ArrayBufferLike): RowMemory {
  return { bytes: new Uint8Array(buffer), prefixes: new Float64Array(buffer), words: new Uint32Array(buffer) }
}

/** Bytes before the rows of a frame. */
export function frameHeadBytes(rows: number): number {
  return 8 * rows + 4 * (rows + 1)
}

/** Bytes of a frame whose rows take `rowBytes`; a multiple of 8. */
export function frameBytes(rows: number, rowBytes: number): number {
  return Math.ceil((frameHeadBytes(rows) + rowBytes) / 8) * 8
}

/** Where the parts of one row are. Reused by its owner: read it before the next call. */
export interface RowParts {
  bytes: Uint8Array
  keyStart: number
  keyEnd: number
  valueStart: number
  valueEnd: number
}

/**
 * Fills the head of the frame at `at` from its rows, which lie at [start, end) of the same memory. `skip` is how many
 * first bytes all keys of the file have in common.
 */
export function indexFrame(
  memory: RowMemory,
  frame: { at: number; rows: number; start: number; end: number },
  skip: number,
  where: { file: string; offset: number },
): void {
  const { bytes, prefixes, words } = memory
  const { at, rows, start, end } = frame
  const prefixAt = at >>> 3
  const startAt = (at >>> 2) + 2 * rows
  let row = start
  for (let i = 0; i < rows; i++) {
    const length =
      (bytes[row] | (bytes[row + 1] << 8) | (bytes[row + 2] << 16) | (bytes[row + 3] << 24)) >>> 0
    row += 4
    if (!(length <= end - row))
      throw new CorruptionError(where, `row ${i} has ${length} bytes, ${end - row} left`)
    const keyStart = row + keyOffset(bytes, row)
    const keyEnd = keyStart + keyLength(bytes, row)
    if (keyEnd > row + length) throw new CorruptionError(where, `the key of row ${i} is longer than the row`)
    prefixes[prefixAt + i] = keyPrefix(bytes, keyStart + skip, keyEnd)
    words[startAt + i] = row - at
    row += length
  }
  if (row !== end) throw new CorruptionError(where, `${end - row} bytes after the last row`)
  words[startAt + rows] = end + 4 - at
}

/** Sets `parts` to row `index` of the frame at `at`. */
export function rowParts(memory: RowMemory, at: number, rows: number, index: number, parts: RowParts): void {
  const { bytes, words } = memory
  const startAt = (at >>> 2) + 2 * rows + index
  const start = at + words[startAt]
  parts.bytes = bytes
  parts.keyStart = start + keyOffset(bytes, start)
  parts.keyEnd = parts.valueStart = parts.keyStart + keyLength(bytes, start)
  parts.valueEnd = at + words[startAt + 1] - 4
}

/**
 * The index of the first row of a frame whose key is not below the given one. `guess` is where it may be: the nearer,
 * the fewer steps.
 */
export function lowerRow(memory: RowMemory, at: number, rows: number, key: SearchKey, guess: number): number {
  let low = 0
  let high = rows
  if (guess > 0 && guess < rows) {
    // Steps away from the guess, twice as far each time, until the answer is enclosed.
    let step = 4
    if (isRowBelow(memory, at, rows, guess, key)) {
      low = guess + 1
      while (low + step < rows && isRowBelow(memory, at, rows, low + step, key)) {
        low += step + 1
        step *= 2
      }
      if (low + step < rows) high = low + step
    } else {
      high = guess
      while (high - step > 0 && !isRowBelow(memory, at, rows, high - step, key)) {
        high -= step
        step *= 2
      }
      if (high - step > 0) low = high - step + 1
    }
  }
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isRowBelow(memory, at, rows, middle, key)) low = middle + 1
    else high = middle
  }
  return low
}

/** The index of the row with the given key, or, below zero, `~` of what `lowerRow` gives. */
export function findRow(memory: RowMemory, at: number, rows: number, key: SearchKey, guess: number): number {
  if (guess >= 0 && guess < rows && isRow(memory, at, rows, guess, key)) return guess
  const index = lowerRow(memory, at, rows, key, guess)
  return index < rows && isRow(memory, at, rows, index, key) ? index : ~index
}

function isRowBelow(memory: RowMemory, at: number, rows: number, index: number, key: SearchKey): boolean {
  const other = memory.prefixes[(at >>> 3) + index]
  if (other !== key.prefix) return other < key.prefix
  return !key.isExact && compareRow(memory, at, rows, index, key) < 0
}

/** True if the key of a row is the given one. */
function isRow(memory: RowMemory, at: number, rows: number, index: number, key: SearchKey): boolean {
  if (memory.prefixes[(at >>> 3) + index] !== key.prefix) return false
  return key.isExact || compareRow(memory, at, rows, index, key) === 0
}

function compareRow(memory: RowMemory, at: number, rows: number, index: number, key: SearchKey): number {
  const { bytes, words } = memory
  const row = at + words[(at >>> 2) + 2 * rows + index]
  const keyStart = row + keyOffset(bytes, row)
  return compareBytes(bytes, keyStart, keyStart + keyLength(bytes, row), key.bytes, key.start, key.end)
}

/** Bytes of the varint at the start of a row: keys have at most 65,535 bytes. */
export function keyOffset(bytes: Uint8Array, at: number): number {
  return bytes[at] < 0x80 ? 1 : bytes[at + 1] < 0x80 ? 2 : 3
}

/** What that varint says. */
export function keyLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]
  if (first < 0x80) return first
  const second = bytes[at + 1]
  if (second < 0x80) return (first & 0x7f) | (second << 7)
  return (first & 0x7f) | ((second & 0x7f) << 7) | (bytes[at + 2] << 14)
}

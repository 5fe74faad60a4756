/**
 * The portable 64-bit roaring bitmap, as Iceberg's deletion vectors hold it.
 *
 *     u64 LE  number of 32-bit bitmaps
 *     each    u32 LE high half of the positions | 32-bit bitmap
 *
 *     32-bit bitmap:
 *     u32 LE  12346, then u32 LE number of containers
 *        or   12347 | (containers - 1) << 16, then a bitset of the run containers
 *     each    u16 LE key | u16 LE cardinality - 1
 *     each    u32 LE offset of the container      (absent with 12347 and fewer than 4 containers)
 *     each    array: u16 LE, ascending | bitmap: 8 KiB | runs: u16 LE count, then u16 LE start, u16 LE length - 1
 *
 * Source: RoaringFormatSpec. See docs/format/dead-positions.md.
 */
import { ByteReader, ByteWriter } from '@meru/core'

/** Positions in a block: one roaring container. */
export const BLOCK_ROWS = 65_536
export const BLOCK_WORDS = 2048

const COOKIE_PLAIN = 12346
const COOKIE_RUNS = 12347
const OFFSETS_FROM = 4
const ARRAY_MAX = 4096
const BITMAP_BYTES = 8192
/** Java readers refuse a higher half above 31 bits. */
const HIGH_MAX = 0x7fffffff

/** The positions [key * 65,536, (key + 1) * 65,536), as a bitmap, least significant bit first. */
export interface RoaringBlock {
  readonly key: number
  readonly words: Uint32Array
  readonly cardinality: number
}

/** Set bits of a 32-bit word. */
export function popCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** Blocks ascending by key; empty ones are left out. Every container takes its smallest form. */
export function encodeRoaring(blocks: readonly RoaringBlock[]): Uint8Array {
  const halves = new Map<number, RoaringBlock[]>()
  for (const block of blocks) {
    if (block.cardinality === 0) continue
    const high = Math.floor(block.key / BLOCK_ROWS)
    const half = halves.get(high)
    if (half === undefined) halves.set(high, [block])
    else half.push(block)
  }
  const out = new ByteWriter(256)
  out.u64(halves.size)
  for (const [high, half] of halves) {
    out.u32(high)
    encodeBitmap(half, out)
  }
  return out.written().slice()
}

function encodeBitmap(blocks: readonly RoaringBlock[], out: ByteWriter): void {
  const start = out.length
  const runs = blocks.map((block) => {
    const count = countRuns(block.words)
    return 2 + 4 * count < plainBytes(block.cardinality) ? count : 0
  })
  const hasRuns = runs.some((count) => count > 0)
  if (hasRuns) {
    out.u32((COOKIE_RUNS | ((blocks.length - 1) << 16)) >>> 0)
    const bitset = new Uint8Array((blocks.length + 7) >>> 3)
    runs.forEach((count, i) => {
      if (count > 0) bitset[i >>> 3] |= 1 << (i & 7)
    })
    out.append(bitset)
  } else {
    out.u32(COOKIE_PLAIN)
    out.u32(blocks.length)
  }
  for (const block of blocks) {
    u16(out, block.key % BLOCK_ROWS)
    u16(out, block.cardinality - 1)
  }
  if (!hasRuns || blocks.length >= OFFSETS_FROM) {
    let offset = out.length - start + 4 * blocks.length
    blocks.forEach((block, i) => {
      out.u32(offset)
      offset += runs[i] > 0 ? 2 + 4 * runs[i] : plainBytes(block.cardinality)
    })
  }
  blocks.forEach((block, i) => encodeContainer(block, runs[i], out))
}

function plainBytes(cardinality: number): number {
  return cardinality <= ARRAY_MAX ? 2 * cardinality : BITMAP_BYTES
}

function encodeContainer(block: RoaringBlock, runs: number, out: ByteWriter): void {
  if (runs > 0) {
    u16(out, runs)
    forEachRun(block.words, (first, last) => {
      u16(out, first)
      u16(out, last - first)
    })
  } else if (block.cardinality <= ARRAY_MAX) {
    encodeArray(block, out)
  } else {
    out.append(new Uint8Array(block.words.buffer, block.words.byteOffset, BITMAP_BYTES))
  }
}

/** Straight into the memory of the writer: this is done anew for every dead position at each flush. */
function encodeArray({ words, cardinality }: RoaringBlock, out: ByteWriter): void {
  out.reserve(2 * cardinality)
  const { bytes } = out
  let at = out.length
  for (let i = 0; i < words.length; i++) {
    for (let bits = words[i]; bits !== 0; bits &= bits - 1) {
      const position = i * 32 + 31 - Math.clz32(bits & -bits)
      bytes[at++] = position
      bytes[at++] = position >>> 8
    }
  }
  out.length = at
}

function u16(out: ByteWriter, value: number): void {
  out.u8(value & 0xff)
  out.u8(value >>> 8)
}

function countRuns(words: Uint32Array): number {
  let runs = 0
  let carry = 0
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    if (word !== 0) runs += popCount(word & ~((word << 1) | carry))
    carry = word >>> 31
  }
  return runs
}

/** Calls back with the first and last position of every run of set bits. */
function forEachRun(words: Uint32Array, visit: (first: number, last: number) => void): void {
  let first = -1
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    if (word === 0 ? first < 0 : word === 0xffffffff && first >= 0) continue
    for (let bit = 0; bit < 32; bit++) {
      const isSet = (word >>> bit) & 1
      if (isSet === 1 && first < 0) first = i * 32 + bit
      if (isSet === 0 && first >= 0) {
        visit(first, i * 32 + bit - 1)
        first = -1
      }
    }
  }
  if (first >= 0) visit(first, words.length * 32 - 1)
}

/** The blocks of an encoded bitmap, ascending. All forms of containers are taken; all counts are checked. */
export function decodeRoaring(bytes: Uint8Array, file: string, offset: number): RoaringBlock[] {
  const reader = new ByteReader(bytes, file, offset)
  const count = reader.u64()
  const fail = (problem: string): never => {
    throw reader.corrupt(`dead positions: ${problem}`)
  }
  if (count > reader.remaining / 8) fail(`${count} bitmaps do not fit into ${bytes.length} bytes`)
  const blocks: RoaringBlock[] = []
  let previous = -1
  for (let i = 0; i < count; i++) {
    const high = reader.u32()
    if (high <= previous || high > HIGH_MAX) fail(`high half ${high} after ${previous}`)
    previous = high
    decodeBitmap(reader, high * BLOCK_ROWS, blocks, fail)
  }
  if (reader.remaining !== 0) fail(`${reader.remaining} bytes too many`)
  return blocks
}

type Fail = (problem: string) => never

function decodeBitmap(reader: ByteReader, firstKey: number, blocks: RoaringBlock[], fail: Fail): void {
  const cookie = reader.u32()
  const hasRuns = (cookie & 0xffff) === COOKIE_RUNS
  if (!hasRuns && cookie !== COOKIE_PLAIN) fail(`no roaring bitmap: cookie ${cookie}`)
  const count = hasRuns ? (cookie >>> 16) + 1 : reader.u32()
  if (count > BLOCK_ROWS || count * 4 > reader.remaining) fail(`${count} containers`)
  const runBits = hasRuns ? reader.take((count + 7) >>> 3) : undefined
  const header = reader.take(4 * count)
  if (!hasRuns || count >= OFFSETS_FROM) reader.take(4 * count)
  let previous = -1
  for (let i = 0; i < count; i++) {
    const key = header[4 * i] | (header[4 * i + 1] << 8)
    const cardinality = (header[4 * i + 2] | (header[4 * i + 3] << 8)) + 1
    if (key <= previous) fail(`container key ${key} after ${previous}`)
    previous = key
    const isRun = runBits !== undefined && (runBits[i >>> 3] & (1 << (i & 7))) !== 0
    const words = isRun ? decodeRuns(reader, fail) : decodePlain(reader, cardinality, fail)
    let found = 0
    for (const word of words) found += popCount(word)
    if (found !== cardinality)
      fail(`container ${key} holds ${found} positions, its header says ${cardinality}`)
    blocks.push({ key: firstKey + key, words, cardinality })
  }
}

function decodeRuns(reader: ByteReader, fail: Fail): Uint32Array {
  const words = new Uint32Array(BLOCK_WORDS)
  const runs = reader.take(4 * u16At(reader.take(2), 0))
  let next = 0
  for (let at = 0; at < runs.length; at += 4) {
    const first = u16At(runs, at)
    const last = first + u16At(runs, at + 2)
    if (first < next || last >= BLOCK_ROWS) fail(`run ${first} to ${last} after ${next}`)
    for (let position = first; position <= last; position++) words[position >>> 5] |= 1 << (position & 31)
    next = last + 1
  }
  return words
}

function decodePlain(reader: ByteReader, cardinality: number, fail: Fail): Uint32Array {
  const words = new Uint32Array(BLOCK_WORDS)
  if (cardinality > ARRAY_MAX) {
    const bitmap = reader.take(BITMAP_BYTES)
    new Uint8Array(words.buffer).set(bitmap)
    return words
  }
  const array = reader.take(2 * cardinality)
  let previous = -1
  for (let at = 0; at < array.length; at += 2) {
    const position = u16At(array, at)
    if (position <= previous) fail(`position ${position} after ${previous}`)
    previous = position
    words[position >>> 5] |= 1 << (position & 31)
  }
  return words
}

function u16At(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8)
}

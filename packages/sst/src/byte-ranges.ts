import { CorruptionError } from '@meru/core'
import type { ReadHandle } from '@meru/fs'

/** Some bytes of a file. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/** Bytes of a file in memory: those at `offset` of the file start at `start` of `bytes`. */
export interface LoadedRange extends ByteRange {
  readonly bytes: Uint8Array
  readonly start: number
}

/** One read takes at most this much, unless one page is larger. */
const READ_BYTES_MAX = 4 * 1024 * 1024

/**
 * The ranges in order of their offsets, and none twice; those that touch, or have at most `gap` bytes between them, are
 * joined to one. Ranges are the same or apart.
 */
export function coalesce(ranges: readonly ByteRange[], gap: number = 0): ByteRange[] {
  const sorted = ranges.toSorted((a, b) => a.offset - b.offset)
  const joined: ByteRange[] = []
  for (const range of sorted) {
    const last = joined[joined.length - 1]
    if (last !== undefined && range.offset + range.length <= last.offset + last.length) continue
    const isNear = last !== undefined && range.offset - last.offset - last.length <= gap
    const length = last === undefined ? 0 : range.offset + range.length - last.offset
    if (last !== undefined && isNear && length <= READ_BYTES_MAX) {
      joined[joined.length - 1] = { offset: last.offset, length }
    } else {
      joined.push(range)
    }
  }
  return joined
}

/**
 * Reads ranges side by side, then hands them to `decode`. Their memory is used again afterwards: whoever keeps bytes
 * copies them.
 */
export async function readRanges<T>(
  handle: ReadHandle,
  ranges: readonly ByteRange[],
  decode: (loaded: readonly LoadedRange[]) => T,
): Promise<T> {
  if (ranges.length === 0) return decode([])
  const { buffer, loaded } = await load(handle, ranges)
  const decoded = decode(loaded)
  giveBuffer(buffer)
  return decoded
}

/**
 * As `readRanges` for one list of ranges after the other; the next ones are read while those before are decoded. No list
 * is empty.
 */
export async function readAhead<T extends { readonly ranges: readonly ByteRange[] }>(
  handle: ReadHandle,
  parts: Iterable<T>,
  decode: (part: T, loaded: readonly LoadedRange[]) => void,
): Promise<void> {
  const finish = async (part: T, loading: Promise<Loaded>): Promise<void> => {
    const { buffer, loaded } = await loading
    decode(part, loaded)
    giveBuffer(buffer)
  }
  let before: { readonly part: T; readonly loading: Promise<Loaded> } | undefined
  for (const part of parts) {
    const loading = load(handle, part.ranges)
    // It is waited for later, or never if the one before fails.
    loading.catch(() => undefined)
    if (before !== undefined) await finish(before.part, before.loading)
    before = { part, loading }
  }
  if (before !== undefined) await finish(before.part, before.loading)
}

interface Loaded {
  readonly buffer: Uint8Array
  readonly loaded: readonly LoadedRange[]
}

/** After an error a read may still be under way: only the buffer of reads that are all done may be given back. */
async function load(handle: ReadHandle, ranges: readonly ByteRange[]): Promise<Loaded> {
  const buffer = takeBuffer(ranges)
  const loaded = place(ranges, buffer)
  await Promise.all(
    loaded.map(async ({ offset, length, start }) => {
      checkCount(handle, offset, length, await handle.read(buffer.subarray(start, start + length), offset))
    }),
  )
  return { buffer, loaded }
}

/** As `readRanges`, one read after the other. */
export function readRangesSync<T>(
  handle: ReadHandle,
  ranges: readonly ByteRange[],
  decode: (loaded: readonly LoadedRange[]) => T,
): T {
  const buffer = takeBuffer(ranges)
  const loaded = place(ranges, buffer)
  for (const { offset, length, start } of loaded) {
    checkCount(handle, offset, length, handle.readSync(buffer.subarray(start, start + length), offset))
  }
  const decoded = decode(loaded)
  giveBuffer(buffer)
  return decoded
}

function place(ranges: readonly ByteRange[], bytes: Uint8Array): LoadedRange[] {
  let next = 0
  return ranges.map(({ offset, length }) => {
    const start = next
    next += length
    return { offset, length, bytes, start }
  })
}

/** Allocating for each read costs more than the read. */
const BUFFER_BYTES = 2 * 1024 * 1024
const BUFFERS_MAX = 4
const freeBuffers: Uint8Array[] = []

function takeBuffer(ranges: readonly ByteRange[]): Uint8Array {
  const bytes = ranges.reduce((sum, range) => sum + range.length, 0)
  if (bytes > BUFFER_BYTES) return new Uint8Array(bytes)
  return freeBuffers.pop() ?? new Uint8Array(BUFFER_BYTES)
}

function giveBuffer(buffer: Uint8Array): void {
  if (buffer.length === BUFFER_BYTES && freeBuffers.length < BUFFERS_MAX) freeBuffers.push(buffer)
}

function checkCount(handle: ReadHandle, offset: number, length: number, count: number): void {
  if (count === length) return
  throw new CorruptionError({ file: handle.path, offset }, `${length} bytes expected, ${count} read`)
}

/** The range that holds the bytes at `offset`. `ranges` are in order. */
export function rangeAt(ranges: readonly LoadedRange[], offset: number): LoadedRange {
  let low = 0
  let high = ranges.length
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (ranges[middle].offset <= offset) low = middle
    else high = middle
  }
  return ranges[low]
}

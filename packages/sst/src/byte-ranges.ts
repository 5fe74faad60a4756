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

/** The ranges in order of their offsets, those that touch joined to one. */
export function coalesce(ranges: readonly ByteRange[]): ByteRange[] {
  const sorted = ranges.toSorted((a, b) => a.offset - b.offset)
  const joined: ByteRange[] = []
  for (const range of sorted) {
    const last = joined[joined.length - 1]
    const isNext = last !== undefined && last.offset + last.length === range.offset
    if (isNext && last.length + range.length <= READ_BYTES_MAX) {
      joined[joined.length - 1] = { offset: last.offset, length: last.length + range.length }
    } else {
      joined.push(range)
    }
  }
  return joined
}

/** Reads ranges side by side. */
export function readRanges(handle: ReadHandle, ranges: readonly ByteRange[]): Promise<LoadedRange[]> {
  return Promise.all(
    ranges.map(async ({ offset, length }) => {
      const bytes = new Uint8Array(length)
      checkCount(handle, offset, length, await handle.read(bytes, offset))
      return { offset, length, bytes, start: 0 }
    }),
  )
}

/**
 * Reads ranges one after the other. They share memory that is reused by the next call: whoever keeps bytes copies
 * them.
 */
export function readRangesSync(handle: ReadHandle, ranges: readonly ByteRange[]): LoadedRange[] {
  const total = ranges.reduce((sum, range) => sum + range.length, 0)
  const buffer = total <= SCRATCH_BYTES ? (scratch ??= new Uint8Array(SCRATCH_BYTES)) : new Uint8Array(total)
  let start = 0
  return ranges.map(({ offset, length }) => {
    const bytes = buffer.subarray(start, start + length)
    checkCount(handle, offset, length, handle.readSync(bytes, offset))
    const loaded = { offset, length, bytes: buffer, start }
    start += length
    return loaded
  })
}

/** Allocating for each read costs more than the read. */
const SCRATCH_BYTES = 1024 * 1024
let scratch: Uint8Array | undefined

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

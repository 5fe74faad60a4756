import type { ByteWriter } from '@meru/core'
import { crc32 } from '@meru/fs'
import {
  BLOCK_BYTES,
  blockRest,
  EPOCH_AT,
  FIRST,
  FORMAT_VERSION,
  FRAGMENT_HEADER_BYTES,
  fragmentSeed,
  FULL,
  GROUP_AT,
  LAST,
  LENGTH_AT,
  MAGIC,
  type Marker,
  MIDDLE,
  SEGMENT_AT,
  SEGMENT_CRC_AT,
  SEGMENT_HEADER_BYTES,
  segmentSeed,
  SYNCED_TO_AT,
  TYPE_AT,
  VERSION_AT,
} from './format.ts'
import type { SegmentId } from './segment-name.ts'

/** What all fragments of one group carry. */
export interface GroupStamp {
  /** `segmentSeed` of the segment. */
  readonly seed: number
  /** Grows with every attempt to write a group to the segment, and never repeats there. */
  readonly group: number
  /** All bytes of the segment before this offset are durable. */
  readonly syncedTo: number
}

/** The bytes that a record takes at an offset, with headers and with the rests of blocks skipped. */
export function framedBytes(offset: number, payloadBytes: number): number {
  const rest = blockRest(offset)
  const isSkipped = rest < FRAGMENT_HEADER_BYTES
  const room = (isSkipped ? BLOCK_BYTES : rest) - FRAGMENT_HEADER_BYTES
  const skipped = isSkipped ? rest : 0
  if (payloadBytes <= room) return skipped + FRAGMENT_HEADER_BYTES + payloadBytes
  const more = Math.ceil((payloadBytes - room) / (BLOCK_BYTES - FRAGMENT_HEADER_BYTES))
  return skipped + FRAGMENT_HEADER_BYTES * (1 + more) + payloadBytes
}

export function writeSegmentHeader(out: ByteWriter, id: SegmentId): void {
  out.reserve(SEGMENT_HEADER_BYTES)
  const start = out.length
  out.bytes.set(MAGIC, start)
  out.view.setUint32(start + VERSION_AT, FORMAT_VERSION, true)
  out.view.setUint32(start + EPOCH_AT, id.epoch, true)
  out.view.setUint32(start + SEGMENT_AT, id.segment, true)
  const crc = crc32(out.bytes, start, start + SEGMENT_CRC_AT, segmentSeed(id.epoch, id.segment))
  out.view.setUint32(start + SEGMENT_CRC_AT, crc, true)
  out.length += SEGMENT_HEADER_BYTES
}

/**
 * Appends a record as fragments that lack their stamp. The first byte of `out` will be at offset `base`
 * of the segment, which decides where fragments end.
 */
export function writeRecord(out: ByteWriter, base: number, payload: Uint8Array): void {
  out.reserve(framedBytes(base + out.length, payload.length))
  let from = 0
  let isStarted = false
  for (;;) {
    const rest = blockRest(base + out.length)
    if (rest < FRAGMENT_HEADER_BYTES) {
      out.bytes.fill(0, out.length, out.length + rest)
      out.length += rest
      continue
    }
    const to = Math.min(payload.length, from + rest - FRAGMENT_HEADER_BYTES)
    const isEnd = to === payload.length
    writeFragmentStart(out, isStarted ? (isEnd ? LAST : MIDDLE) : isEnd ? FULL : FIRST, to - from)
    out.bytes.set(isEnd && !isStarted ? payload : payload.subarray(from, to), out.length)
    out.length += to - from
    if (isEnd) return
    isStarted = true
    from = to
  }
}

/** Appends an end marker that lacks its stamp; see `writeRecord` for `base`. */
export function writeMarker(out: ByteWriter, base: number, marker: Marker): void {
  const rest = blockRest(base + out.length)
  const skipped = rest < FRAGMENT_HEADER_BYTES ? rest : 0
  out.reserve(skipped + FRAGMENT_HEADER_BYTES)
  out.bytes.fill(0, out.length, out.length + skipped)
  out.length += skipped
  writeFragmentStart(out, marker, 0)
}

/** Completes the fragments of a group, which is all of `out`, with their stamp and checksum. */
export function stampGroup(out: ByteWriter, base: number, stamp: GroupStamp): void {
  const { bytes, view, length } = out
  const { seed, group, syncedTo } = stamp
  let at = base === 0 ? SEGMENT_HEADER_BYTES : 0
  while (at < length) {
    const offset = base + at
    const rest = blockRest(offset)
    if (rest < FRAGMENT_HEADER_BYTES) {
      at += rest
      continue
    }
    const end = at + FRAGMENT_HEADER_BYTES + (bytes[at + LENGTH_AT] | (bytes[at + LENGTH_AT + 1] << 8))
    view.setUint32(at + GROUP_AT, group, true)
    view.setUint32(at + SYNCED_TO_AT, syncedTo, true)
    view.setUint32(at, crc32(bytes, at + LENGTH_AT, end, fragmentSeed(seed, offset)), true)
    at = end
  }
}

function writeFragmentStart(out: ByteWriter, type: number, length: number): void {
  const at = out.length
  out.bytes[at + LENGTH_AT] = length & 0xff
  out.bytes[at + LENGTH_AT + 1] = length >>> 8
  out.bytes[at + TYPE_AT] = type
  out.length += FRAGMENT_HEADER_BYTES
}

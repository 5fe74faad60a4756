import { CorruptionError, MeruError } from '@meru/core'
import { crc32 } from '@meru/fs'
import {
  blockRest,
  END_OF_LOG,
  END_OF_SEGMENT,
  EPOCH_AT,
  FORMAT_VERSION,
  FRAGMENT_HEADER_BYTES,
  MAGIC,
  type Marker,
  RECORD_BYTES_MAX,
  SEGMENT_AT,
  SEGMENT_CRC_AT,
  SEGMENT_HEADER_BYTES,
  segmentSeed,
  VERSION_AT,
} from './format.ts'
import type { RecordSequence } from './record-sequence.ts'
import type { SegmentId } from './segment-name.ts'
import type { SegmentReader } from './segment-reader.ts'

/** How the records of a segment end. */
export interface SegmentEnd {
  /** The marker that ends them, or `undefined` if there is no valid fragment at `offset`. */
  readonly marker: Marker | undefined
  readonly offset: number
  /** The end of the last whole record. */
  readonly recordsEnd: number
}

/** Takes a record that is valid until it returns or its promise resolves, and the offset where it ends. */
export type VisitRecord = (payload: Uint8Array, endOffset: number) => void | Promise<void>

/** Reads the records of a segment up to an end marker or to the first bytes that are no fragment. */
export async function readSegment(
  reader: SegmentReader,
  id: SegmentId,
  sequence: RecordSequence,
  visit: VisitRecord,
): Promise<SegmentEnd> {
  const path = reader.handle.path
  sequence.reset()
  await reader.load(0)
  if (!readHeader(reader, id)) return { marker: undefined, offset: 0, recordsEnd: 0 }
  let offset = SEGMENT_HEADER_BYTES
  let recordsEnd = offset
  while (offset < reader.end || (await reader.load(offset))) {
    const rest = blockRest(offset)
    const room = rest - FRAGMENT_HEADER_BYTES
    if (room < 0) {
      if (reader.dataEnd(offset, offset + rest) > offset) break
      offset += rest
      continue
    }
    if (!reader.readFragment(offset) || !sequence.accepts(reader.fragment, room)) break
    const { type, length } = reader.fragment
    if (type === END_OF_SEGMENT || type === END_OF_LOG) return { marker: type, offset, recordsEnd }
    const from = offset - reader.start + FRAGMENT_HEADER_BYTES
    const record = sequence.add(reader.fragment, reader.bytes.subarray(from, from + length))
    if (sequence.length > RECORD_BYTES_MAX) {
      throw new CorruptionError({ file: path, offset }, `a record of more than ${RECORD_BYTES_MAX} bytes`)
    }
    offset += FRAGMENT_HEADER_BYTES + length
    if (record === undefined) continue
    recordsEnd = offset
    const pending = visit(record, offset)
    if (pending !== undefined) await pending
  }
  return { marker: undefined, offset, recordsEnd }
}

/**
 * Whether the segment starts with a valid header. Throws `CORRUPT` if it is that of another segment, and
 * `UNSUPPORTED` for another version.
 */
function readHeader(reader: SegmentReader, id: SegmentId): boolean {
  const { bytes, handle } = reader
  if (reader.end < SEGMENT_HEADER_BYTES || MAGIC.some((byte, at) => bytes[at] !== byte)) return false
  const view = new DataView(bytes.buffer, bytes.byteOffset, SEGMENT_HEADER_BYTES)
  const epoch = view.getUint32(EPOCH_AT, true)
  const segment = view.getUint32(SEGMENT_AT, true)
  const crc = crc32(bytes, 0, SEGMENT_CRC_AT, segmentSeed(epoch, segment))
  if (crc !== view.getUint32(SEGMENT_CRC_AT, true)) return false
  if (epoch !== id.epoch || segment !== id.segment) {
    throw new CorruptionError({ file: handle.path, offset: 0 }, `holds segment ${segment} of epoch ${epoch}`)
  }
  const version = view.getUint32(VERSION_AT, true)
  if (version !== FORMAT_VERSION) {
    throw new MeruError(
      'UNSUPPORTED',
      `${handle.path}: written in version ${version} of the format, this code reads ${FORMAT_VERSION}; update it`,
    )
  }
  return true
}

import { crc32 } from '@meru/fs'

/**
 * The bytes of a segment, little-endian; docs/format/wal.md holds the rules for readers.
 *
 *   segment    header, fragments, zeros that were written ahead; in blocks of 32 KiB
 *
 *              0              8         12       16         20     24
 *   header     ┌──────────────┬─────────┬────────┬──────────┬──────┐
 *              │ magic        │ version │ epoch  │ segment  │ crc  │
 *              └──────────────┴─────────┴────────┴──────────┴──────┘
 *
 *              0      4        6      7       11         15       15 + length
 *   fragment   ┌──────┬────────┬──────┬───────┬──────────┬─────────┐
 *              │ crc  │ length │ type │ group │ syncedTo │ payload │
 *              └──────┴────────┴──────┴───────┴──────────┴─────────┘
 *
 * A fragment never crosses a block; what is left of a block is zeros where no fragment header fits.
 */

export const BLOCK_BYTES = 32_768

export const MAGIC: Uint8Array = Uint8Array.of(0x4d, 0x45, 0x52, 0x55, 0x2e, 0x57, 0x41, 0x4c)
export const FORMAT_VERSION = 1
export const SEGMENT_HEADER_BYTES = 24
export const VERSION_AT = 8
export const EPOCH_AT = 12
export const SEGMENT_AT = 16
export const SEGMENT_CRC_AT = 20

export const FRAGMENT_HEADER_BYTES = 15
export const LENGTH_AT = 4
export const TYPE_AT = 6
export const GROUP_AT = 7
export const SYNCED_TO_AT = 11

/** A whole record. */
export const FULL = 1
/** The start, the inside and the end of a record that crosses blocks. */
export const FIRST = 2
export const MIDDLE = 3
export const LAST = 4
/** The log goes on in the next segment; all bytes before this marker are durable. */
export const END_OF_SEGMENT = 5
/** The log was closed; all bytes before this marker are durable. */
export const END_OF_LOG = 6

export type Marker = typeof END_OF_SEGMENT | typeof END_OF_LOG

/** No record is longer. A reader that meets a longer one has met damage. */
export const RECORD_BYTES_MAX: number = 2 ** 30
/** Offsets in a segment stay below this, whatever records it holds. */
export const SEGMENT_BYTES_MAX: number = 2 ** 31

// An odd factor, so that different offsets give different seeds.
const OFFSET_FACTOR = 0x9e3779b1

/** What the checksums of a segment start from, so that bytes of another segment do not pass. */
export function segmentSeed(epoch: number, segment: number): number {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, epoch, true)
  view.setUint32(4, segment, true)
  return crc32(bytes)
}

/** What the checksum of a fragment starts from, so that it passes at its own offset alone. */
export function fragmentSeed(seed: number, offset: number): number {
  return (seed ^ Math.imul(offset, OFFSET_FACTOR)) >>> 0
}

/** The bytes from an offset to the end of its block; never 0. */
export function blockRest(offset: number): number {
  return BLOCK_BYTES - (offset & (BLOCK_BYTES - 1))
}

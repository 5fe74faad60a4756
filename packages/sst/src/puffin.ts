/**
 * Puffin files with `deletion-vector-v1` blobs.
 *
 *     "PFA1" | blobs | "PFA1" | footer: JSON | u32 LE footer length | 4 zero bytes | "PFA1"
 *
 *     blob: u32 BE length of magic and bitmap | d1 d3 39 64 | bitmap (see roaring.ts) | u32 BE CRC-32 of magic and bitmap
 *
 * Source: Iceberg Puffin specification. See docs/format/dead-positions.md.
 */
import { ByteWriter, CorruptionError } from '@meru/core'
import { crc32 } from '@meru/fs'
import { DeadPositions } from './dead-positions.ts'
import { CREATED_BY } from './format.ts'

const FILE_MAGIC: Uint8Array = Uint8Array.of(0x50, 0x46, 0x41, 0x31)
const BLOB_MAGIC: Uint8Array = Uint8Array.of(0xd1, 0xd3, 0x39, 0x64)
/** Length, magic and CRC around a bitmap. */
const BLOB_FRAME_BYTES = 12
/** Field id of Iceberg's metadata column `_pos`. */
const POSITION_FIELD_ID = 2147483645

/** The dead rows of one data file. */
export interface DeadBlob {
  /** The data file as the Iceberg metadata names it. */
  readonly referencedDataFile: string
  readonly dead: DeadPositions
}

/** Where a blob lies: Iceberg's `content_offset` and `content_size_in_bytes`. */
export interface BlobPlace {
  readonly offset: number
  readonly length: number
}

export interface PuffinFile {
  readonly bytes: Uint8Array
  /** One for each blob, in the order given. */
  readonly places: readonly BlobPlace[]
}

/** A whole Puffin file. Every blob must hold a position: readers reject empty deletion vectors. */
export function writePuffin(blobs: readonly DeadBlob[]): PuffinFile {
  const out = new ByteWriter(4096)
  out.append(FILE_MAGIC)
  const places = blobs.map(({ referencedDataFile, dead }) => {
    if (dead.cardinality === 0) throw new TypeError(`no dead position for ${referencedDataFile}`)
    const offset = out.length
    out.append(encodeDeletionVector(dead))
    return { offset, length: out.length - offset }
  })
  const footer = new TextEncoder().encode(footerJson(blobs, places))
  out.append(FILE_MAGIC)
  out.append(footer)
  out.u32(footer.length)
  out.u32(0)
  out.append(FILE_MAGIC)
  return { bytes: out.written().slice(), places }
}

function footerJson(blobs: readonly DeadBlob[], places: readonly BlobPlace[]): string {
  return JSON.stringify({
    blobs: blobs.map(({ referencedDataFile, dead }, i) => ({
      type: 'deletion-vector-v1',
      fields: [POSITION_FIELD_ID],
      'snapshot-id': -1,
      'sequence-number': -1,
      offset: places[i].offset,
      length: places[i].length,
      properties: {
        'referenced-data-file': referencedDataFile,
        cardinality: String(dead.cardinality),
      },
    })),
    properties: { 'created-by': CREATED_BY },
  })
}

/** One blob, framed: what lies at a `BlobPlace`. */
export function encodeDeletionVector(dead: DeadPositions): Uint8Array {
  const bitmap = dead.toRoaring()
  const blob = new Uint8Array(bitmap.length + BLOB_FRAME_BYTES)
  const view = new DataView(blob.buffer)
  view.setUint32(0, bitmap.length + BLOB_MAGIC.length)
  blob.set(BLOB_MAGIC, 4)
  blob.set(bitmap, 8)
  view.setUint32(blob.length - 4, crc32(blob, 4, blob.length - 4))
  return blob
}

/** Reads the blob that `bytes` holds exactly. `file` and `offset` say where it came from, for messages. */
export function readPuffinBlob(bytes: Uint8Array, file: string, offset: number): DeadPositions {
  const where = { file, offset }
  if (bytes.length < BLOB_FRAME_BYTES) {
    throw new CorruptionError(
      where,
      `a deletion vector of ${bytes.length} bytes, at least ${BLOB_FRAME_BYTES} expected`,
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getUint32(0)
  if (length !== bytes.length - 8) {
    throw new CorruptionError(where, `a deletion vector of ${bytes.length} bytes says ${length + 8}`)
  }
  if (BLOB_MAGIC.some((byte, i) => bytes[4 + i] !== byte)) {
    throw new CorruptionError(where, 'no deletion vector: its magic number is missing')
  }
  const stored = view.getUint32(bytes.length - 4)
  const computed = crc32(bytes, 4, bytes.length - 4)
  if (stored !== computed) {
    throw new CorruptionError(where, `the deletion vector has CRC ${hex(computed)}, ${hex(stored)} expected`)
  }
  return DeadPositions.fromRoaring(bytes.subarray(8, bytes.length - 4), file, offset + 8)
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}

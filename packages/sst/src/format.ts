/**
 * An SST is a Parquet file with blocks of our own between the data and the footer, so that opening it needs no Thrift.
 * See docs/format/sst.md.
 *
 *     "PAR1"
 *     row groups          column chunks in schema order, then row lineage if kept, `_seqno`, and `_row` (level 0)
 *     page indexes        Parquet column and offset indexes
 *     key index block     key-index.ts
 *     page block          page-places.ts
 *     filter block        key-filter.ts
 *     statistics block    page-statistics.ts; optional
 *     anchor              fixed size, this file
 *     footer              Parquet metadata | u32 LE its length | "PAR1"
 *
 *     anchor:
 *     0   u32  "MERU"          28  u64 offset, u32 length, u32 CRC of the key index block
 *     4   u16  version         44  the same of the page block
 *     6   u8   level           60  the same of the filter block
 *     7   u8   zero            76  u32  length of the footer, with its length and magic
 *     8   u32  id CRC          80  u32  CRC of the footer
 *     12  u32  schema id       84  u32  CRC of the bytes 0 to 83
 *     16  u32  schema CRC      88
 *     20  u64  rows
 */
import { ByteReader, ByteWriter, CorruptionError, MeruError } from '@meru/core'
import { crc32 } from '@meru/fs'

export const FORMAT_VERSION = 1
/** The writer as Parquet's footers name it: readers trust statistics only of names of this form. */
export const CREATED_BY = 'meru version 0.1.0'
export const PARQUET_MAGIC: Uint8Array = Uint8Array.of(0x50, 0x41, 0x52, 0x31)
/** Length of the Parquet metadata and magic at the end of a file. */
export const PARQUET_TAIL_BYTES = 8
export const ANCHOR_BYTES = 88
/** "MERU", little-endian. */
const ANCHOR_MAGIC = 0x5552454d

/** Field ids of the engine's own columns. */
export const SEQNO_ID = 1
export const ROW_ID = 2
export const SEQNO_NAME = '_seqno'
export const ROW_NAME = '_row'

/** Most rows of an SST. */
export const ROWS_MAX = 0x7fffffff
/** Most bytes of a page before compression; a single row may need that many. */
export const PAGE_BYTES_MAX = 0x7fffffff

/** Keys of the Parquet key-value metadata, for people and other tools; the engine reads the anchor. */
export const METADATA_FORMAT = 'meru.format'
export const METADATA_ID = 'meru.id'
export const METADATA_LEVEL = 'meru.level'
export const METADATA_SCHEMA_ID = 'meru.schema-id'
export const METADATA_KEY = 'meru.key'

/** Where a block lies, and the CRC of its bytes. */
export interface BlockPlace {
  readonly offset: number
  readonly length: number
  readonly crc: number
}

export interface Anchor {
  /** The level that the file was written for. It may move to another one as it is. */
  readonly level: number
  /** CRC of the file's id. */
  readonly idCrc: number
  readonly schemaId: number
  /** CRC of the shape of the schema; see `schemaCrc`. */
  readonly schemaCrc: number
  readonly rows: number
  readonly keyIndex: BlockPlace
  readonly pages: BlockPlace
  readonly filter: BlockPlace
  readonly footerLength: number
  readonly footerCrc: number
}

export function encodeAnchor(anchor: Anchor, version: number = FORMAT_VERSION): Uint8Array {
  const out = new ByteWriter(ANCHOR_BYTES)
  out.u32(ANCHOR_MAGIC)
  out.u8(version & 0xff)
  out.u8(version >>> 8)
  out.u8(anchor.level)
  out.u8(0)
  out.u32(anchor.idCrc)
  out.u32(anchor.schemaId)
  out.u32(anchor.schemaCrc)
  out.u64(anchor.rows)
  for (const place of [anchor.keyIndex, anchor.pages, anchor.filter]) {
    out.u64(place.offset)
    out.u32(place.length)
    out.u32(place.crc)
  }
  out.u32(anchor.footerLength)
  out.u32(anchor.footerCrc)
  out.u32(crc32(out.bytes, 0, out.length))
  return out.written()
}

/** Reads the anchor that ends where the footer starts. `offset` is where `bytes` lies in the file. */
export function decodeAnchor(bytes: Uint8Array, file: string, offset: number): Anchor {
  const reader = new ByteReader(bytes, file, offset)
  if (reader.u32() !== ANCHOR_MAGIC)
    throw new CorruptionError({ file, offset }, 'no anchor before the footer')
  if (
    crc32(bytes, 0, ANCHOR_BYTES - 4) !== new ByteReader(bytes.subarray(ANCHOR_BYTES - 4), file, offset).u32()
  ) {
    throw new CorruptionError({ file, offset }, 'the CRC of the anchor does not match')
  }
  const version = reader.u8() | (reader.u8() << 8)
  if (version !== FORMAT_VERSION) {
    const message = `${file} has format version ${version}; this release reads version ${FORMAT_VERSION}. Upgrade.`
    throw new MeruError('UNSUPPORTED', message)
  }
  const level = reader.u8()
  reader.u8()
  const idCrc = reader.u32()
  const schemaId = reader.u32()
  const schemaCrc = reader.u32()
  const rows = reader.u64()
  const place = (): BlockPlace => ({ offset: reader.u64(), length: reader.u32(), crc: reader.u32() })
  const keyIndex = place()
  const pages = place()
  const filter = place()
  const footerLength = reader.u32()
  const footerCrc = reader.u32()
  return { level, idCrc, schemaId, schemaCrc, rows, keyIndex, pages, filter, footerLength, footerCrc }
}

/**
 * Page headers in Thrift's compact protocol, written field by field: a header per page is too hot for a general
 * serializer. The engine never parses them: what it needs of a page is in the page block. Source: parquet.thrift.
 */
import type { ByteWriter } from '@meru/core'

/** Parquet's numbers of encodings and page types. */
export const ENCODING_PLAIN = 0
export const ENCODING_RLE = 3
export const ENCODING_RLE_DICTIONARY = 8
export type PageEncoding = typeof ENCODING_PLAIN | typeof ENCODING_RLE_DICTIONARY
const PAGE_DATA = 0
const PAGE_DICTIONARY = 2

/** Field deltas and types: one more than the last field, an i32; and a struct that many fields on. */
const NEXT_I32 = 0x15
const DATA_PAGE_STRUCT = 0x1c
const DICTIONARY_PAGE_STRUCT = 0x3c
const STOP = 0

export interface PageHeader {
  /** Bytes of the body before and after compression. */
  readonly rawBytes: number
  readonly bytes: number
  /** CRC-32 of the body as it is in the file. */
  readonly crc: number
  /** Values, nulls included. */
  readonly values: number
  readonly encoding: PageEncoding
}

/** A header of a data page, version 1. */
export function appendDataPageHeader(header: PageHeader, out: ByteWriter): void {
  appendStart(PAGE_DATA, header, out)
  out.u8(DATA_PAGE_STRUCT)
  appendI32(header.values, out)
  appendI32(header.encoding, out)
  appendI32(ENCODING_RLE, out)
  appendI32(ENCODING_RLE, out)
  out.u8(STOP)
  out.u8(STOP)
}

/** A header of a dictionary page; the values are PLAIN. */
export function appendDictionaryPageHeader(header: Omit<PageHeader, 'encoding'>, out: ByteWriter): void {
  appendStart(PAGE_DICTIONARY, header, out)
  out.u8(DICTIONARY_PAGE_STRUCT)
  appendI32(header.values, out)
  appendI32(ENCODING_PLAIN, out)
  out.u8(STOP)
  out.u8(STOP)
}

function appendStart(type: number, header: Omit<PageHeader, 'encoding'>, out: ByteWriter): void {
  appendI32(type, out)
  appendI32(header.rawBytes, out)
  appendI32(header.bytes, out)
  appendI32(header.crc | 0, out)
}

function appendI32(value: number, out: ByteWriter): void {
  out.u8(NEXT_I32)
  out.varint(((value << 1) ^ (value >> 31)) >>> 0)
}

import { ByteWriter, type BytesVector, type Vector } from '@meru/core'
import { crc32 } from '@meru/fs'
import { CODEC_NONE, compress, type Codec } from './compression.ts'
import { buildDictionary, type Dictionary } from './dictionary.ts'
import { bitWidthOf } from './dictionary-indexes.ts'
import { appendDictionaryIndexes, appendLevels, appendPlain, countNulls, pageRows } from './page-encoder.ts'
import {
  appendDataPageHeader,
  appendDictionaryPageHeader,
  ENCODING_PLAIN,
  ENCODING_RLE_DICTIONARY,
  type PageEncoding,
} from './page-header.ts'
import type { SstColumn } from './sst-columns.ts'
import { rangeStats, type RangeStats, type StatRules } from './statistics.ts'

/** One page as it is in the file. */
export interface PageRecord {
  /** Bytes of header and body. */
  readonly length: number
  readonly headerBytes: number
  /** Bytes of the body before compression. */
  readonly rawBytes: number
  /** See `pageCrc`. */
  readonly crc: number
}

/** One column of one row group, encoded: the dictionary page if there is one, then data pages. */
export interface EncodedChunk {
  readonly encoding: PageEncoding
  readonly codec: Codec
  readonly dictionary: (PageRecord & { readonly values: number }) | undefined
  readonly pages: readonly PageRecord[]
  /** One for each page; none for `_row`. */
  readonly stats: readonly RangeStats[]
  /** Bytes of all pages with their headers, as they would be without compression. */
  readonly rawBytes: number
}

/** How to encode the chunks of one column. */
export interface ChunkSettings {
  readonly column: SstColumn
  readonly rules: StatRules
  readonly codec: Codec
  readonly dictionary: boolean
}

/** A codec that saves less than this share of a sample is not used: decompressing would cost more than it saves. */
const GAIN_MIN = 0.1

/** The check of a page: any flipped bit in its header or its body changes it. */
export function pageCrc(bytes: Uint8Array, start: number, bodyStart: number, end: number): number {
  return (crc32(bytes, start, bodyStart) ^ crc32(bytes, bodyStart, end)) >>> 0
}

/** Appends the chunk of a typed column. Pages start at `pageStarts`, which ends with the number of rows. */
export function encodeChunk(
  settings: ChunkSettings,
  vector: Vector,
  pageStarts: readonly number[],
  out: ByteWriter,
): EncodedChunk {
  const { column, rules } = settings
  const pages = pageStarts.slice(1).map((to, page) => pageRows(vector, pageStarts[page], to))
  const nulls = pages.map((page) => (column.optional ? countNulls(page) : 0))
  const present = vector.length - nulls.reduce((sum, count) => sum + count, 0)
  const dictionary = settings.dictionary ? buildDictionary(vector, present) : undefined
  const bitWidth = dictionary === undefined ? 0 : bitWidthOf(dictionary.values.length)
  const appendBody = (index: number, body: ByteWriter): void => {
    const page = pages[index]
    if (column.optional) appendLevels(page, nulls[index], body)
    if (dictionary === undefined) return appendPlain(page, nulls[index], body)
    const start = pageStarts[index] - page.from
    const indexes = start === 0 ? dictionary.indexes : dictionary.indexes.subarray(start)
    appendDictionaryIndexes(page, nulls[index], indexes, bitWidth, body)
  }
  const stats = pages.map((page, index) => rangeStats(page.vector, page.from, page.to, nulls[index], rules))
  return encodePages({ codec: settings.codec, dictionary, pageStarts, appendBody, stats }, out)
}

/**
 * Appends the chunk of `_row`: each value is `varint key length | key | value`. `pageStarts` is as for `encodeChunk`.
 */
export function encodeRowChunk(
  codec: Codec,
  rows: { keys: BytesVector; values: BytesVector },
  pageStarts: readonly number[],
  out: ByteWriter,
): EncodedChunk {
  const appendBody = (page: number, body: ByteWriter): void => {
    appendRows(rows.keys, rows.values, pageStarts[page], pageStarts[page + 1], body)
  }
  return encodePages({ codec, dictionary: undefined, pageStarts, appendBody, stats: [] }, out)
}

/** Bytes of a row in a page of `_row`. */
export function rowBytes(keyBytes: number, valueBytes: number): number {
  return 4 + varintBytes(keyBytes) + keyBytes + valueBytes
}

/** A key has at most 65,535 bytes. */
function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3
}

function appendRows(keys: BytesVector, values: BytesVector, from: number, to: number, out: ByteWriter): void {
  for (let row = from; row < to; row++) {
    const keyStart = keys.offsets[row]
    const keyBytes = keys.offsets[row + 1] - keyStart
    const valueStart = values.offsets[row]
    const valueBytes = values.offsets[row + 1] - valueStart
    const size = varintBytes(keyBytes) + keyBytes + valueBytes
    out.reserve(size + 4)
    const target = out.bytes
    let at = out.length
    target[at] = size
    target[at + 1] = size >>> 8
    target[at + 2] = size >>> 16
    target[at + 3] = size >>> 24
    at += 4
    let rest = keyBytes
    for (; rest > 0x7f; rest >>>= 7) target[at++] = rest | 0x80
    target[at++] = rest
    for (let i = 0; i < keyBytes; i++) target[at + i] = keys.bytes[keyStart + i]
    at += keyBytes
    target.set(values.bytes.subarray(valueStart, valueStart + valueBytes), at)
    out.length = at + valueBytes
  }
}

interface PagePlan {
  readonly codec: Codec
  readonly dictionary: Dictionary | undefined
  readonly pageStarts: readonly number[]
  readonly appendBody: (page: number, body: ByteWriter) => void
  readonly stats: readonly RangeStats[]
}

function encodePages(plan: PagePlan, out: ByteWriter): EncodedChunk {
  const { dictionary, pageStarts, appendBody, stats } = plan
  const count = pageStarts.length - 1
  const encoding = dictionary === undefined ? ENCODING_PLAIN : ENCODING_RLE_DICTIONARY
  const body = new ByteWriter(16 * 1024)
  const codec = chooseCodec(plan, body)
  let rawBytes = 0

  let dictionaryPage: (PageRecord & { values: number }) | undefined
  if (dictionary !== undefined) {
    const values = dictionary.values.length
    body.clear()
    appendPlain({ vector: dictionary.values, from: 0, to: values }, 0, body)
    const page = appendPage(codec, body, out, (sizes) =>
      appendDictionaryPageHeader({ ...sizes, values }, out),
    )
    dictionaryPage = { ...page, values }
    rawBytes += page.headerBytes + page.rawBytes
  }
  const pages: PageRecord[] = []
  for (let i = 0; i < count; i++) {
    const values = pageStarts[i + 1] - pageStarts[i]
    body.clear()
    appendBody(i, body)
    const page = appendPage(codec, body, out, (sizes) =>
      appendDataPageHeader({ ...sizes, values, encoding }, out),
    )
    pages.push(page)
    rawBytes += page.headerBytes + page.rawBytes
  }
  return { encoding, codec, dictionary: dictionaryPage, pages, stats, rawBytes }
}

/** The codec of the plan if it makes a sample of the chunk smaller by enough, else none. */
function chooseCodec({ codec, dictionary, pageStarts, appendBody }: PagePlan, body: ByteWriter): Codec {
  if (codec === CODEC_NONE) return CODEC_NONE
  const count = pageStarts.length - 1
  body.clear()
  if (dictionary !== undefined) {
    appendPlain({ vector: dictionary.values, from: 0, to: dictionary.values.length }, 0, body)
  }
  let raw = body.length
  let compressed = raw > 0 ? compress(codec, body.written()).length : 0
  for (const page of new Set([0, count >>> 1, count - 1])) {
    body.clear()
    appendBody(page, body)
    raw += body.length
    compressed += compress(codec, body.written()).length
  }
  return compressed <= (1 - GAIN_MIN) * raw ? codec : CODEC_NONE
}

interface PageSizes {
  readonly rawBytes: number
  readonly bytes: number
  readonly crc: number
}

function appendPage(
  codec: Codec,
  body: ByteWriter,
  out: ByteWriter,
  appendHeader: (sizes: PageSizes) => void,
): PageRecord {
  const raw = body.written()
  const stored = codec === CODEC_NONE ? raw : compress(codec, raw)
  const bodyCrc = crc32(stored)
  const start = out.length
  appendHeader({ rawBytes: raw.length, bytes: stored.length, crc: bodyCrc })
  const headerBytes = out.length - start
  const crc = (crc32(out.bytes, start, out.length) ^ bodyCrc) >>> 0
  out.append(stored)
  return { length: out.length - start, headerBytes, rawBytes: raw.length, crc }
}

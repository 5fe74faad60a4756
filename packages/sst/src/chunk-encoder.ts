import { ByteWriter, concatVectors, sliceVector, type BytesVector, type Vector } from '@meru/core'
import { crc32 } from '@meru/fs'
import { choosePageCodec, type PageCodec } from './codec-choice.ts'
import { CODEC_NONE, compress, ZSTD_FAST, type Codec, type ZstdLevel } from './compression.ts'
import { buildDictionary, mayHaveDictionary, type Dictionary } from './dictionary.ts'
import { bitWidthOf } from './dictionary-indexes.ts'
import type { PageOutput } from './file-output.ts'
import {
  appendDictionaryIndexes,
  appendLevels,
  appendPlain,
  countNulls,
  pageRows,
  type PageRows,
} from './page-encoder.ts'
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
  /** Values, nulls included. */
  readonly values: number
}

/** One column of one row group, encoded: the dictionary page if there is one, then data pages. */
export interface EncodedChunk {
  readonly encoding: PageEncoding
  readonly codec: Codec
  readonly dictionary: PageRecord | undefined
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

/** The check of a page: any flipped bit in its header or its body changes it. */
export function pageCrc(bytes: Uint8Array, start: number, bodyStart: number, end: number): number {
  return (crc32(bytes, start, bodyStart) ^ crc32(bytes, bodyStart, end)) >>> 0
}

/**
 * Appends the chunk of a typed column, whose values are those of `segments` one after the other. Pages start at
 * `pageStarts`, which ends with the number of rows.
 */
export async function encodeChunk(
  settings: ChunkSettings,
  segments: readonly Vector[],
  pageStarts: readonly number[],
  out: PageOutput,
): Promise<EncodedChunk> {
  const { column, rules } = settings
  const pages = pagesOf(segments, pageStarts)
  const nulls = pages.map((page) => (column.optional ? countNulls(page) : 0))
  const dictionary = settings.dictionary ? dictionaryOf(segments) : undefined
  const bitWidth = dictionary === undefined ? 0 : bitWidthOf(dictionary.values.length)
  const appendBody = (index: number, body: ByteWriter): void => {
    const page = pages[index]
    if (column.optional) appendLevels(page, nulls[index], body)
    if (dictionary === undefined) return appendPlain(page, nulls[index], body)
    const indexes = dictionary.indexes.subarray(pageStarts[index], pageStarts[index + 1])
    appendDictionaryIndexes(page, nulls[index], indexes, bitWidth, body)
  }
  const stats = pages.map((page, index) => rangeStats(page.vector, page.from, page.to, nulls[index], rules))
  return encodePages({ codec: settings.codec, dictionary, pageStarts, appendBody, stats }, out)
}

function dictionaryOf(segments: readonly Vector[]): Dictionary | undefined {
  return segments.every(mayHaveDictionary) ? buildDictionary(concatVectors(segments)) : undefined
}

/** The rows of each page: a part of one segment, or, where a page begins in one and ends in another, a copy. */
function pagesOf(segments: readonly Vector[], pageStarts: readonly number[]): PageRows[] {
  let segment = 0
  let first = 0
  return pageStarts.slice(1).map((to, page) => {
    const from = pageStarts[page]
    while (first + segments[segment].length <= from) first += segments[segment++].length
    if (to - first <= segments[segment].length) return pageRows(segments[segment], from - first, to - first)
    const parts: Vector[] = []
    let start = first
    for (let i = segment; start < to; i++) {
      const vector = segments[i]
      parts.push(sliceVector(vector, Math.max(from - start, 0), Math.min(to - start, vector.length)))
      start += vector.length
    }
    return pageRows(concatVectors(parts), 0, to - from)
  })
}

/** Encoded rows: keys and values, parallel. */
export interface RowSegment {
  readonly keys: BytesVector
  readonly values: BytesVector
}

/**
 * Appends the chunk of `_row`: each value is `varint key length | key | value`. `segments` and `pageStarts` are as for
 * `encodeChunk`.
 */
export function encodeRowChunk(
  codec: Codec,
  segments: readonly RowSegment[],
  pageStarts: readonly number[],
  out: PageOutput,
): Promise<EncodedChunk> {
  const starts: number[] = [0]
  for (const { keys } of segments) starts.push(starts[starts.length - 1] + keys.length)
  const appendBody = (page: number, body: ByteWriter): void => {
    const from = pageStarts[page]
    const to = pageStarts[page + 1]
    segments.forEach(({ keys, values }, i) => {
      const start = Math.max(from - starts[i], 0)
      const end = Math.min(to - starts[i], keys.length)
      if (start < end) appendRows(keys, values, start, end, body)
    })
  }
  return encodePages({ codec, dictionary: undefined, pageStarts, appendBody, stats: [] }, out)
}

/** Where the pages of `_row` start, then the number of rows. A page is as large as it can be within `bytesMax`. */
export function rowPages(segments: readonly RowSegment[], bytesMax: number): number[] {
  const starts: number[] = [0]
  let bytes = 0
  let first = 0
  for (const { keys, values } of segments) {
    for (let row = 0; row < keys.length; row++) {
      const keyBytes = keys.offsets[row + 1] - keys.offsets[row]
      const size = 4 + varintBytes(keyBytes) + keyBytes + values.offsets[row + 1] - values.offsets[row]
      if (bytes > 0 && bytes + size > bytesMax) {
        starts.push(first + row)
        bytes = 0
      }
      bytes += size
    }
    first += keys.length
  }
  starts.push(first)
  return starts
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

/** What the pages of a chunk hold; `pageStarts` counts values. */
interface PagePlan {
  readonly codec: Codec
  /** Of zstd; the fast one where there is none. */
  readonly level?: ZstdLevel
  readonly dictionary: Pick<Dictionary, 'values'> | undefined
  readonly pageStarts: readonly number[]
  readonly appendBody: (page: number, body: ByteWriter) => void
  readonly stats: readonly RangeStats[]
}

/** Appends a chunk with the codec of its plan, or with none where that saves too little. */
export function encodePages(plan: PagePlan, out: PageOutput): Promise<EncodedChunk> {
  const { dictionary, pageStarts, appendBody } = plan
  const choice = choosePageCodec(plan.codec, {
    pages: pageStarts.length - 1,
    appendPage: appendBody,
    appendDictionary: dictionaryBody(dictionary),
  })
  return appendPages({ ...plan, ...choice }, out)
}

/** Appends a chunk with the codec of its plan. */
export async function appendPages(plan: PagePlan, out: PageOutput): Promise<EncodedChunk> {
  const { codec, level = ZSTD_FAST, dictionary, pageStarts, appendBody, stats } = plan
  const encoding = dictionary === undefined ? ENCODING_PLAIN : ENCODING_RLE_DICTIONARY
  const appendDictionary = dictionaryBody(dictionary)
  let rawBytes = 0

  let dictionaryPage: PageRecord | undefined
  if (dictionary !== undefined && appendDictionary !== undefined) {
    const values = dictionary.values.length
    dictionaryPage = appendPage({ codec, level }, values, out.buffer, appendDictionary, (sizes, header) =>
      appendDictionaryPageHeader({ ...sizes, values }, header),
    )
    rawBytes += dictionaryPage.headerBytes + dictionaryPage.rawBytes
  }
  const pages: PageRecord[] = []
  for (let i = 0; i < pageStarts.length - 1; i++) {
    const values = pageStarts[i + 1] - pageStarts[i]
    const append = (body: ByteWriter): void => appendBody(i, body)
    const page = appendPage({ codec, level }, values, out.buffer, append, (sizes, header) =>
      appendDataPageHeader({ ...sizes, values, encoding }, header),
    )
    pages.push(page)
    rawBytes += page.headerBytes + page.rawBytes
    if (out.isFull) await out.drain()
  }
  return { encoding, codec, dictionary: dictionaryPage, pages, stats, rawBytes }
}

function dictionaryBody(dictionary: PagePlan['dictionary']): ((body: ByteWriter) => void) | undefined {
  if (dictionary === undefined) return undefined
  const { values } = dictionary
  return (body) => appendPlain({ vector: values, from: 0, to: values.length }, 0, body)
}

interface PageSizes {
  readonly rawBytes: number
  readonly bytes: number
  readonly crc: number
}

/** Bodies before compression, and headers. Encoding a page never awaits, so all writers share them. */
const scratchBody = new ByteWriter(64 * 1024)
const scratchHeader = new ByteWriter(64)

/** Length of the header of the page before: that of the next one is mostly the same. */
let headerGuess = 32

/**
 * Appends a page. A header needs the length and the CRC of the body that follows it, so room is left for it; where the
 * guess of its length is wrong, the body moves by a byte or two.
 */
function appendPage(
  { codec, level }: PageCodec,
  values: number,
  out: ByteWriter,
  appendBody: (body: ByteWriter) => void,
  appendHeader: (sizes: PageSizes, header: ByteWriter) => void,
): PageRecord {
  const start = out.length
  out.reserve(headerGuess)
  out.length += headerGuess
  let rawBytes: number
  if (codec === CODEC_NONE) {
    appendBody(out)
    rawBytes = out.length - start - headerGuess
  } else {
    scratchBody.clear()
    appendBody(scratchBody)
    rawBytes = scratchBody.length
    out.append(compress(codec, scratchBody.written(), level))
  }
  const bodyStart = start + headerGuess
  const bytes = out.length - bodyStart
  const bodyCrc = crc32(out.bytes, bodyStart, out.length)
  const header = scratchHeader
  header.clear()
  appendHeader({ rawBytes, bytes, crc: bodyCrc }, header)
  const headerBytes = header.length
  if (headerBytes !== headerGuess) {
    out.reserve(Math.max(0, headerBytes - headerGuess))
    out.bytes.copyWithin(start + headerBytes, bodyStart, bodyStart + bytes)
    headerGuess = headerBytes
  }
  out.length = start + headerBytes + bytes
  out.bytes.set(header.bytes.subarray(0, headerBytes), start)
  const crc = (crc32(header.bytes, 0, headerBytes) ^ bodyCrc) >>> 0
  return { length: headerBytes + bytes, headerBytes, rawBytes, crc, values }
}

import { CorruptionError, type Vector } from '@meru/core'
import type { ByteRange, LoadedRange } from './byte-ranges.ts'
import { rangeAt } from './byte-ranges.ts'
import { pageCrc } from './chunk-encoder.ts'
import { CODEC_NONE, decompress, type Codec } from './compression.ts'
import type { ColumnPlaces, DictionaryPlace } from './page-places.ts'
import { decodeDictionary, type PageBody } from './vector-sink.ts'

/** Where one page is. */
interface PagePlace extends ByteRange {
  readonly headerBytes: number
  readonly rawBytes: number
  readonly crc: number
  readonly rows: number
  readonly codec: Codec
}

/** A data page of a column, checked and decompressed. */
export function dataPage(
  file: string,
  places: ColumnPlaces,
  page: number,
  group: number,
  loaded: readonly LoadedRange[],
  dictionary: Vector | undefined,
): PageBody {
  const { grid } = places
  const place: PagePlace = {
    offset: places.offsets[page],
    length: places.lengths[page],
    headerBytes: places.headerBytes[page],
    rawBytes: places.rawBytes[page],
    crc: places.crcs[page],
    rows: grid.firstRows[page + 1] - grid.firstRows[page],
    codec: places.chunks[group].codec,
  }
  return openPage(file, places, place, loaded, dictionary)
}

/** The values of a dictionary page. */
export function dictionaryPage(
  file: string,
  places: ColumnPlaces,
  place: DictionaryPlace,
  codec: Codec,
  loaded: readonly LoadedRange[],
): Vector {
  return decodeDictionary(
    places.column,
    openPage(file, places, { ...place, rows: place.values, codec }, loaded, undefined),
  )
}

/** Bytes of a page in memory: its header from `start`, its body from `bodyStart`. */
export interface LoadedPage {
  readonly bytes: Uint8Array
  readonly start: number
  readonly bodyStart: number
  readonly end: number
  readonly where: { readonly file: string; readonly offset: number }
}

/** Throws if a page, header or body, is not what was written. */
export function checkPage(
  { bytes, start, bodyStart, end, where }: LoadedPage,
  crc: number,
  column: string,
): void {
  if (pageCrc(bytes, start, bodyStart, end) !== crc) {
    throw new CorruptionError(where, `the CRC of a page of column "${column}" does not match`)
  }
}

function openPage(
  file: string,
  places: ColumnPlaces,
  place: PagePlace,
  loaded: readonly LoadedRange[],
  dictionary: Vector | undefined,
): PageBody {
  const { offset, length, headerBytes, rawBytes, rows } = place
  const range = rangeAt(loaded, offset)
  const { bytes } = range
  const start = range.start + offset - range.offset
  const bodyStart = start + headerBytes
  const end = start + length
  const where = { file, offset }
  checkPage({ bytes, start, bodyStart, end, where }, place.crc, places.column.name)
  if (place.codec === CODEC_NONE) return { bytes, start: bodyStart, end, rows, dictionary, where }
  try {
    const raw = decompress(place.codec, bytes.subarray(bodyStart, end), rawBytes)
    return { bytes: raw, start: 0, end: raw.length, rows, dictionary, where }
  } catch (cause) {
    throw new CorruptionError(where, `a page of column "${places.column.name}" does not decompress`, {
      cause,
    })
  }
}

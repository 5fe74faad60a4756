import { ByteWriter } from '@meru/core'
import {
  CODEC_NONE,
  CODEC_ZSTD,
  compress,
  ZSTD_FAST,
  ZSTD_SMALL,
  type Codec,
  type ZstdLevel,
} from './compression.ts'

/** How all pages of one chunk are compressed. */
export interface PageCodec {
  readonly codec: Codec
  readonly level: ZstdLevel
}

/** The bodies of a chunk's pages before compression, made when they are asked for. */
export interface PageBodies {
  /** Data pages, at least one. */
  readonly pages: number
  readonly appendPage: (page: number, body: ByteWriter) => void
  readonly appendDictionary: ((body: ByteWriter) => void) | undefined
}

/** A codec that saves this share is used, however small the pages are. */
const SHARE_ENOUGH = 1 / 2
/**
 * What decompressing costs every reader of a page, in bytes that it could read instead: its context and tables, then
 * its bytes. A codec that saves less makes readers slower than the larger file would.
 */
const PAGE_COST_BYTES = 2048
const PAGE_COST_SHARE = 1 / 4
/** The slower level of zstd has to make pages smaller by this share. */
const LEVEL_GAIN_MIN = 1 / 16

const UNCOMPRESSED: PageCodec = { codec: CODEC_NONE, level: ZSTD_FAST }

/**
 * The codec if it pays for a chunk, else none; judged by its dictionary and three of its pages. Equal chunks get equal
 * answers.
 */
export function choosePageCodec(codec: Codec, bodies: PageBodies): PageCodec {
  if (codec === CODEC_NONE) return UNCOMPRESSED
  const { pages, appendPage, appendDictionary } = bodies
  const body = new ByteWriter(16 * 1024)
  let raw = 0
  let saved = 0
  let packed = 0
  const add = (append: (body: ByteWriter) => void, count: number): void => {
    body.clear()
    append(body)
    raw += count * body.length
    packed = compress(codec, body.written()).length
    saved += count * (body.length - packed)
  }
  const sample = new Set([0, pages - 1, pages >>> 1])
  for (const page of sample) add((to) => appendPage(page, to), pages / sample.size)
  if (appendDictionary !== undefined) add(appendDictionary, 1)
  const count = pages + (appendDictionary === undefined ? 0 : 1)
  const pays = saved >= SHARE_ENOUGH * raw || saved >= PAGE_COST_SHARE * raw + PAGE_COST_BYTES * count
  if (!pays) return UNCOMPRESSED
  // The body at hand is the dictionary, or the page in the middle.
  return { codec, level: codec === CODEC_ZSTD ? chooseLevel(body.written(), packed) : ZSTD_FAST }
}

/** The level for a body of which the fast one makes `fast` bytes. */
function chooseLevel(body: Uint8Array, fast: number): ZstdLevel {
  const small = compress(CODEC_ZSTD, body, ZSTD_SMALL).length
  return small <= (1 - LEVEL_GAIN_MIN) * fast ? ZSTD_SMALL : ZSTD_FAST
}

import * as zlib from 'node:zlib'
import { snappyCompress, snappyUncompress } from './parquet-library.ts'
import type { Compression } from './layout.ts'
import { CHUNK_BYTES_MIN, zstdDecompress } from './zstd-decoder.ts'

/** Parquet's numbers of compression codecs. */
export const CODEC_NONE = 0
export const CODEC_SNAPPY = 1
export const CODEC_ZSTD = 6
export type Codec = typeof CODEC_NONE | typeof CODEC_SNAPPY | typeof CODEC_ZSTD

/** Levels of zstd. The second finds longer matches: texts of words get smaller by it, numbers and names do not. */
export const ZSTD_FAST = 1
export const ZSTD_SMALL = 3
export type ZstdLevel = typeof ZSTD_FAST | typeof ZSTD_SMALL

/** Whether this runtime has zstd: Node from 22.15 on. */
const hasZstd: boolean = typeof zlib.zstdCompressSync === 'function'

/** The codec for a layout on this runtime. Where zstd is missing, snappy takes its place. */
export function codecFor(compression: Compression): Codec {
  if (compression === 'none') return CODEC_NONE
  return compression === 'zstd' && hasZstd ? CODEC_ZSTD : CODEC_SNAPPY
}

/** Compresses one page body. The level is zstd's alone. */
export function compress(
  codec: Exclude<Codec, typeof CODEC_NONE>,
  body: Uint8Array,
  level: ZstdLevel = ZSTD_FAST,
): Uint8Array {
  if (codec === CODEC_SNAPPY) return snappyCompress(body)
  return zlib.zstdCompressSync(body, {
    chunkSize: Math.max(CHUNK_BYTES_MIN, body.length + (body.length >>> 7) + 128),
    params: { [zlib.constants.ZSTD_c_compressionLevel]: level },
  })
}

/** Decompresses one page body of known length; throws if the bytes are no such thing. */
export function decompress(codec: Codec, body: Uint8Array, rawBytes: number): Uint8Array {
  switch (codec) {
    case CODEC_NONE:
      return body
    case CODEC_SNAPPY: {
      const raw = new Uint8Array(rawBytes)
      snappyUncompress(body, raw)
      return raw
    }
    case CODEC_ZSTD: {
      const raw = zstdDecompress(body, rawBytes)
      if (raw.length !== rawBytes) throw new Error(`${raw.length} bytes, ${rawBytes} expected`)
      return raw
    }
  }
}

import * as zlib from 'node:zlib'
import { ZSTDDecoder } from 'zstddec'

/**
 * zstd in WebAssembly. `node:zlib` makes a context of more than a hundred kilobytes for every page, for which V8 collects
 * garbage every fifty pages. It serves until this decoder is there, for large pages, and where WebAssembly is forbidden.
 */
const decoder: ZSTDDecoder = new ZSTDDecoder()
let isReady = false

/** Its memory never shrinks, so a larger page is not for it. */
const DECODER_BYTES_MAX = 4 * 1024 * 1024
/** The smallest chunk that zlib takes. */
const CHUNK_BYTES_MIN = 64

/** Makes the decoder, once in a process. */
export async function prepareZstd(): Promise<void> {
  if (isReady) return
  await decoder.init().then(
    () => (isReady = true),
    () => undefined,
  )
}

/** What the frame holds, at most `rawBytes`. A damaged frame throws, or gives another number of bytes. */
export function zstdDecompress(frame: Uint8Array, rawBytes: number): Uint8Array {
  return isReady && rawBytes <= DECODER_BYTES_MAX
    ? decoder.decode(frame, rawBytes)
    : zlibDecompress(frame, rawBytes)
}

function zlibDecompress(frame: Uint8Array, rawBytes: number): Uint8Array {
  if (typeof zlib.zstdDecompressSync !== 'function') {
    throw new Error('this runtime has no zstd; Node 22.15 or later is needed')
  }
  const size = Math.max(CHUNK_BYTES_MIN, rawBytes)
  return zlib.zstdDecompressSync(frame, { chunkSize: size, maxOutputLength: size })
}

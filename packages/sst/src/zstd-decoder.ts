import * as zlib from 'node:zlib'
import { ZSTDDecoder } from 'zstddec'

/**
 * zstd in WebAssembly. `node:zlib` makes a context for every page, large enough that V8 collects garbage for it again and
 * again. It serves until this decoder is there, for large pages, and where WebAssembly is forbidden.
 */
const decoder: ZSTDDecoder = new ZSTDDecoder()
let isReady = false

/** Its memory never shrinks, so a larger page is not for it. */
const DECODER_BYTES_MAX = 4 * 1024 * 1024
/** The smallest chunk that zlib takes. */
export const CHUNK_BYTES_MIN = 64

/** Makes the decoder, once in a process. */
export async function prepareZstd(): Promise<void> {
  if (isReady) return
  await withoutFetch(() => decoder.init()).then(
    () => (isReady = true),
    () => undefined,
  )
}

/**
 * The library takes its code from a `data:` URL where there is `fetch`, for which Node compiles a whole HTTP client: that
 * takes far longer than the decoder. Where there is none, it decodes the text itself. `begin` does not wait.
 */
function withoutFetch<T>(begin: () => T): T {
  const fetch = Object.getOwnPropertyDescriptor(globalThis, 'fetch')
  if (fetch?.configurable !== true || !('Buffer' in globalThis)) return begin()
  Object.defineProperty(globalThis, 'fetch', { value: undefined, configurable: true })
  try {
    return begin()
  } finally {
    Object.defineProperty(globalThis, 'fetch', fetch)
  }
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

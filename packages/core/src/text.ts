import type { ByteWriter } from './byte-writer.ts'

/** What Node's `Buffer` offers beyond `Uint8Array`; it works on any `Uint8Array`, shared memory included. */
interface BufferMethods {
  utf8Write(this: Uint8Array, text: string, offset: number, length: number): number
  utf8Slice(this: Uint8Array, start: number, end: number): string
  latin1Slice(this: Uint8Array, start: number, end: number): string
}

interface BufferLike {
  readonly prototype: BufferMethods
}

const buffer = (globalThis as { Buffer?: BufferLike }).Buffer
const native: BufferMethods | undefined =
  typeof buffer?.prototype.utf8Write === 'function' &&
  typeof buffer.prototype.utf8Slice === 'function' &&
  typeof buffer.prototype.latin1Slice === 'function'
    ? buffer.prototype
    : undefined

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Texts up to this length are written and read character by character, which beats a native call. */
const SHORT_LENGTH = 24

/**
 * Appends the UTF-8 form of `text` and returns the number of bytes. The text must be well formed
 * (`isWellFormed`) unless it is ASCII.
 */
export function appendText(out: ByteWriter, text: string): number {
  const length = text.length
  out.reserve(length)
  const at = out.length
  if (length <= SHORT_LENGTH) {
    const bytes = out.bytes
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) break
      bytes[at + i] = code
    }
    if (i === length) {
      out.length = at + length
      return length
    }
  }
  out.reserve(length * 3)
  const written = writeText(out.bytes, at, text)
  out.length = at + written
  return written
}

/** Writes UTF-8 at `at`; there must be room for three bytes per UTF-16 code unit. */
function writeText(bytes: Uint8Array, at: number, text: string): number {
  if (native !== undefined) return native.utf8Write.call(bytes, text, at, bytes.length - at)
  return encoder.encodeInto(text, bytes.subarray(at)).written
}

/** The text of UTF-8 bytes. The bytes may lie in shared memory. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  if (start === end) return ''
  if (native !== undefined) return native.utf8Slice.call(bytes, start, end)
  // A decoder refuses views of shared memory, so it gets a copy.
  return decoder.decode(bytes.slice(start, end))
}

/** The text of ASCII bytes; cheaper than `readText`. The caller knows that no byte is above 7f. */
export function readAscii(bytes: Uint8Array, start: number, end: number): string {
  if (start === end) return ''
  if (native !== undefined) return native.latin1Slice.call(bytes, start, end)
  return decoder.decode(bytes.slice(start, end))
}

/** The UTF-8 form of a text as an array of its own. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text)
}

/** False if the text holds half of a surrogate pair, which UTF-8 cannot express. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}

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
const latin1 = new TextDecoder('latin1')

/** Texts up to these lengths are written and read character by character, which beats a native call. */
const SHORT_WRITE = 20
const SHORT_READ = 16

/** Longer texts are measured before they are written, so that no room for three bytes a character is made. */
const LONG_WRITE = 8192

/** Appends the UTF-8 form of `text`; false, with nothing written, if it holds half of a surrogate pair. */
export function appendText(out: ByteWriter, text: string): boolean {
  const length = text.length
  if (length > LONG_WRITE) {
    if (!isWellFormed(text)) return false
    out.append(encoder.encode(text))
    return true
  }
  out.reserve(length * 3)
  const at = out.length
  const bytes = out.bytes
  if (length <= SHORT_WRITE) {
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) break
      bytes[at + i] = code
    }
    if (i === length) {
      out.length = at + length
      return true
    }
  }
  if (!isWellFormed(text)) return false
  out.length = at + writeText(bytes, at, text)
  return true
}

/** Writes UTF-8 at `at`; there must be room for three bytes per UTF-16 code unit. */
function writeText(bytes: Uint8Array, at: number, text: string): number {
  if (native !== undefined) return native.utf8Write.call(bytes, text, at, bytes.length - at)
  return encoder.encodeInto(text, bytes.subarray(at)).written
}

/** The text of UTF-8 bytes. The bytes may lie in shared memory. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_READ) {
    const short = readShort(bytes, start, end)
    if (short !== undefined) return short
  }
  if (native !== undefined) return native.utf8Slice.call(bytes, start, end)
  // A decoder refuses views of shared memory, so it gets a copy.
  return decoder.decode(bytes.slice(start, end))
}

/** A string with one character for each byte; those of bytes up to 0x7f are ASCII. The bytes may lie in shared memory. */
export function readLatin1(bytes: Uint8Array, start: number, end: number): string {
  if (native !== undefined) return native.latin1Slice.call(bytes, start, end)
  return latin1.decode(bytes.slice(start, end))
}

/** The text of a few bytes, or `undefined` if they are not ASCII or too near to the end of the array. */
function readShort(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (start + SHORT_READ > bytes.length) return undefined
  let all = 0
  for (let i = start; i < end; i++) all |= bytes[i]
  if (all > 0x7f) return undefined
  // A call with a fixed number of arguments is compiled to plain stores; what is too much is cut off.
  const b = bytes
  const i = start
  const length = end - start
  if (length <= 8) {
    return String.fromCharCode(
      b[i],
      b[i + 1],
      b[i + 2],
      b[i + 3],
      b[i + 4],
      b[i + 5],
      b[i + 6],
      b[i + 7],
    ).slice(0, length)
  }
  return String.fromCharCode(
    b[i],
    b[i + 1],
    b[i + 2],
    b[i + 3],
    b[i + 4],
    b[i + 5],
    b[i + 6],
    b[i + 7],
    b[i + 8],
    b[i + 9],
    b[i + 10],
    b[i + 11],
    b[i + 12],
    b[i + 13],
    b[i + 14],
    b[i + 15],
  ).slice(0, length)
}

/** The UTF-8 form of a text as an array of its own. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text)
}

/** False if the text holds half of a surrogate pair, which UTF-8 cannot express. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}

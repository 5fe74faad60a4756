import { InputFault } from './input-fault.ts'

/** Bytes or text in pieces of any length: a stream of Node or of the web. */
export type TextSource = AsyncIterable<Uint8Array | string>

/** A record of an input may have no more characters than this: a quote that is never closed takes in all that follows. */
export const RECORD_CHARACTERS_MAX: number = 16 << 20

/** Larger pieces are cut, so that the rows of one piece stay few. */
const PIECE_CHARACTERS = 1 << 18

const BYTE_ORDER_MARK = 0xfeff
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Throws a `TypeError` unless this can be a source. */
export function checkTextSource(source: unknown): void {
  const isAsync = typeof source === 'object' && source !== null && Symbol.asyncIterator in source
  if (isAsync) return
  throw new TypeError('the source is an async iterable of bytes or text, like createReadStream(path)')
}

/** The text of a source in pieces of whole characters, without the byte order mark. Throws an `InputFault` where it is no UTF-8. */
export async function* textPieces(source: TextSource): AsyncGenerator<string, void, undefined> {
  const text = new TextDecoding()
  for await (const chunk of source) {
    const piece = text.add(chunk)
    for (let start = 0; start < piece.length;) {
      const end = cutAt(piece, start + PIECE_CHARACTERS)
      yield piece.slice(start, end)
      start = end
    }
  }
  const rest = text.end()
  if (rest !== '') yield rest
}

function cutAt(text: string, end: number): number {
  if (end >= text.length) return text.length
  return isHighSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end
}

/** Makes text of chunks that may end within a character. */
export class TextDecoding {
  /** The begun character at the end of the last chunk. */
  #rest: Uint8Array = new Uint8Array()
  #half = ''
  /** Bytes before those of the next chunk, the rest not counted. */
  #offset = 0
  #isBegun = false

  /** Whole characters. Throws an `InputFault` at bytes that are no UTF-8, and a `TypeError` for other chunks. */
  add(chunk: Uint8Array | string): string {
    const text = typeof chunk === 'string' ? this.#join(chunk) : this.#decode(chunk)
    if (this.#isBegun || text === '') return text
    this.#isBegun = true
    return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text
  }

  /** What is left at the end. */
  end(): string {
    if (this.#rest.length > 0) throw notText(this.#offset, this.#rest)
    return this.#half
  }

  #join(chunk: string): string {
    if (this.#rest.length > 0) throw notText(this.#offset, this.#rest)
    const text = this.#half + chunk
    this.#half = isHighSurrogate(text.charCodeAt(text.length - 1)) ? text.slice(-1) : ''
    return this.#half === '' ? text : text.slice(0, -1)
  }

  #decode(chunk: Uint8Array): string {
    if (!(chunk instanceof Uint8Array)) {
      throw new TypeError(`a source of text gives Uint8Arrays or strings, not ${typeof chunk} values`)
    }
    const all = this.#rest.length === 0 ? chunk : joined(this.#rest, chunk)
    const length = wholeCharacters(all)
    const bytes = all.subarray(0, length)
    const text = decoded(bytes)
    if (text === undefined) throw notText(this.#offset + firstFault(bytes), all)
    // A copy, for the owner of the chunk may use it again.
    this.#rest = all.slice(length)
    this.#offset += length
    return text
  }
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length)
  all.set(a)
  all.set(b, a.length)
  return all
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}

/** The length without a character that the chunk cuts off. */
function wholeCharacters(bytes: Uint8Array): number {
  const from = Math.max(0, bytes.length - 3)
  for (let at = bytes.length - 1; at >= from; at--) {
    const byte = bytes[at]
    if (byte < 0x80 || byte > 0xf4) return bytes.length
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return at + length > bytes.length ? at : bytes.length
    }
  }
  return bytes.length
}

function firstFault(bytes: Uint8Array): number {
  let good = 0
  let bad = bytes.length
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1
    const isGood = decoded(bytes.subarray(0, wholeCharacters(bytes.subarray(0, middle)))) !== undefined
    if (isGood) good = middle
    else bad = middle
  }
  return good
}

function notText(offset: number, bytes: Uint8Array): InputFault {
  return new InputFault(`is not UTF-8 text: byte ${offset} breaks it`, { hint: textHint(bytes) })
}

function textHint(bytes: Uint8Array): string {
  const start = String.fromCharCode(...bytes.subarray(0, 4))
  if (start.startsWith('\u00ff\u00fe') || start.startsWith('\u00fe\u00ff'))
    return 'it is UTF-16; make it UTF-8'
  if (start.startsWith('\u001f\u008b')) return 'it is compressed; gunzip it first'
  if (start === 'PAR1') return 'it is Parquet; read it as such'
  if (start.startsWith('PK')) return 'it is a zip archive; unpack it first'
  return 'make it UTF-8'
}

import { isUtf8 } from 'node:buffer'
import { open } from 'node:fs/promises'
import { Failure } from '../failure.ts'

const CHUNK_BYTES = 1 << 18

export interface TextChunk {
  /** Whole characters of valid UTF-8, without the byte order mark. */
  readonly bytes: Buffer
  /** How much of the file has been read by now. */
  readonly bytesRead: number
}

/** The bytes of a text file, checked, in order. A file that is no UTF-8 text is refused where it stops being so. */
export async function* readText(path: string, signal: AbortSignal): AsyncGenerator<TextChunk> {
  const file = await open(path, 'r')
  try {
    let offset = 0
    let rest: Buffer = Buffer.alloc(0)
    for (;;) {
      signal.throwIfAborted()
      const buffer = Buffer.allocUnsafe(rest.length + CHUNK_BYTES)
      rest.copy(buffer)
      const { bytesRead } = await file.read(buffer, rest.length, CHUNK_BYTES, offset + rest.length)
      let bytes = buffer.subarray(0, rest.length + bytesRead)
      const whole = bytesRead === 0 ? bytes.length : wholeCharacters(bytes)
      rest = bytes.subarray(whole)
      bytes = bytes.subarray(0, whole)
      if (!isUtf8(bytes)) throw notText(path, offset + firstFault(bytes), bytes)
      const start = offset === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
      offset += whole
      if (bytes.length > start) yield { bytes: bytes.subarray(start), bytesRead: offset }
      if (bytesRead === 0) return
    }
  } finally {
    await file.close()
  }
}

/** The length without a character that the chunk cuts off. */
function wholeCharacters(bytes: Buffer): number {
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

function firstFault(bytes: Buffer): number {
  let good = 0
  let bad = bytes.length
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1
    if (isUtf8(bytes.subarray(0, wholeCharacters(bytes.subarray(0, middle))))) good = middle
    else bad = middle
  }
  return good
}

function notText(path: string, offset: number, bytes: Buffer): Failure {
  return new Failure(`${path} is not UTF-8 text: byte ${offset} breaks it`, { hint: textHint(bytes) })
}

function textHint(bytes: Buffer): string {
  const start = bytes.toString('latin1', 0, 4)
  if (start.startsWith('\u00ff\u00fe') || start.startsWith('\u00fe\u00ff')) {
    return 'the file is UTF-16; save it as UTF-8'
  }
  if (start.startsWith('\u001f\u008b')) return 'the file is compressed; gunzip it first'
  if (start === 'PAR1') return 'the file is Parquet; add --format parquet'
  if (start.startsWith('PK')) return 'the file is a zip archive; unpack it first'
  return 'save it as UTF-8, or name its format with --format'
}

import { open } from 'node:fs/promises'
import { InputFault, TextDecoding } from '@meru/formats/parts'
import { Failure } from '../failure.ts'

const CHUNK_BYTES = 1 << 18

export interface TextChunk {
  /** Whole characters, without the byte order mark. */
  readonly text: string
  /** How much of the file has been read by now. */
  readonly bytesRead: number
}

/** The text of a file in order. A file that is no UTF-8 text is refused, by an `InputFault`, where it stops being so. */
export async function* readText(path: string, signal: AbortSignal): AsyncGenerator<TextChunk> {
  const file = await open(path, 'r')
  try {
    const decoding = new TextDecoding()
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
    for (let offset = 0; ;) {
      signal.throwIfAborted()
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, offset)
      offset += bytesRead
      const text = bytesRead === 0 ? decoding.end() : decoding.add(buffer.subarray(0, bytesRead))
      if (text !== '') yield { text, bytesRead: offset }
      if (bytesRead === 0) return
    }
  } finally {
    await file.close()
  }
}

/** A fault of an input as the failure of its file; other errors as they are. */
export function explainFault(path: string, error: unknown): unknown {
  if (!(error instanceof InputFault)) return error
  const { line, problem, hint, cause } = error
  const where = line === undefined ? path : `${path} line ${line}:`
  const shown = hint === 'it is Parquet; read it as such' ? 'it is Parquet; add --format parquet' : hint
  return new Failure(`${where} ${problem}`, { cause, ...(shown === undefined ? {} : { hint: shown }) })
}

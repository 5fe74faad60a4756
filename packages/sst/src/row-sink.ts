import { ByteWriter, CorruptionError, type BytesVector } from '@meru/core'
import { keyLength, keyOffset } from './row-page.ts'
import type { PageBody } from './vector-sink.ts'

/** Encoded rows, taken apart. */
export interface EncodedRows {
  readonly keys: BytesVector
  readonly values: BytesVector
}

/** Takes the rows of page after page of `_row` apart. */
export class RowSink {
  private readonly keys: ByteWriter = new ByteWriter(4096)
  private readonly values: ByteWriter = new ByteWriter(4096)
  private readonly keyOffsets: Uint32Array
  private readonly valueOffsets: Uint32Array
  private length = 0

  constructor(capacity: number) {
    this.keyOffsets = new Uint32Array(capacity + 1)
    this.valueOffsets = new Uint32Array(capacity + 1)
  }

  /** Appends rows [from, to) of a page. As in `VectorSink`, all bytes are copied at once, then values move down. */
  append({ bytes, start, end, where }: PageBody, from: number, to: number): void {
    const { keys, values } = this
    keys.reserve(end - start)
    values.reserve(end - start)
    const target = values.bytes
    const shift = values.length - start
    target.set(bytes.subarray(start, end), values.length)
    let row = start
    let out = values.length
    for (let i = 0; i < to; i++) {
      const length =
        (bytes[row] | (bytes[row + 1] << 8) | (bytes[row + 2] << 16) | (bytes[row + 3] << 24)) >>> 0
      row += 4
      if (!(length <= end - row))
        throw new CorruptionError(where, `row ${i} has ${length} bytes, ${end - row} left`)
      const keyStart = row + keyOffset(bytes, row)
      const keyEnd = keyStart + keyLength(bytes, row)
      row += length
      if (keyEnd > row) throw new CorruptionError(where, `the key of row ${i} is longer than the row`)
      if (i < from) continue
      for (let at = keyStart; at < keyEnd; at++) keys.bytes[keys.length++] = bytes[at]
      target.copyWithin(out, keyEnd + shift, row + shift)
      out += row - keyEnd
      this.length++
      this.keyOffsets[this.length] = keys.length
      this.valueOffsets[this.length] = out
    }
    values.length = out
  }

  finish(): EncodedRows {
    const { length } = this
    return {
      keys: { physical: 'bytes', length, bytes: this.keys.written(), offsets: this.keyOffsets },
      values: { physical: 'bytes', length, bytes: this.values.written(), offsets: this.valueOffsets },
    }
  }
}

import { compareBytes, CorruptionError } from '@meru/core'
import type { RowKeys } from './row-keys.ts'
import { lengthAt, type PageBody } from './vector-sink.ts'

/** Bytes after a text that is encoded as a key: two zeros. A zero within it has another byte after it. */
const TERMINATOR_BYTES = 2
/** Before each text of a page. */
const LENGTH_BYTES = 4

/** The keys of a page of texts or other bytes of any length, as they are stored. */
export class TextPage implements RowKeys {
  length = 0
  private bytes: Uint8Array = new Uint8Array()
  /** Where the text of each row starts, and after the last one where the next would. */
  private starts: Uint32Array = new Uint32Array(1)
  /** The text sought, without what encoding adds. */
  private readonly sought: { bytes: Uint8Array; start: number; end: number } = {
    bytes: new Uint8Array(),
    start: 0,
    end: 0,
  }
  private plain: Uint8Array = new Uint8Array(64)

  /** Goes to another page. Throws if it does not hold as many values as it has rows. */
  open(page: PageBody): void {
    const { rows, end } = page
    if (this.starts.length <= rows) this.starts = new Uint32Array(rows + 1)
    let at = page.start
    for (let row = 0; row < rows; row++) {
      this.starts[row] = at + LENGTH_BYTES
      at += LENGTH_BYTES + lengthAt(page, at)
    }
    if (at !== end) throw new CorruptionError(page.where, `${end - at} bytes after the last value`)
    this.starts[rows] = end + LENGTH_BYTES
    this.bytes = page.bytes
    this.length = rows
  }

  seek(bytes: Uint8Array, start: number, end: number): void {
    const { sought } = this
    const textEnd = end - TERMINATOR_BYTES
    // The terminator is found if nothing is.
    if (bytes.indexOf(0, start) === textEnd) {
      sought.bytes = bytes
      sought.start = start
      sought.end = textEnd
      return
    }
    if (this.plain.length < textEnd - start) this.plain = new Uint8Array(2 * (textEnd - start))
    let length = 0
    for (let i = start; i < textEnd; i++) {
      this.plain[length++] = bytes[i]
      if (bytes[i] === 0) i++
    }
    sought.bytes = this.plain
    sought.start = 0
    sought.end = length
  }

  compare(index: number): number {
    const { bytes, starts, sought } = this
    const end = starts[index + 1] - LENGTH_BYTES
    return compareBytes(bytes, starts[index], end, sought.bytes, sought.start, sought.end)
  }
}

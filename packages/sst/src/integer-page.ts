import { type RowKeys, wordAt } from './row-keys.ts'
import { checkWidth, type PageBody } from './vector-sink.ts'

/**
 * The keys of a page of integers of 4 or 8 bytes, little-endian, as they are stored. Encoded keys are big-endian, with
 * the sign bit inverted.
 */
export class IntegerPage implements RowKeys {
  length = 0
  private readonly width: number
  private view: DataView = new DataView(new ArrayBuffer(0))
  private start = 0
  /** The words sought; an integer of one word has no low one. */
  private high = 0
  private low = 0

  constructor(width: number) {
    this.width = width
  }

  /** Goes to another page. Throws if it does not hold as many values as it has rows. */
  open(page: PageBody): void {
    checkWidth(page, page.start, page.rows, this.width)
    const { buffer, byteOffset } = page.bytes
    if (this.view.buffer !== buffer) this.view = new DataView(buffer)
    this.start = byteOffset + page.start
    this.length = page.rows
  }

  seek(bytes: Uint8Array, start: number): void {
    this.high = wordAt(bytes, start) ^ 0x80000000
    if (this.width === 8) this.low = wordAt(bytes, start + 4) >>> 0
  }

  compare(index: number): number {
    const { view, start, width, high } = this
    const at = start + index * width
    if (width === 4) return view.getInt32(at, true) - high
    const found = view.getInt32(at + 4, true)
    return found === high ? view.getUint32(at, true) - this.low : found - high
  }
}

import { TextBlock } from '@meru/core'
import type { RowMemory } from './row-page.ts'

/** Rows and bytes of one block of texts at most: a text that is kept keeps the whole of it. */
const BLOCK_ROWS_MAX = 128
const BLOCK_BYTES_MAX = 32 * 1024
/** Texts of fewer rows are read one by one. */
const BLOCK_ROWS_MIN = 4

/** Where a frame lies; see `row-page.ts`. */
interface Frame {
  readonly memory: RowMemory
  readonly at: number
  readonly rows: number
}

/** The texts of the rows that a walk comes to next, as one block. */
export class RowTexts {
  readonly block: TextBlock = new TextBlock()
  /** The rows [from, to) of the frame that the block was made for. */
  private from = 0
  private to = 0

  /** To be called for another frame, and when memory may have moved. */
  clear(): void {
    this.from = this.to = 0
  }

  /** Makes the block serve row `index`: the first one of about `count` rows, or the last one if `reverse` is set. */
  serve(frame: Frame, index: number, count: number, reverse: boolean): void {
    if (index < this.from || index >= this.to) this.move(frame, index, count, reverse)
  }

  private move({ memory, at, rows }: Frame, index: number, wanted: number, reverse: boolean): void {
    const { words } = memory
    const starts = (at >>> 2) + 2 * rows
    const rowBytes = words[starts + rows] / rows
    const most = Math.min(wanted, BLOCK_ROWS_MAX, reverse ? index + 1 : rows - index)
    const count = Math.max(1, Math.min(most, Math.floor(BLOCK_BYTES_MAX / rowBytes)))
    this.from = reverse ? index + 1 - count : index
    this.to = this.from + count
    const start = words[starts + this.from]
    // Before the length of the row behind, which the last one does not have.
    const end = words[starts + this.to] - 4
    const isBlock = count >= BLOCK_ROWS_MIN && end - start <= 2 * BLOCK_BYTES_MAX
    this.block.set(memory, isBlock ? at + start : 0, isBlock ? at + end : 0)
  }
}

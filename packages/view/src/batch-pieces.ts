import type { ColumnBatch } from '@meru/core'
import type { ReadView } from './read-view.ts'
import { scanView, type ScanRequest } from './scan.ts'

/** The rows of a scan in column batches. */
export class BatchPieces {
  /** True once it is known that no rows follow. */
  isDone = false
  /** Rows given so far. */
  taken = 0
  private readonly limit: number
  private readonly batches: AsyncGenerator<ColumnBatch, void, undefined>

  constructor(view: ReadView, request: ScanRequest) {
    this.limit = request.limit ?? Number.POSITIVE_INFINITY
    this.batches = scanView(view, request)
  }

  /** The next rows, at least one, or `undefined` at the end. To be called again only after the answer has come. */
  async next(): Promise<ColumnBatch | undefined> {
    const next = await this.batches.next()
    if (next.done === true || this.isDone) {
      this.isDone = true
      return undefined
    }
    this.taken += next.value.length
    this.isDone = this.taken >= this.limit
    return next.value
  }

  /** Lets go; a batch that is being read does not come any more. */
  close(): void {
    this.isDone = true
    void this.batches.return().catch(() => undefined)
  }
}

import type { BytesVector, Vector } from '@meru/core'
import type { RowSegment } from './chunk-encoder.ts'
import type { SstLayout } from './layout.ts'
import { batchBytes, seqnoVector, sliceBatch, typedBytes, type SstBatch } from './sst-batch.ts'

/** The rows that wait to become a row group. They are kept as they came; columns are joined one at a time. */
export class RowGroup {
  rows = 0
  bytes = 0
  private batches: SstBatch[] = []

  add(batch: SstBatch): void {
    this.batches.push(batch)
    this.rows += batch.length
    this.bytes += batchBytes(batch)
  }

  /** Takes the first `rows` rows out. */
  split(rows: number): RowGroup {
    const head = new RowGroup()
    const batches = this.batches
    this.batches = []
    this.rows = 0
    this.bytes = 0
    for (const batch of batches) {
      const taken = Math.min(batch.length, rows - head.rows)
      if (taken > 0) head.add(sliceBatch(batch, 0, taken))
      if (taken < batch.length) this.add(sliceBatch(batch, taken, batch.length))
    }
    return head
  }

  /** A user column, by its place in the schema, as one vector for each batch. */
  column(index: number): Vector[] {
    return this.batches.map((batch) => batch.columns[index])
  }

  seqnos(): Vector[] {
    return this.batches.map((batch) => seqnoVector(batch.seqnos))
  }

  /** Encoded rows; level 0 only. */
  encodedRows(): RowSegment[] {
    return this.batches.map(({ keys, values }) => ({ keys, values: values as BytesVector }))
  }

  /** Calls back with the keys of some rows, given in ascending order. */
  forEachKey(rows: readonly number[], visit: (bytes: Uint8Array, start: number, end: number) => void): void {
    let batch = 0
    let first = 0
    for (const row of rows) {
      while (row - first >= this.batches[batch].length) first += this.batches[batch++].length
      const { bytes, offsets } = this.batches[batch].keys
      visit(bytes, offsets[row - first], offsets[row - first + 1])
    }
  }

  /** Where the pages of the typed columns start, then the number of rows. */
  typedPages({ pageRows, pageBytes }: SstLayout): number[] {
    const starts: number[] = []
    let start = 0
    while (start < this.rows) {
      starts.push(start)
      let end = Math.min(start + pageRows, this.rows)
      while (end - start > 1 && this.typedBytes(start, end) > pageBytes) end = start + halfOf(end - start)
      start = end
    }
    starts.push(this.rows)
    return starts
  }

  private typedBytes(from: number, to: number): number {
    let bytes = 0
    let first = 0
    for (const batch of this.batches) {
      const start = Math.max(from - first, 0)
      const end = Math.min(to - first, batch.length)
      if (start < end) bytes += typedBytes(batch, start, end)
      first += batch.length
    }
    return bytes
  }
}

/** About half as many rows; a multiple of 8 where it can be, so that bitmaps start with a byte. */
function halfOf(rows: number): number {
  const half = Math.ceil(rows / 2)
  return half >= 8 ? half - (half % 8) : half
}

import { concatVectors, type BytesVector, type Vector } from '@meru/core'
import { rowBytes } from './chunk-encoder.ts'
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

  /** A user column, by its place in the schema. */
  column(index: number): Vector {
    return concatVectors(this.batches.map((batch) => batch.columns[index]))
  }

  seqnos(): Vector {
    return concatVectors(this.batches.map((batch) => seqnoVector(batch.seqnos)))
  }

  keys(): BytesVector {
    return concatVectors(this.batches.map((batch) => batch.keys)) as BytesVector
  }

  /** Encoded values; level 0 only. */
  values(): BytesVector {
    return concatVectors(this.batches.map((batch) => batch.values as BytesVector)) as BytesVector
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

/** Where the pages of `_row` start, then the number of rows. A page is as large as it can be within `bytesMax`. */
export function rowPages(keys: BytesVector, values: BytesVector, bytesMax: number): number[] {
  const starts: number[] = [0]
  let bytes = 0
  for (let row = 0; row < keys.length; row++) {
    const size = rowBytes(
      keys.offsets[row + 1] - keys.offsets[row],
      values.offsets[row + 1] - values.offsets[row],
    )
    if (bytes > 0 && bytes + size > bytesMax) {
      starts.push(row)
      bytes = 0
    }
    bytes += size
  }
  starts.push(keys.length)
  return starts
}

import type { ColumnBatch, RowCodec, Selection } from '@meru/core'
import { PieceIterator, type PieceSource } from './piece-iterator.ts'
import { RowBatch } from './row-batch.ts'

/** What is scanned, prepared: each method reads anew. */
export interface ScanSource<Row> {
  /** The rows as objects, at most `limit`; no piece is empty. */
  rows(limit: number): PieceSource<Row[]>
  /** The rows in columns of the selection. */
  batches(): PieceSource<ColumnBatch>
  count(): Promise<number>
}

/**
 * The rows of a scan, in key order: iterate it, or take `batches()`, `toArray()`, `first()`, `count()`.
 * Each of these reads anew. What a scan holds is let go when it ends or is left with `break`.
 */
export class RowScan<Row> implements AsyncIterable<Row> {
  /** For transactions. */
  readonly source: ScanSource<Row>
  readonly #wrap: (batch: ColumnBatch) => RowBatch<Row>

  constructor(source: ScanSource<Row>, codec: RowCodec<Row>, selection: Selection) {
    this.source = source
    this.#wrap = (batch) => new RowBatch(batch, codec, selection)
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Row> {
    return new PieceIterator(this.source.rows(Infinity), (rows: Row[]) => rows)
  }

  /** The rows in column batches: the fast way to look at many. */
  batches(): AsyncIterableIterator<RowBatch<Row>> {
    return new PieceIterator(this.source.batches(), (batch) => [this.#wrap(batch)])
  }

  toArray(): Promise<Row[]> {
    return this.#collect(Infinity)
  }

  /** The first row, or `undefined`. */
  first(): Promise<Row | undefined> {
    return this.#collect(1).then((rows) => rows[0])
  }

  /** How many rows there are, without reading them where that is possible. */
  count(): Promise<number> {
    return this.source.count()
  }

  async #collect(limit: number): Promise<Row[]> {
    const run = this.source.rows(limit)
    let rows: Row[] | undefined
    for (;;) {
      const next = run.next()
      const piece = next instanceof Promise ? await next : next
      if (piece === undefined) return rows ?? []
      if (rows === undefined) rows = piece
      else for (const row of piece) rows.push(row)
    }
  }
}

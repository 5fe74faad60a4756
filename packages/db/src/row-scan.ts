import type { RowBatch } from './row-batch.ts'

/** Where a scan gets its batches: opens what it needs on the first batch, and lets go of it at the end. */
export interface ScanSource<Row> {
  batches: () => AsyncGenerator<RowBatch<Row>, void, undefined>
  count: () => Promise<number>
}

/**
 * The rows of a scan, in key order: iterate it, or take `batches()`, `toArray()`, `first()`, `count()`.
 * Each of these reads anew. What a scan holds is let go when it ends or is left with `break`.
 */
export class RowScan<Row> implements AsyncIterable<Row> {
  readonly #source: ScanSource<Row>

  constructor(source: ScanSource<Row>) {
    this.#source = source
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Row> {
    return new RowIterator(this.#source.batches())
  }

  /** The rows in column batches: the fast way to look at many. */
  batches(): AsyncGenerator<RowBatch<Row>, void, undefined> {
    return this.#source.batches()
  }

  async toArray(): Promise<Row[]> {
    const parts: Row[][] = []
    for await (const batch of this.#source.batches()) parts.push(batch.rows())
    return parts.flat()
  }

  /** The first row, or `undefined`. */
  async first(): Promise<Row | undefined> {
    for await (const batch of this.#source.batches()) return batch.rows()[0]
    return undefined
  }

  /** How many rows there are, without reading them where that is possible. */
  count(): Promise<number> {
    return this.#source.count()
  }
}

/** Hands rows out one by one; waits only between batches. */
class RowIterator<Row> implements AsyncIterableIterator<Row> {
  readonly #batches: AsyncGenerator<RowBatch<Row>, void, undefined>
  #rows: Row[] = []
  #index = 0
  /** Set while a batch is awaited: whoever asks meanwhile waits for it, and then for the next one. */
  #loading: Promise<unknown> | undefined

  constructor(batches: AsyncGenerator<RowBatch<Row>, void, undefined>) {
    this.#batches = batches
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Row>> {
    if (this.#index < this.#rows.length && this.#loading === undefined) {
      return Promise.resolve({ value: this.#rows[this.#index++], done: false })
    }
    const result = this.#loading === undefined ? this.#nextBatch() : this.#loading.then(() => this.#nextRow())
    const loading: Promise<unknown> = result.then(
      () => this.#loaded(loading),
      () => this.#loaded(loading),
    )
    this.#loading = loading
    return result
  }

  async return(): Promise<IteratorResult<Row>> {
    this.#rows = []
    this.#index = 0
    await this.#batches.return(undefined)
    return { value: undefined, done: true }
  }

  #loaded(loading: Promise<unknown>): void {
    if (this.#loading === loading) this.#loading = undefined
  }

  #nextRow(): IteratorResult<Row> | Promise<IteratorResult<Row>> {
    if (this.#index < this.#rows.length) return { value: this.#rows[this.#index++], done: false }
    return this.#nextBatch()
  }

  async #nextBatch(): Promise<IteratorResult<Row>> {
    for (;;) {
      const result = await this.#batches.next()
      if (result.done === true) return { value: undefined, done: true }
      this.#rows = result.value.rows()
      this.#index = 0
      if (this.#rows.length > 0) return { value: this.#rows[this.#index++], done: false }
    }
  }
}

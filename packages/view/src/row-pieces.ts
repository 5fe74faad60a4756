import type { ColumnBatch, RowCodec, Selection, TextBlock } from '@meru/core'
import type { ColumnRun } from '@meru/sst'
import type { ReadView } from './read-view.ts'
import { CURSOR_END, CURSOR_FULL, RowCursor, type RowTaker } from './row-cursor.ts'
import { scanView, type ScanRequest } from './scan.ts'

/** Rows of the first piece: small, so that a short scan reads little. */
const PIECE_ROWS_FIRST = 128
/** Rows of a piece from pages in memory. */
const PIECE_ROWS_MAX = 1024
/** So many rows bring the pages that they need into memory; from there on a scan reads past the cache, by column. */
const CACHED_ROWS_MAX = 512
/** A cache so small that it never holds what was just loaded is given up after so many tries. */
const TRIES_MAX = 3

/** What `RowPieces.next` gives: some rows, or `undefined` at the end. */
export type Piece<Row> = Row[] | undefined

/** Makes objects of the rows of a piece. */
class RowMaker<Row> implements RowTaker {
  readonly columnIds: readonly number[]
  rows: Row[] = []
  private readonly codec: RowCodec<Row>
  private readonly selection: Selection
  private readonly reverse: boolean

  constructor(codec: RowCodec<Row>, selection: Selection, reverse: boolean) {
    this.columnIds = selection.columnIds
    this.codec = codec
    this.selection = selection
    this.reverse = reverse
  }

  row(
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    texts: TextBlock | undefined,
  ): void {
    this.rows.push(this.codec.decodeRow(bytes, keyStart, keyEnd, valueStart, valueEnd, this.selection, texts))
  }

  run({ columns, from, to }: ColumnRun): void {
    const made = this.codec.rowsOf(columns, from, to, this.selection)
    if (this.reverse) made.reverse()
    if (this.rows.length === 0) this.rows = made
    else for (const row of made) this.rows.push(row)
  }
}

/**
 * The rows of a scan as objects, in growing pieces. While the pages are in memory they come at once, made of encoded
 * rows; a promise is only made where the disk is waited for. A long scan goes on by column batches.
 */
export class RowPieces<Row> {
  /** True once it is known that no rows follow: then nothing is held any more. */
  isDone = false
  private readonly view: ReadView
  private readonly request: ScanRequest
  private readonly codec: RowCodec<Row>
  private readonly selection: Selection
  private readonly cursor: RowCursor
  private readonly progress: {
    piece: number
    taken: number
    batches: AsyncGenerator<ColumnBatch> | undefined
  }

  /** The request is for the columns of the selection. */
  constructor(view: ReadView, request: ScanRequest, codec: RowCodec<Row>, selection: Selection) {
    const { lower, upper, reverse = false } = request
    this.view = view
    this.request = request
    this.codec = codec
    this.selection = selection
    this.cursor = new RowCursor(view, { lower, upper, reverse })
    // A filter looks at columns.
    const batches = request.filter === undefined ? undefined : scanView(view, request)
    this.progress = { piece: PIECE_ROWS_FIRST, taken: 0, batches }
  }

  /** The next rows, at least one, or `undefined` at the end. To be called again only after the answer has come. */
  next(): Piece<Row> | Promise<Piece<Row>> {
    const { progress, request } = this
    if (this.isDone) return undefined
    request.signal?.throwIfAborted()
    if (progress.batches !== undefined) return this.nextBatch(progress.batches)
    return this.pull() ?? (this.isDone ? undefined : this.load())
  }

  /** Lets go; rows that are being loaded do not come any more. */
  close(): void {
    this.isDone = true
    const { batches } = this.progress
    this.progress.batches = undefined
    if (batches !== undefined) void batches.return(undefined).catch(() => undefined)
  }

  /** Rows given so far. */
  get taken(): number {
    return this.progress.taken
  }

  private get remaining(): number {
    return (this.request.limit ?? Number.POSITIVE_INFINITY) - this.progress.taken
  }

  /** Rows from pages in memory; `undefined` if there are none, at the end or because a page is missing. */
  private pull(): Row[] | undefined {
    const { progress, cursor } = this
    const wanted = Math.min(progress.piece, this.remaining)
    const taker = new RowMaker(this.codec, this.selection, this.request.reverse ?? false)
    const answer = cursor.pull(wanted, taker)
    const { rows } = taker
    progress.taken += rows.length
    if (answer === CURSOR_FULL) progress.piece = Math.min(2 * progress.piece, PIECE_ROWS_MAX)
    if (answer === CURSOR_END || this.remaining <= 0) this.isDone = true
    return rows.length === 0 ? undefined : rows
  }

  private async load(): Promise<Piece<Row>> {
    const { progress, cursor, request } = this
    for (let tries = 0; tries < TRIES_MAX && progress.taken < CACHED_ROWS_MAX; tries++) {
      await cursor.load()
      if (this.isDone) return undefined
      request.signal?.throwIfAborted()
      const rows = this.pull()
      if (rows !== undefined || this.isDone) return rows
    }
    progress.batches = scanView(this.view, this.rest())
    return this.nextBatch(progress.batches)
  }

  /** What comes after the last row taken. */
  private rest(): ScanRequest {
    const { request, cursor } = this
    const { lastKey } = cursor
    const rest = {
      ...request,
      chunkRows: PIECE_ROWS_MAX,
      ...(request.limit === undefined ? {} : { limit: this.remaining }),
    }
    if (lastKey === undefined) return rest
    if (request.reverse === true) return { ...rest, upper: lastKey }
    // The least key above another is the same with a zero byte behind.
    const lower = new Uint8Array(lastKey.length + 1)
    lower.set(lastKey)
    return { ...rest, lower }
  }

  private async nextBatch(batches: AsyncGenerator<ColumnBatch>): Promise<Piece<Row>> {
    const next = await batches.next()
    if (next.done === true || this.isDone) {
      this.isDone = true
      return undefined
    }
    const { columns, length } = next.value
    this.progress.taken += length
    if (this.remaining <= 0) this.isDone = true
    return this.codec.rowsOf(columns, 0, length, this.selection)
  }
}

import type { ColumnBatch, RowCodec, Selection } from '@meru/core'
import type { Pin } from '@meru/manifest'
import { BatchPieces, countView, RowPieces, type ReadView, type ScanRequest } from '@meru/view'
import type { Engine } from './engine.ts'
import { ScanRun } from './scan-run.ts'
import { SCAN_UNITS } from './turn-share.ts'

/** A scan of a table, prepared: each of its methods reads anew. */
export class TableScan<Row> {
  private readonly engine: Engine
  private readonly hold: () => { view: ReadView; pin: Pin }
  private readonly codec: RowCodec<Row>
  private readonly selection: Selection
  private readonly request: ScanRequest

  constructor(parts: {
    engine: Engine
    hold: () => { view: ReadView; pin: Pin }
    codec: RowCodec<Row>
    selection: Selection
    request: ScanRequest
  }) {
    this.engine = parts.engine
    this.hold = parts.hold
    this.codec = parts.codec
    this.selection = parts.selection
    this.request = parts.request
  }

  /** The rows as objects, at most `limit`. */
  rows(limit: number): ScanRun<Row[]> {
    const { engine, hold, codec, selection } = this
    const request = { ...this.request, limit: Math.min(limit, this.request.limit ?? limit) }
    return new ScanRun({
      engine,
      hold,
      pieces: (view) => new RowPieces(view, request, codec, selection),
      signal: request.signal,
    })
  }

  /** The rows in columns of the selection. */
  batches(): ScanRun<ColumnBatch> {
    const { engine, hold, request } = this
    return new ScanRun({
      engine,
      hold,
      pieces: (view) => new BatchPieces(view, request),
      signal: request.signal,
    })
  }

  async count(): Promise<number> {
    const { view, pin } = this.hold()
    try {
      const rows = await countView(view, this.request)
      this.engine.turns.spend(SCAN_UNITS + rows)
      await this.engine.turns.due()
      return rows
    } finally {
      this.engine.versions.release(pin)
    }
  }
}

import type { IcebergExport } from '@meru/iceberg'
import type { CompactionReport } from './compactor.ts'
import type { FlushReport } from './flusher.ts'
import type { IngestReport } from './ingest-report.ts'

/** What the engine tells of its work. Plain data; never holds values of rows. */
export type EngineEvent =
  | ({ readonly kind: 'flush'; readonly milliseconds: number } & FlushReport)
  | { readonly kind: 'compaction'; readonly milliseconds: number; readonly report: CompactionReport }
  | ({ readonly kind: 'ingest'; readonly milliseconds: number } & IngestReport)
  | {
      readonly kind: 'stall'
      readonly table: string
      /** From now on; `none`: writers go on as they like. */
      readonly state: 'none' | 'slowdown' | 'stop'
      readonly reason: string
    }
  /** The in-place Iceberg table was made current by itself; see the setting `publish`. */
  | {
      readonly kind: 'publication'
      readonly table: string
      readonly milliseconds: number
      readonly report: IcebergExport
    }
  /** That failed. Writing goes on, readers see the version before, and it is tried again. */
  | { readonly kind: 'publicationError'; readonly table: string; readonly error: Error }
  | { readonly kind: 'backgroundError'; readonly table: string; readonly error: Error }
  /** No worker thread can be started: its work is done on the calling thread. */
  | { readonly kind: 'workersUnavailable'; readonly error: Error }

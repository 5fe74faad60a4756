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
  | { readonly kind: 'backgroundError'; readonly table: string; readonly error: Error }
  /** No worker thread can be started: its work is done on the calling thread. */
  | { readonly kind: 'workersUnavailable'; readonly error: Error }

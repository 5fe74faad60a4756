import type { SeqNo } from '@meru/core'

/** What a bulk load did. */
export interface IngestReport {
  readonly table: string
  /** Rows read from the source. */
  readonly rows: number
  /** Rows of the source that gave way to a later one with the same key. */
  readonly duplicates: number
  /** Rows of the table that new ones took the place of. */
  readonly replaced: number
  readonly files: number
  /** Size of the files. */
  readonly bytes: number
  /** The level they are on. */
  readonly level: number
  /** At this seqno the rows are visible. */
  readonly seqno: SeqNo
}

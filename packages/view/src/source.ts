import type { BytesVector, Vector } from '@meru/core'

/** Rows of a chunk once a scan has shown that it is long; until then chunks double. */
export const CHUNK_ROWS_MAX = 8192

/** Rows that a source hands over at once, adjacent in key order and ascending even when walked backwards. */
export interface SourceChunk {
  readonly length: number
  /** Encoded keys; only if they were asked for. */
  readonly keys: BytesVector | undefined
  /** Parallel to the column ids of the scan. A hidden row may have no slot, see `slots`. */
  readonly columns: readonly Vector[]
  /** Not zero: the row is a deletion, which hides the key in sources below. */
  readonly hidden?: Uint8Array
  /** Where row i lies in `columns`, if not at i. */
  readonly slots?: Uint32Array
}

/** One sorted input of a scan. */
export interface RowSource {
  /** The next rows in walking direction, about `rows` of them, or `undefined` at the end. */
  next(rows: number, options: { keys: boolean }): Promise<SourceChunk | undefined>
}

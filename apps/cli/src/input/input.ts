import type { ColumnType } from '@meru/core'
import type { Cell } from '@meru/formats/parts'

/** Some rows of a file, cells by position of `Input.columns`; a row may be shorter than that. */
export interface RowBatch {
  readonly rows: readonly (readonly Cell[])[]
  /** For each row its place in the file, counted from 1: a line of text, or the row of a Parquet file. */
  readonly places: ArrayLike<number>
  /** How much of `Input.bytes` has been read by now. */
  readonly bytesRead: number
}

/** A column whose type the file itself says. */
export interface TypedColumn {
  readonly name: string
  readonly type: ColumnType
  readonly isNullable: boolean
}

/** A file of rows, read from its start as often as asked for. */
export interface Input {
  /** As the user named it, for messages. */
  readonly path: string
  readonly bytes: number
  /** What `RowBatch.places` counts. */
  readonly unit: 'line' | 'row'
  /** Cells are texts that stand for values, so `1` may be a number; else values have a kind already. */
  readonly isText: boolean
  /** Known before reading where the file has a schema. */
  readonly typed: readonly TypedColumn[] | undefined
  /** The names of the columns, in order. Grows while JSON is read; complete at the end of a reading. */
  readonly columns: readonly string[]
  batches(signal: AbortSignal): AsyncIterable<RowBatch>
  close(): Promise<void>
}

/** Options that change how a file is read. */
export interface InputOptions {
  readonly delimiter: string
}

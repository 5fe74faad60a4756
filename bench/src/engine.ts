import type { Row } from './rows.ts'

/** What a pass over all rows came to: proof that every field of every row was read. */
export interface Totals {
  readonly rows: number
  readonly score: number
  /** Characters of `user` and `payload`. */
  readonly characters: number
}

/** What the sum of `score` by `user` came to. */
export interface GroupTotals {
  readonly groups: number
  readonly total: number
  /** The largest of the sums. */
  readonly largest: number
}

export interface EngineSettings {
  /** Memory for cached pages or blocks, where the engine has such a setting. */
  readonly cacheBytes: number
}

/** An engine's Iceberg export, read by DuckDB. */
export interface ExportedTable {
  sumByUser(): Promise<GroupTotals>
  close(): void
}

/** What the benchmark asks of each engine. An operation that an engine lacks is left out, not imitated. */
export interface Engine {
  readonly name: string
  readonly version: string
  /** Set if it writes one row at a time whatever the caller does: its writers take turns. */
  readonly takesTurns?: boolean
  open(directory: string, settings: EngineSettings): Promise<void>
  close(): Promise<void>
  /** Fills an empty table the fastest way there is; resolves when all of it survives a crash. */
  bulkLoad(batches: Iterable<Row[]>): Promise<void>
  /** Resolves when the row survives a crash. */
  putDurable(row: Row): Promise<unknown>
  /** Resolves when the row is accepted and visible. */
  putBuffered?(row: Row): PromiseLike<unknown>
  putBatch(rows: Row[], options: { readonly durable: boolean }): Promise<unknown>
  getSync?(id: number): Row | undefined
  get?(id: number): Promise<Row | undefined>
  getMany?(ids: number[]): Promise<(Row | undefined)[]>
  /** Reads every row as an object, and every field of it. */
  scanRows(): Promise<Totals>
  /** Reads every column of every row as arrays of values. */
  scanColumns?(): Promise<Totals>
  /** By the fastest way that the engine has. */
  sumByUser(): Promise<GroupTotals>
  /** The `count` rows from an id on, as objects. */
  range(from: number, count: number): Promise<Row[]>
  /** Resolves when no work is left for background threads. */
  settle(): Promise<void>
  /** Moves what was written from memory to its files. */
  flush?(): Promise<void>
  /** Merges all files. */
  compact?(): Promise<void>
  /** Publishes the table for Iceberg readers. */
  export?(): Promise<ExportedTable>
}

/** Why an engine cannot be measured here. */
export class Unavailable extends Error {}

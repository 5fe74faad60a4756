import type { Row } from './rows.ts'

/** What the benchmark asks of each engine. An operation that an engine lacks is left out, not imitated. */
export interface Engine {
  readonly name: string
  readonly version: string
  open(directory: string): Promise<void>
  close(): Promise<void>
  /** Resolves when the row survives a crash. */
  putDurable(row: Row): Promise<unknown>
  /** Resolves when the row is accepted and visible. */
  putBuffered?(row: Row): PromiseLike<unknown>
  putBatch(rows: Row[], options: { durable: boolean }): Promise<unknown>
  getSync?(id: number): Row | undefined
  get?(id: number): Promise<Row | undefined>
  getMany?(ids: number[]): Promise<(Row | undefined)[]>
  /** Reads every row as an object; gives the sum of `score`. */
  scanRows(): Promise<number>
  /** The sum of `score` by the fastest way over all rows that the engine has. */
  sumScore(): Promise<number>
  /** The `count` rows from an id on, as objects; gives how many. */
  range(from: number, count: number): Promise<number>
  /** Brings everything to its resting form on disk. */
  settle(): Promise<void>
  /** Operations that only some engines have, by name. */
  readonly extras?: Readonly<Record<string, () => Promise<number>>>
}

import type { FilterTable } from '@meru/testkit/interop'

/** One snapshot that an export published, and what readers must make of it. */
export interface Exported {
  readonly seed: number
  /** Where it comes from: a history, one whose snapshots expire, a table with every form of deletes, one that changes. */
  readonly kind: 'history' | 'expiry' | 'deletes' | 'evolution'
  readonly formatVersion: 2 | 3
  /** Directory of the table. */
  readonly table: string
  readonly columns: readonly string[]
  /** Names of the key columns. */
  readonly key: readonly string[]
  /** Names of columns with whole numbers. */
  readonly numbers: readonly string[]
  readonly snapshot: number
  /** False once a later export of the table has published. */
  readonly isCurrent: boolean
  /** Path of the newest metadata file. */
  readonly metadata: string
  /** The rows of `scan()` at the moment of the export. */
  readonly lines: readonly string[]
  /** Keys that were put since the export before, as `keyText` spells them. */
  readonly written: ReadonlySet<string>
  readonly hasVectors: boolean
  /** Names that the snapshot has. */
  readonly tags: readonly string[]
  /** Of the files of all snapshots of the table that are kept. */
  readonly partitions: number
}

/** What a reader of appended rows must see of a table. */
export interface Appended {
  readonly formatVersion: 2 | 3
  /** Directory of the table. */
  readonly table: string
  readonly metadata: string
  /** The snapshot after which to begin; up to the newest. */
  readonly after: number
  /** The rows that came since, each once. */
  readonly lines: readonly string[]
}

/** A table for conditions. */
export interface Filtered {
  readonly formatVersion: 2 | 3
  readonly table: string
  readonly metadata: string
  /** The table has times of day, which some readers lack. */
  readonly hasTimes: boolean
  readonly filters: Pick<FilterTable, 'cases' | 'files'>
}

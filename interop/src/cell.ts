/** What is asked of every reader, by the names of the plan of proof. */
export const CHECKS = {
  C1: 'all rows of the current snapshot, value for value',
  C2: 'one row for each key, the declared columns and no other',
  C3: 'all rows of every older snapshot, by its id',
  C4: 'conditions: every comparison with every bound of every file and its neighbours, for every type; a number of conditions',
  C5: 'count, least and greatest values',
  C6: 'all rows of every snapshot of tables with every form of deletes, one of them moved from version 2 to 3',
  C7: 'all rows of every snapshot of tables whose columns change, each under its own schema',
  C8: 'the metadata is what the reader would write, and its totals are those of the files',
  'C8 ids':
    'version 3: rows have ids that no two share; over merges a row keeps its id and the number of its last change, an update gives new ones',
  C12: 'all rows of every snapshot that is kept, where others have expired and files have gone',
  'C12 tags': 'all rows of the snapshots that have names, by name, where others have expired',
  C15: 'rows that came since a snapshot, each once, and none that a merge wrote anew',
} as const

export type Check = keyof typeof CHECKS

/** The result of one reader in one format version. */
export interface Cell {
  readonly reader: string
  readonly version: string
  readonly formatVersion: string
  readonly results: Readonly<Record<Check, Tally>>
  /** Why the known failures happen. */
  readonly reasons: Set<string>
}

export interface Tally {
  passed: number
  failed: number
  /** Of the first failure. */
  reason: string
  /** Failures that the reader is known for, whoever writes the table. */
  known: number
}

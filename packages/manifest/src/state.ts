import { compareKeys, type SstMeta, type TableSchema } from '@meru/core'
import { puffinPath, sstPath } from './file-names.ts'
import { FORMAT_VERSION } from './format.ts'

/** Where the dead positions of one SST are: a blob in a Puffin file of the same table. */
export interface DeadRef {
  /** UUID of the Puffin file; see `puffinPath`. */
  readonly file: string
  /** Byte offset of the blob in the file. */
  readonly offset: number
  /** Bytes of the blob. */
  readonly length: number
  /** Dead rows; less than the rows of the SST, whose last row takes the SST out of the version. */
  readonly cardinality: number
}

/** An SST as a version sees it. `level` is where it stands now; a trivial move changes it. */
export interface SstFile extends SstMeta {
  /** Absent while every row is live. */
  readonly dead?: DeadRef
}

/** The first log segment that is still needed. Order: by epoch, then by segment. */
export interface WalFloor {
  readonly epoch: number
  readonly segment: number
}

/** One table of a version. */
export interface TableState {
  /** From 1 up; never reused within a database. */
  readonly id: number
  readonly name: string
  /** Every schema the table ever had; `schemas[i].schemaId` is `i`. */
  readonly schemas: readonly TableSchema[]
  /** The schema of new rows: the last of `schemas`. */
  readonly schemaId: number
  /** Every write to this table with a seqno up to this one is in its SSTs. Never decreases. */
  readonly flushedSeqno: number
  /**
   * Sorted by level; within level 0 the newest first (highest `maxSeqno`), deeper by `minKey`.
   * Deeper levels never overlap in key range.
   */
  readonly files: readonly SstFile[]
  readonly properties: Readonly<Record<string, string>>
}

/** A version of the whole database: which files are it. Immutable; a commit makes the next one. */
export interface DatabaseState {
  /** Version of the on-disk format that the database was read from or will be written in. */
  readonly formatVersion: number
  /** Id of the manifest file that made this state; 0 before the first. */
  readonly manifestId: number
  /** The epoch of the writer that made this state. */
  readonly epoch: number
  /** The nonce of the writer that made this state. */
  readonly owner: string
  /** At least every seqno in an SST, and every seqno given out when this state was committed. */
  readonly lastSeqno: number
  readonly walFloor: WalFloor
  readonly nextTableId: number
  readonly tables: ReadonlyMap<number, TableState>
}

/** The state of a database that nothing was ever committed to. */
export function emptyState(): DatabaseState {
  return {
    formatVersion: FORMAT_VERSION,
    manifestId: 0,
    epoch: 0,
    owner: '',
    lastSeqno: 0,
    walFloor: { epoch: 0, segment: 0 },
    nextTableId: 1,
    tables: new Map(),
  }
}

/** The table of that name, or `undefined`. */
export function findTable(state: DatabaseState, name: string): TableState | undefined {
  for (const table of state.tables.values()) if (table.name === name) return table
  return undefined
}

/** The schema of new rows. */
export function currentSchema(table: TableState): TableSchema {
  return schemaById(table, table.schemaId)
}

/** The schema with that id. Throws a `TypeError` if the table never had it. */
export function schemaById(table: TableState, schemaId: number): TableSchema {
  const schema = table.schemas[schemaId]
  if (schema === undefined) throw new TypeError(`table ${table.name} has no schema ${schemaId}`)
  return schema
}

/** The SST with that id, or `undefined`. */
export function findFile(table: TableState, fileId: string): SstFile | undefined {
  return table.files.find((file) => file.id === fileId)
}

/** Rows of an SST that are not dead. */
export function liveRows(file: SstFile): number {
  return file.rows - (file.dead?.cardinality ?? 0)
}

/** The order of `TableState.files`. */
export function compareFiles(a: SstFile, b: SstFile): number {
  if (a.level !== b.level) return a.level - b.level
  const order = a.level === 0 ? b.maxSeqno - a.maxSeqno : compareKeys(a.minKey, b.minKey)
  if (order !== 0) return order
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

/** Negative, zero or positive, as `a` is before, at or after `b`. */
export function compareWalFloors(a: WalFloor, b: WalFloor): number {
  return a.epoch - b.epoch || a.segment - b.segment
}

/** Adds the path of every file that a table names: its SSTs and the Puffin files they refer to. */
export function addFilePaths(table: TableState, into: Set<string>): void {
  for (const file of table.files) {
    into.add(sstPath(table.name, file.id))
    if (file.dead !== undefined) into.add(puffinPath(table.name, file.dead.file))
  }
}

/** The path of every file that a state names. */
export function filePaths(state: DatabaseState): Set<string> {
  const paths = new Set<string>()
  for (const table of state.tables.values()) addFilePaths(table, paths)
  return paths
}

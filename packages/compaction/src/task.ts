import type { BytesVector, TableSchema } from '@meru/core'
import type { DeadRef, SstFile } from '@meru/manifest'
import type { Memtable } from '@meru/memtable'
import type { DeadPositions, FileLineage, SstLayout, SstReader } from '@meru/sst'
import type { MergeJob } from './merge-job.ts'

/** A sealed memtable to be written to level 0. */
export interface FlushTask {
  /** The id of the SST to write, and its path. */
  readonly id: string
  readonly path: string
  readonly schema: TableSchema
  readonly layout: SstLayout
  readonly memtable: Memtable
}

/** An SST of a version: open on this thread, and how another thread can open it. */
export interface TaskFile {
  readonly file: SstFile
  /** The schema that the file was written under. */
  readonly schema: TableSchema
  readonly reader: SstReader
  /** What `file.dead` names. */
  readonly dead: DeadPositions
}

/** Files to be merged into one level. */
export interface MergeTask {
  /** The name of the table. */
  readonly table: string
  readonly inputs: readonly TaskFile[]
  readonly schema: TableSchema
  readonly level: number
  readonly layout: SstLayout
  readonly fileBytesTarget: number
  /** See `OutputOptions`. */
  readonly cuts?: readonly Uint8Array[] | undefined
  /** See `MergeJob`. */
  readonly sharedKeys?: MergeJob['sharedKeys']
  /**
   * For a table whose published rows have ids: what readers know of the inputs, by file id. The outputs then
   * keep it; an input that is absent is not published.
   */
  readonly lineage?: ReadonlyMap<string, FileLineage> | undefined
}

/** Rows of bulk input to be written as columns; see `RunJob`. */
export interface RunTask {
  /** The name of the table. */
  readonly table: string
  /** As in `RunJob`. Asked for one when those before it are written. */
  readonly parts: AsyncIterable<Memtable>
  readonly seqno: number
  readonly schema: TableSchema
  readonly level: number
  readonly layout: SstLayout
  readonly fileBytesTarget: number
}

/** Keys whose live rows in older files die; see `resolveDead`. */
export interface ResolveTask {
  /** The name of the table. */
  readonly table: string
  /** Sorted and unique. Given away: another thread may take the memory. */
  readonly keys: BytesVector
  /** Newest first. */
  readonly targets: readonly TaskFile[]
  /** The UUID of the Puffin file that gets the grown sets. */
  readonly puffinId: string
}

/** Deaths among the inputs of a merge that its outputs must have; see `carryOver`. */
export interface CarryOverTask {
  /** The name of the table. */
  readonly table: string
  readonly inputs: readonly LateInput[]
  readonly outputs: readonly TaskFile[]
  /** As in `ResolveTask`. */
  readonly puffinId: string
}

/** An input of a merge, as it was when the merge began and as it is at its end. */
export interface LateInput {
  readonly before: TaskFile
  /** Absent: it left the version, for every row died. */
  readonly now: TaskFile | undefined
}

/** What died in one SST. */
export interface DeadUpdate {
  readonly id: string
  /** What died, ascending. */
  readonly positions: Uint32Array
  /** Where the grown set is; `undefined` if no row is live any more. */
  readonly ref: DeadRef | undefined
  /** The grown set, if this thread made it. */
  readonly dead?: DeadPositions
}

export interface JobControl {
  readonly signal?: AbortSignal | undefined
  /** Rows done since the last call. */
  readonly onProgress?: ((rows: number) => void) | undefined
}

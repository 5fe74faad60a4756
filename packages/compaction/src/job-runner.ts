import type { SstMeta, TableSchema } from '@meru/core'
import type { Environment, FileSystem } from '@meru/fs'
import type { Memtable } from '@meru/memtable'
import type { SstLayout } from '@meru/sst'
import { flushMemtable, type FlushOutput } from './flush.ts'
import { runMerge, type MergeJob } from './merge-job.ts'
import type { MergeInput } from './merge-source.ts'
import { writeRun } from './run-job.ts'
import type { OutputOptions } from './sst-output.ts'

/** A sealed memtable to be written to level 0. */
export interface FlushTask {
  /** The id of the SST to write, and its path. */
  readonly id: string
  readonly path: string
  readonly schema: TableSchema
  readonly layout: SstLayout
  readonly memtable: Memtable
}

/** Files to be merged into one level. */
export interface MergeTask {
  readonly inputs: readonly MergeInput[]
  readonly schema: TableSchema
  readonly level: number
  readonly layout: SstLayout
  readonly fileBytesTarget: number
  /** Where the inputs are and the outputs go; a file is `<id>.parquet` in it. */
  readonly directory: string
  /** See `MergeJob`. */
  readonly sharedKeys?: MergeJob['sharedKeys']
}

/** Rows of bulk input to be written as columns; see `RunJob`. */
export interface RunTask {
  readonly memtable: Memtable
  readonly seqno: number
  readonly schema: TableSchema
  readonly level: number
  readonly layout: SstLayout
  readonly fileBytesTarget: number
  /** Where the files go. */
  readonly directory: string
}

export interface JobControl {
  readonly signal?: AbortSignal | undefined
  /** Rows done since the last call. */
  readonly onProgress?: ((rows: number) => void) | undefined
}

/** Where the work of flushes and merges is done: on this thread, or on others. */
export interface JobRunner {
  flush(task: FlushTask): Promise<FlushOutput>
  /** Files that it wrote are removed again if it fails or is aborted. */
  merge(task: MergeTask, control: JobControl): Promise<SstMeta[]>
  /** Writes rows in key order. Files that it wrote are removed again if it fails or is aborted. */
  writeRun(task: RunTask, control: JobControl): Promise<SstMeta[]>
  /** Ends the threads. Jobs must have ended. */
  close(): Promise<void>
}

/** The path of a file of a merge. */
export function mergeFilePath(directory: string, id: string): string {
  return `${directory}/${id}.parquet`
}

/** Does the work on the calling thread, and gives way to other work between batches. */
export class InlineRunner implements JobRunner {
  private readonly parts: { readonly fs: FileSystem; readonly env: Environment }
  private readonly breathe: () => Promise<void>

  constructor(parts: { fs: FileSystem; env: Environment; breathe: () => Promise<void> }) {
    this.parts = parts
    this.breathe = parts.breathe
  }

  flush(task: FlushTask): Promise<FlushOutput> {
    return flushMemtable({ ...task, fs: this.parts.fs, breathe: this.breathe })
  }

  merge(task: MergeTask, control: JobControl): Promise<SstMeta[]> {
    const { inputs, sharedKeys } = task
    const output = this.outputOf(task)
    return runMerge({ inputs, output, breathe: this.breathe, sharedKeys, ...control })
  }

  writeRun(task: RunTask, control: JobControl): Promise<SstMeta[]> {
    const { memtable, seqno } = task
    return writeRun({ memtable, seqno, output: this.outputOf(task), breathe: this.breathe, ...control })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private outputOf(task: Omit<MergeTask, 'inputs'>): OutputOptions {
    const { fs, env } = this.parts
    const { schema, level, layout, fileBytesTarget, directory } = task
    const newFile = (): { id: string; path: string } => {
      const id = env.uuid()
      return { id, path: mergeFilePath(directory, id) }
    }
    return { fs, schema, level, layout, fileBytesTarget, newFile }
  }
}

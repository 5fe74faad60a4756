import { projectionBetween, type SstMeta } from '@meru/core'
import type { Environment, FileSystem } from '@meru/fs'
import { sstPath } from '@meru/manifest'
import { carryOver } from './carry-over.ts'
import { writeDeadPositions } from './dead-files.ts'
import { flushMemtable, type FlushOutput } from './flush.ts'
import { runMerge } from './merge-job.ts'
import type { MergeInput } from './merge-source.ts'
import { writeRun } from './run-job.ts'
import type { OutputOptions } from './sst-output.ts'
import { resolveDead, type DeadRows, type ResolveTarget } from './resolve.ts'
import type {
  CarryOverTask,
  DeadUpdate,
  FlushTask,
  JobControl,
  MergeTask,
  ResolveTask,
  RunTask,
  TaskFile,
} from './task.ts'

/** Where the work of flushes and merges is done: on this thread, or on others. Nothing that it does is a commit. */
export interface JobRunner {
  /** A merge or a run comes soon: what takes time to start may start now. */
  prepare(): void
  /** The file is removed again if it fails. */
  flush(task: FlushTask): Promise<FlushOutput>
  /** Files that it wrote are removed again if it fails or is aborted. */
  merge(task: MergeTask, control: JobControl): Promise<SstMeta[]>
  /** Writes rows in key order. Files that it wrote are removed again if it fails or is aborted. */
  writeRun(task: RunTask, control: JobControl): Promise<SstMeta[]>
  /** What dies in the targets, written to a Puffin file if any set grew; it is removed again if that fails. */
  resolve(task: ResolveTask): Promise<DeadUpdate[]>
  carryOver(task: CarryOverTask): Promise<DeadUpdate[]>
  /** These files left the version: no later job names them. */
  forget(fileIds: readonly string[]): void
  /** Ends the threads. Jobs must have ended. */
  close(): Promise<void>
}

/** Does the work on the calling thread, and gives way to other work between batches. */
export class InlineRunner implements JobRunner {
  private readonly parts: { readonly fs: FileSystem; readonly env: Environment }
  private readonly breathe: () => Promise<void>

  constructor(parts: { fs: FileSystem; env: Environment; breathe: () => Promise<void> }) {
    this.parts = parts
    this.breathe = parts.breathe
  }

  prepare(): void {
    // There is nothing to start.
  }

  flush(task: FlushTask): Promise<FlushOutput> {
    return flushMemtable({ ...task, fs: this.parts.fs, breathe: this.breathe })
  }

  merge(task: MergeTask, control: JobControl): Promise<SstMeta[]> {
    const { sharedKeys } = task
    const keepsLineage = task.lineage !== undefined
    const inputs = task.inputs.map((file) => mergeInput(file, inputOf(file), task))
    const job = { inputs, output: this.outputOf(task), breathe: this.breathe, sharedKeys, keepsLineage }
    return runMerge({ ...job, ...control })
  }

  writeRun(task: RunTask, control: JobControl): Promise<SstMeta[]> {
    const { parts, seqno } = task
    return writeRun({ parts, seqno, output: this.outputOf(task), breathe: this.breathe, ...control })
  }

  async resolve({ table, puffinId, keys, targets }: ResolveTask): Promise<DeadUpdate[]> {
    const found = await resolveDead(keys, targets.map(targetOf))
    return growDead(this.parts.fs, { table, puffinId }, found, (id) => fileOf(targets, id))
  }

  async carryOver({ table, puffinId, inputs, outputs }: CarryOverTask): Promise<DeadUpdate[]> {
    const now = new Map(inputs.map((input) => [input.before.file.id, input.now?.dead]))
    const before = inputs.map((input) => inputOf(input.before))
    const late = await carryOver(before, (id) => now.get(id), outputs.map(targetOf))
    return growDead(this.parts.fs, { table, puffinId }, late, (id) => fileOf(outputs, id))
  }

  forget(): void {
    // Files are opened and closed by those who hand out tasks.
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private outputOf(task: OutputTask): OutputOptions {
    const { fs, env } = this.parts
    return outputOf(fs, env, task, () => undefined)
  }
}

type OutputTask = Pick<MergeTask, 'table' | 'schema' | 'level' | 'layout' | 'fileBytesTarget' | 'cuts'>

/** Where a job writes to. `onFile` is told of each file before it is made. */
export function outputOf(
  fs: FileSystem,
  env: Pick<Environment, 'uuid'>,
  { table, schema, level, layout, fileBytesTarget, cuts }: OutputTask,
  onFile: (path: string) => void,
): OutputOptions {
  const newFile = (): { id: string; path: string } => {
    const id = env.uuid()
    const path = sstPath(table, id)
    onFile(path)
    return { id, path }
  }
  return { fs, schema, level, layout, fileBytesTarget, cuts, newFile }
}

/** Writes the sets of files that grew by what was found. */
export async function growDead(
  fs: FileSystem,
  target: { readonly table: string; readonly puffinId: string },
  found: readonly DeadRows[],
  stateOf: (id: string) => { readonly rows: number; readonly dead: DeadPositions },
): Promise<DeadUpdate[]> {
  const grown = found.map(({ id, positions }) => {
    const { rows, dead } = stateOf(id)
    return { id, rows, positions, dead: dead.with(positions) }
  })
  const refs = await writeDeadPositions(fs, target, grown)
  return grown.map(({ id, positions, dead }, index) => ({ id, positions, ref: refs[index], dead }))
}

type DeadPositions = TaskFile['dead']

/** An input of a merge, read under the schema that the merge writes. */
export function mergeInput<Input extends MergeInput>(
  { schema }: Pick<TaskFile, 'schema'>,
  input: Input,
  task: Pick<MergeTask, 'schema' | 'lineage'>,
): Input {
  const lineage = task.lineage?.get(input.id)
  return { ...input, lineage, projection: projectionBetween(schema, task.schema) }
}

export function inputOf({ file, reader, dead }: TaskFile): MergeInput {
  return { id: file.id, level: file.level, rows: file.rows, reader, dead }
}

export function targetOf({ file, reader, dead }: TaskFile): ResolveTarget {
  return { id: file.id, reader, dead }
}

function fileOf(files: readonly TaskFile[], id: string): { rows: number; dead: DeadPositions } {
  const { file, dead } = files.find((candidate) => candidate.file.id === id) as TaskFile
  return { rows: file.rows, dead }
}

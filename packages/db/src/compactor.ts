import type { SstMeta } from '@meru/core'
import type { Environment } from '@meru/fs'
import type { CompactionJob, JobRunner, TaskFile } from '@meru/compaction'
import type { TableLineage } from '@meru/iceberg'
import { dataDirectory, findFile, schemaById, sstPath, type Change, type TableState } from '@meru/manifest'
import { DeadPositions, hasRowLineage, type SstLayout, type SstReader } from '@meru/sst'
import { evenTarget } from './even-target.ts'
import { type DeadChange, deadChanges, discardDeadPositions } from './dead-changes.ts'
import { taskFiles } from './flusher.ts'
import { lineageHolds, tableLineage } from './row-lineage.ts'
import type { TableStore } from './table-store.ts'
import type { VersionStore } from './version-store.ts'

export interface CompactorParts {
  readonly env: Environment
  readonly versions: VersionStore
  readonly fileBytesTarget: number
  readonly layoutFor: (level: number) => SstLayout
  readonly runner: JobRunner
}

export interface CompactionReport {
  readonly table: string
  readonly kind: CompactionJob['kind']
  readonly outputLevel: number
  readonly inputFiles: number
  readonly inputBytes: number
  readonly outputFiles: number
  readonly outputBytes: number
}

export interface CompactionControl {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: { rowsDone: number; rowsTotal: number }) => void) | undefined
}

/** Carries a job out and commits it. Reads and flushes go on meanwhile. */
export async function runCompaction(
  parts: CompactorParts,
  table: TableStore,
  job: CompactionJob,
  control: CompactionControl,
): Promise<CompactionReport> {
  return job.kind === 'move' ? moveFile(parts, table, job) : mergeFiles(parts, table, job, control)
}

async function moveFile(
  parts: CompactorParts,
  table: TableStore,
  job: CompactionJob & { kind: 'move' },
): Promise<CompactionReport> {
  const { versions } = parts
  const { kind, input, outputLevel } = job
  return table.order.commits.run(async () => {
    const state = versions.current.tables.get(table.id)
    const file = state === undefined ? undefined : findFile(state, input)
    // A flush may have made its last row dead since the job was picked; then it is gone already.
    const bytes = file?.bytes ?? 0
    const files = file === undefined ? 0 : 1
    if (file !== undefined) {
      const change: Change = { kind: 'moveFile', tableId: table.id, fileId: input, level: outputLevel }
      await versions.commit({ changes: [change] }, {}, () => table.install(versions.tableVersion(table.id)))
    }
    const sizes = { inputFiles: files, inputBytes: bytes, outputFiles: files, outputBytes: bytes }
    return { table: table.name, kind, outputLevel, ...sizes }
  })
}

async function mergeFiles(
  parts: CompactorParts,
  table: TableStore,
  job: CompactionJob & { kind: 'merge' },
  control: CompactionControl,
): Promise<CompactionReport> {
  const { versions } = parts
  const pin = versions.pin()
  try {
    const state = versions.current.tables.get(table.id)
    const wanted = new Set(job.inputs)
    const inputs =
      state === undefined ? [] : taskFiles(table.version, state).filter(({ file }) => wanted.has(file.id))
    const outputs = await mergeAndCommit(parts, table, { ...job, inputs }, control)
    return {
      table: table.name,
      kind: job.kind,
      outputLevel: job.outputLevel,
      inputFiles: inputs.length,
      inputBytes: inputs.reduce((sum, { file }) => sum + file.bytes, 0),
      outputFiles: outputs.length,
      outputBytes: outputs.reduce((sum, output) => sum + output.bytes, 0),
    }
  } finally {
    versions.release(pin)
  }
}

/**
 * Merges, and commits if the rows then still are what readers of the published table take them for. If some of the
 * inputs were published meanwhile, their rows have ids that the outputs lack: the merge is done over, at most once
 * for each input.
 */
async function mergeAndCommit(
  parts: CompactorParts,
  table: TableStore,
  job: Omit<CompactionJob & { kind: 'merge' }, 'inputs'> & { readonly inputs: readonly TaskFile[] },
  control: CompactionControl,
): Promise<readonly SstMeta[]> {
  const { inputs, outputLevel, cuts } = job
  const { versions } = parts
  const ids = inputs.map(({ file }) => file.id)
  const rowsTotal = inputs.reduce((sum, { file, dead }) => sum + file.rows - dead.cardinality, 0)
  for (;;) {
    const lineage = await tableLineage(versions.fs, table)
    let rowsDone = 0
    const onProgress = (rows: number): void =>
      control.onProgress?.({ rowsDone: (rowsDone += rows), rowsTotal })
    const task = {
      table: table.name,
      inputs,
      schema: table.schema,
      level: outputLevel,
      layout: parts.layoutFor(outputLevel),
      fileBytesTarget: evenTarget(
        parts.fileBytesTarget,
        inputs.map(({ file }) => file),
      ),
      cuts,
      lineage: lineageOf(lineage, inputs),
    }
    const outputs = await parts.runner.merge(task, { signal: control.signal, onProgress })
    const isCommitted = await table.order.commits.run(async () => {
      if (!(await lineageHolds(versions.fs, table, lineage, ids))) return false
      await commitMerge(parts, table, inputs, outputs)
      return true
    })
    if (isCommitted) return outputs
    await removeFiles(versions, table, outputs)
  }
}

/** What the published table lends to rows of the inputs; `undefined` if no row has an id to keep. */
function lineageOf(lineage: TableLineage | undefined, inputs: readonly TaskFile[]): TableLineage | undefined {
  if (lineage === undefined) return undefined
  const known = inputs.flatMap(({ file: { id } }) => {
    const file = lineage.get(id)
    return file === undefined ? [] : [[id, file] as const]
  })
  const isKept = known.length > 0 || inputs.some(({ file }) => hasRowLineage(file))
  return isKept ? new Map(known) : undefined
}

/** Runs while no flush of the table can commit: deaths of the inputs up to now are carried over. */
async function commitMerge(
  parts: CompactorParts,
  table: TableStore,
  inputs: readonly TaskFile[],
  outputs: readonly SstMeta[],
): Promise<void> {
  const { versions } = parts
  const state = versions.current.tables.get(table.id)
  if (state === undefined) return removeFiles(versions, table, outputs)
  const readers = new Map<string, SstReader>()
  let written: DeadChange | undefined
  let unused: readonly SstMeta[] = []
  try {
    await versions.fs.syncDirectory(dataDirectory(table.name))
    for (const meta of outputs) readers.set(meta.id, await versions.openReader(state, meta))
    const files = outputs.map((meta): TaskFile => {
      const reader = readers.get(meta.id) as SstReader
      return { file: meta, schema: schemaById(state, meta.schemaId), reader, dead: DeadPositions.empty }
    })
    written = await lateDeaths(parts, table, { inputs, now: taskFiles(table.version, state), outputs: files })
    const edit = mergeEdit(table, { state, inputs, outputs, deadChanges: written.changes })
    unused = edit.unused
    for (const meta of unused) {
      await readers.get(meta.id)?.close()
      readers.delete(meta.id)
    }
    await versions.commit({ changes: edit.changes }, { readers, dead: written.dead }, () => {
      table.install(versions.tableVersion(table.id))
    })
  } catch (error) {
    for (const reader of readers.values()) await reader.close()
    if (!versions.outcomeUnknown) await removeFiles(versions, table, outputs)
    if (written !== undefined) await discardDeadPositions(versions, written)
    throw error
  }
  parts.runner.forget(inputs.map(({ file }) => file.id))
  await removeFiles(versions, table, unused)
}

/** What died in the inputs since the merge began, as deaths in its outputs. */
async function lateDeaths(
  { env, runner }: CompactorParts,
  table: TableStore,
  job: { inputs: readonly TaskFile[]; now: readonly TaskFile[]; outputs: readonly TaskFile[] },
): Promise<DeadChange> {
  const now = new Map(job.now.map((current) => [current.file.id, current]))
  const inputs = job.inputs.map((before) => ({ before, now: now.get(before.file.id) }))
  const isLate = inputs.some((input) => input.now?.dead.cardinality !== input.before.dead.cardinality)
  const { outputs } = job
  const puffinId = env.uuid()
  const updates = isLate ? await runner.carryOver({ table: table.name, inputs, outputs, puffinId }) : []
  return deadChanges(env, { table, puffinId, files: outputs }, updates)
}

/** An output whose every row died meanwhile never enters the version. */
function mergeEdit(
  table: TableStore,
  job: {
    state: TableState
    inputs: readonly TaskFile[]
    outputs: readonly SstMeta[]
    deadChanges: readonly Change[]
  },
): { changes: Change[]; unused: SstMeta[] } {
  const gone = new Set(
    job.deadChanges.flatMap((change) => (change.kind === 'removeFile' ? [change.fileId] : [])),
  )
  const changes: Change[] = []
  for (const input of job.inputs) {
    if (findFile(job.state, input.file.id) === undefined) continue
    changes.push({ kind: 'removeFile', tableId: table.id, fileId: input.file.id })
  }
  for (const meta of job.outputs) {
    if (!gone.has(meta.id)) changes.push({ kind: 'addFile', tableId: table.id, file: meta })
  }
  changes.push(...job.deadChanges.filter((change) => change.kind === 'setDead'))
  return { changes, unused: job.outputs.filter((meta) => gone.has(meta.id)) }
}

/** Removes files that are in no version. What cannot be removed is swept at the next open. */
async function removeFiles(
  versions: VersionStore,
  table: TableStore,
  files: readonly SstMeta[],
): Promise<void> {
  for (const meta of files) await versions.fs.remove(sstPath(table.name, meta.id)).catch(() => undefined)
}

import {
  CorruptionError,
  gatherVectors,
  KeyMerger,
  type BytesVector,
  type SstMeta,
  type Vector,
} from '@meru/core'
import { withRowLineage } from '@meru/sst'
import { MergeSource, type MergeChunk, type MergeInput } from './merge-source.ts'
import { SstOutput, type OutputOptions, type SstBatch } from './sst-output.ts'

/** Rows read from an input and written to an output at a time. Bounds the memory of a job. */
const CHUNK_ROWS = 8192

export interface MergeJob {
  /** Files of one level from 1 up are in key order. */
  readonly inputs: readonly MergeInput[]
  /**
   * What two inputs with one key mean: `refuse`, the default, that the version is damaged; `first`, that the row of
   * the input named first stays.
   */
  readonly sharedKeys?: 'refuse' | 'first' | undefined
  readonly output: OutputOptions
  /** The outputs keep what readers of the published table call the rows. */
  readonly keepsLineage?: boolean | undefined
  /** Lets other work of the event loop run; called between batches. */
  readonly breathe: () => Promise<void>
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((rows: number) => void) | undefined
}

/**
 * Merges the live rows of the inputs into new SSTs of the output level. Keys decide a permutation and
 * the columns are gathered by it; no row is built. Files it wrote are removed again if it fails.
 * Throws `CorruptionError` if two inputs hold the same key live, which a version never allows (I1).
 */
export async function runMerge(job: MergeJob): Promise<SstMeta[]> {
  const { output: options, keepsLineage } = job
  const schema = keepsLineage === true ? withRowLineage(options.schema) : options.schema
  const output = new SstOutput({ ...options, schema })
  try {
    for await (const batch of mergedBatches(job)) {
      job.signal?.throwIfAborted()
      await output.append(batch)
      job.onProgress?.(batch.length)
      await job.breathe()
    }
    const files = await output.finish()
    job.signal?.throwIfAborted()
    return files
  } catch (error) {
    // What cannot be removed now is swept at the next open; the first failure is the one to tell.
    await output.abort().catch(() => undefined)
    throw error
  }
}

/** Files of level 0 may overlap, so each is a source of its own; the files of a deeper level are one. */
function sourcesOf(job: MergeJob): MergeSource[] {
  const options = {
    columnIds: job.output.schema.columns.map((column) => column.id),
    chunkRows: CHUNK_ROWS,
    keepsLineage: job.keepsLineage === true,
  }
  const groups = new Map<string, MergeInput[]>()
  for (const input of job.inputs) {
    const group = input.level === 0 ? input.id : `level ${input.level}`
    groups.set(group, [...(groups.get(group) ?? []), input])
  }
  return [...groups.values()].map((inputs) => new MergeSource(inputs, options))
}

async function* mergedBatches(job: MergeJob): AsyncGenerator<SstBatch, void, undefined> {
  const sources = sourcesOf(job)
  const merger = new KeyMerger(sources.length, { reverse: false })
  const chunks: (MergeChunk | undefined)[] = sources.map(() => undefined)
  const sourceOf = new Uint16Array(CHUNK_ROWS)
  const rowOf = new Uint32Array(CHUNK_ROWS)
  for (;;) {
    const count = merger.fill(sourceOf, rowOf, CHUNK_ROWS)
    if (merger.shadowed > 0 && job.sharedKeys !== 'first') throw sharedKey(job)
    if (count > 0) yield gatherBatch(chunks, sourceOf, rowOf, count)
    const source = merger.wanting
    if (source < 0) {
      if (count === 0) return
      continue
    }
    const chunk = await sources[source].next()
    chunks[source] = chunk
    if (chunk === undefined) merger.end(source)
    else merger.supply(source, chunk.keys)
  }
}

function sharedKey(job: MergeJob): CorruptionError {
  const file = job.inputs.map((input) => input.id).join(', ')
  return new CorruptionError({ file }, 'two files of one version hold the same key live; restore or verify')
}

function gatherBatch(
  chunks: readonly (MergeChunk | undefined)[],
  sourceOf: Uint16Array,
  rowOf: Uint32Array,
  length: number,
): SstBatch {
  const present = chunks.find((chunk) => chunk !== undefined) as MergeChunk
  const gather = (pick: (chunk: MergeChunk) => Vector): Vector =>
    gatherVectors(
      chunks.map((chunk) => pick(chunk ?? present)),
      sourceOf,
      rowOf,
      length,
    )
  const seqnos = new Float64Array(length)
  for (let i = 0; i < length; i++) seqnos[i] = (chunks[sourceOf[i]] as MergeChunk).seqnos[rowOf[i]]
  return {
    length,
    keys: gather((chunk) => chunk.keys) as BytesVector,
    columns: present.columns.map((_, column) => gather((chunk) => chunk.columns[column])),
    seqnos,
  }
}

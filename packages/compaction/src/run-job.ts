import { BytesBuilder, Shredder, type SstMeta } from '@meru/core'
import type { Memtable } from '@meru/memtable'
import { SstOutput, type OutputOptions } from './sst-output.ts'

/** Rows turned into columns at a time: the memory of a job beside the memtable and one row group. */
const BATCH_ROWS = 4096

/** Rows of bulk input, collected in memtables, to be written as columns. */
export interface RunJob {
  /**
   * Sealed memtables that hold puts alone, the keys of each above those of the one before. Of rows with one key the
   * newest is written.
   */
  readonly parts: AsyncIterable<Memtable>
  /** Stands in the file for the seqno of every row; the commit that adds the file says the real one. */
  readonly seqno: number
  /** Of a level from 1 up. */
  readonly output: OutputOptions
  /** Lets other work of the event loop run; called between batches. */
  readonly breathe: () => Promise<void>
  readonly signal?: AbortSignal | undefined
}

/**
 * Writes the rows of memtables to SSTs, in key order. The files are synced, their directory is not. Files
 * it wrote are removed again if it fails.
 */
export async function writeRun(job: RunJob): Promise<SstMeta[]> {
  const output = new SstOutput(job.output)
  const shredder = new Shredder(job.output.schema)
  const keys = new BytesBuilder()
  const emit = async (): Promise<void> => {
    job.signal?.throwIfAborted()
    const length = shredder.length
    const seqnos = new Float64Array(length).fill(job.seqno)
    await output.append({ length, keys: keys.finish(), columns: shredder.finish(), seqnos })
    await job.breathe()
  }
  try {
    for await (const memtable of job.parts) {
      const { bytes } = memtable
      for (const ref of memtable.sortedRefs()) {
        const keyStart = memtable.keyStartOf(ref)
        const keyEnd = memtable.keyEndOf(ref)
        keys.append(bytes, keyStart, keyEnd)
        shredder.append(bytes, keyStart, keyEnd, memtable.valueStartOf(ref), memtable.valueEndOf(ref))
        if (shredder.length === BATCH_ROWS) await emit()
      }
    }
    job.signal?.throwIfAborted()
    if (shredder.length > 0) await emit()
    return await output.finish()
  } catch (error) {
    // What cannot be removed now is swept at the next open; the first failure is the one to tell.
    await output.abort().catch(() => undefined)
    throw error
  }
}

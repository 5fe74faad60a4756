import {
  BytesBuilder,
  KIND_PUT,
  Shredder,
  type BytesVector,
  type SstMeta,
  type TableSchema,
} from '@meru/core'
import type { FileSystem } from '@meru/fs'
import type { Memtable } from '@meru/memtable'
import { SstWriter, type SstLayout } from '@meru/sst'

/** Entries turned into columns at a time: the memory of a flush beside the memtable. */
const BATCH_ROWS = 4096

export interface FlushInput {
  readonly fs: FileSystem
  /** The id of the SST to write, and its path. */
  readonly id: string
  readonly path: string
  readonly schema: TableSchema
  readonly layout: SstLayout
  /** Sealed; every entry of it may become durable. */
  readonly memtable: Memtable
  /** Lets other work of the event loop run; called between batches. */
  readonly breathe: () => Promise<void>
}

export interface FlushOutput {
  /** Absent if the memtable holds no put as the newest version of any key. */
  readonly meta: SstMeta | undefined
  /** Every key of the memtable, deletions included, sorted: what must be dead in older SSTs. */
  readonly keys: BytesVector
}

/**
 * Writes the newest put of each key of a sealed memtable to an SST of level 0. Deletions leave nothing
 * in it: they act through `keys`, as dead positions. The file is synced, its directory is not.
 */
export async function flushMemtable(input: FlushInput): Promise<FlushOutput> {
  const { memtable, schema } = input
  const keys = new BytesBuilder()
  const batch = new BatchBuilder(schema)
  let writer: SstWriter | undefined
  const emit = async (): Promise<void> => {
    writer ??= await SstWriter.create({ ...input, level: 0 })
    await writer.append(batch.finish())
    await input.breathe()
  }
  try {
    const cursor = memtable.cursor({ seqnoMax: Number.MAX_SAFE_INTEGER })
    for (let ref = cursor.next(); ref !== 0; ref = cursor.next()) {
      keys.append(memtable.bytes, memtable.keyStartOf(ref), memtable.keyEndOf(ref))
      if (memtable.kindOf(ref) !== KIND_PUT) continue
      batch.append(memtable, ref)
      if (batch.length === BATCH_ROWS) await emit()
    }
    if (batch.length > 0) await emit()
    return { meta: await writer?.finish(), keys: keys.finish() }
  } catch (error) {
    // What cannot be removed now is swept at the next open; the first failure is the one to tell.
    await writer?.abort().catch(() => undefined)
    throw error
  }
}

/** Rows of a memtable as one batch of an SST. */
class BatchBuilder {
  length = 0
  private readonly shredder: Shredder
  private readonly keys = new BytesBuilder()
  private readonly values = new BytesBuilder()
  private seqnos = new Float64Array(BATCH_ROWS)

  constructor(schema: TableSchema) {
    this.shredder = new Shredder(schema)
  }

  append(memtable: Memtable, ref: number): void {
    const bytes = memtable.bytes
    const keyStart = memtable.keyStartOf(ref)
    const keyEnd = memtable.keyEndOf(ref)
    const valueStart = memtable.valueStartOf(ref)
    const valueEnd = memtable.valueEndOf(ref)
    this.keys.append(bytes, keyStart, keyEnd)
    this.values.append(bytes, valueStart, valueEnd)
    this.shredder.append(bytes, keyStart, keyEnd, valueStart, valueEnd)
    this.seqnos[this.length++] = memtable.seqnoOf(ref)
  }

  finish(): Parameters<SstWriter['append']>[0] {
    const length = this.length
    const seqnos = this.seqnos.slice(0, length)
    this.length = 0
    return {
      length,
      keys: this.keys.finish(),
      columns: this.shredder.finish(),
      seqnos,
      values: this.values.finish(),
    }
  }
}

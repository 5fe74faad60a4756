import { BatchWriter, type SeqNo } from '@meru/core'
import { deferred, type Deferred } from './deferred.ts'
import type { WriteGuard } from './write-guard.ts'

/**
 * Writes that go to the log as one record, so that a crash keeps all of them or none. Writers of a group
 * share its promise, which resolves with a seqno at which all of them are visible.
 */
export class WriteGroup {
  readonly batch: BatchWriter
  readonly done: Deferred<SeqNo> = deferred<SeqNo>()
  /** True if no other write may join: the batch is somebody's atomic unit. */
  readonly closed: boolean
  /** For a commit that goes beside the log: carries it out under the seqno given. The batch is empty then. */
  beside: ((seqno: SeqNo) => Promise<void>) | undefined
  /** True if a writer of the group waits for the log to be durable. */
  sync = false
  /** Asked in the group's turn whether it may be written. A refused group takes no seqno. */
  guard: WriteGuard | undefined = undefined
  /** Operations, once the batch has gone to the log. */
  count = 0

  /** `batch` must be empty; without it the group makes its own. */
  constructor(options: { closed: boolean; batch?: BatchWriter | undefined }) {
    this.closed = options.closed
    this.batch = options.batch ?? new BatchWriter()
  }
}

/** Batches kept for later groups. Two take turns: one on its way, one being filled. */
const SPARES_MAX = 2
/** A batch that one large group has grown is not worth keeping. */
const SPARE_BYTES_MAX = 4 * 1024 * 1024

/** Batches of groups that are done, for the next ones: their memory has grown to the size in use. */
export class SpareBatches {
  private readonly batches: BatchWriter[] = []

  take(): BatchWriter | undefined {
    return this.batches.pop()
  }

  give(batch: BatchWriter): void {
    if (this.batches.length < SPARES_MAX && batch.capacity <= SPARE_BYTES_MAX) this.batches.push(batch)
  }
}

import { conflicts, forcedCompaction, pickJob, type CompactionJob, type KeySpan } from '@meru/compaction'
import type { CompactionControl } from './compactor.ts'
import { deferred, type Deferred } from './deferred.ts'
import type { Settings } from './settings.ts'
import type { TableStore } from './table-store.ts'

export interface QueueParts {
  readonly settings: Settings
  /** Jobs that run at the same time. */
  readonly slots: number
  /** Whether writers of a table are held back until a compaction is done. */
  readonly isUrgent: (table: TableStore) => boolean
  /** Carries a job out and commits it. */
  readonly run: (table: TableStore, job: CompactionJob, control: CompactionControl) => Promise<void>
  /** Aborts when the database closes. */
  readonly closing: AbortSignal
}

/**
 * A merge of so few bytes is let come to its end when the database closes: in a table of many short uses each of them
 * would begin it and call it off.
 */
const SHORT_MERGE_BYTES = 1024 * 1024

/** A compaction that somebody asked for. */
interface Forced {
  readonly table: TableStore
  readonly span: KeySpan
  readonly control: CompactionControl
  readonly done: Deferred<void>
}

/**
 * Which compaction runs when: as many at a time as there are slots, of one table or of several, none in the way of
 * another. Tables take turns; one whose writers are held goes first. What somebody asked for goes before what is due.
 */
export class CompactionQueue {
  private readonly parts: QueueParts
  /** Tables that may have something due, the one served longest ago first. */
  private readonly due: Set<TableStore> = new Set()
  private readonly forced: Set<Forced> = new Set()
  private readonly running: Set<Promise<void>> = new Set()

  constructor(parts: QueueParts) {
    this.parts = parts
  }

  /** Runs what is due of a table until nothing is. */
  add(table: TableStore): void {
    this.due.add(table)
    this.fill()
  }

  /** Whether a compaction of the table is due. */
  isDue(table: TableStore): boolean {
    return pickJob(filesOf(table), table.order.claims.all, this.parts.settings) !== undefined
  }

  /** Compacts the span when its turn comes; see `forcedCompaction`. */
  force(table: TableStore, span: KeySpan, control: CompactionControl): Promise<void> {
    const { signal } = control
    const forced: Forced = { table, span, control, done: deferred<void>() }
    const abort = (): void => {
      if (this.forced.delete(forced)) forced.done.reject(signal?.reason)
    }
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    signal?.addEventListener('abort', abort, { once: true })
    this.forced.add(forced)
    this.fill()
    return forced.done.promise.finally(() => signal?.removeEventListener('abort', abort))
  }

  /** Somebody may have made room for a job that had to wait. */
  wake(): void {
    this.fill()
  }

  /** Waits until nothing runs. To be called after `closing` was aborted. */
  async stop(): Promise<void> {
    for (const { done } of this.forced) done.reject(this.parts.closing.reason)
    this.forced.clear()
    this.due.clear()
    while (this.running.size > 0) await Promise.allSettled(this.running)
  }

  private fill(): void {
    while (!this.parts.closing.aborted && this.running.size < this.parts.slots) {
      if (!this.startForced() && !this.startDue()) return
    }
  }

  private startForced(): boolean {
    for (const forced of this.forced) {
      const { table, span, control, done } = forced
      const files = filesOf(table)
      const job = forcedCompaction(files, span, table.schema.schemaId)
      if (job !== undefined && conflicts(job, files, table.order.claims.all)) continue
      this.forced.delete(forced)
      if (job === undefined) done.resolve()
      else this.start(table, job, control).then(done.resolve, done.reject)
      return true
    }
    return false
  }

  private startDue(): boolean {
    // While somebody waits for all of a table, nothing new begins in it: their turn would never come.
    const reserved = new Set([...this.forced].map(({ table }) => table))
    const tables = [...this.due].filter((table) => !reserved.has(table))
    const urgent = tables.filter((table) => this.parts.isUrgent(table))
    for (const table of new Set([...urgent, ...tables])) {
      const job = pickJob(filesOf(table), table.order.claims.all, this.parts.settings)
      if (job === undefined) {
        if (table.order.claims.all.length === 0) this.due.delete(table)
        continue
      }
      this.due.delete(table)
      this.due.add(table)
      // Whoever runs jobs tells of failures and tries again; until then the table is left alone.
      const leave = (): void => void this.due.delete(table)
      const control = isShort(table, job) ? {} : { signal: this.parts.closing }
      this.start(table, job, control, leave).catch(() => undefined)
      return true
    }
    return false
  }

  /** `onFailure` runs before anything else is started. */
  private start(
    table: TableStore,
    job: CompactionJob,
    control: CompactionControl,
    onFailure?: () => void,
  ): Promise<void> {
    const release = table.order.claims.claim(job, filesOf(table))
    const work = this.parts
      .run(table, job, control)
      .catch((error: unknown) => {
        onFailure?.()
        throw error
      })
      .finally(() => {
        release()
        this.running.delete(work)
      })
    this.running.add(work)
    work.finally(() => this.fill()).catch(() => undefined)
    return work
  }
}

function isShort(table: TableStore, job: CompactionJob): boolean {
  if (job.kind === 'move') return true
  const inputs = new Set(job.inputs)
  const bytes = filesOf(table).reduce((sum, file) => sum + (inputs.has(file.id) ? file.bytes : 0), 0)
  return bytes <= SHORT_MERGE_BYTES
}

function filesOf(table: TableStore): Parameters<typeof pickJob>[0] {
  return table.version.files.map((live) => live.file)
}

import { MeruError } from '@meru/core'
import type { Environment } from '@meru/fs'
import type { CompactionJob, KeySpan } from '@meru/compaction'
import { CompactionQueue } from './compaction-queue.ts'
import { runCompaction, type CompactionControl, type CompactorParts } from './compactor.ts'
import { deferred, type Deferred } from './deferred.ts'
import type { EngineEvent } from './events.ts'
import { flushOldest, type FlusherParts } from './flusher.ts'
import { Mutex } from './mutex.ts'
import type { Settings } from './settings.ts'
import type { Stall } from './stall.ts'
import { type HeldCounters, StallGauge } from './stall-gauge.ts'
import type { TableStore } from './table-store.ts'

/** After a failure that may pass, such as a full disk, the work is tried this much later; so are compactions after opening. */
const LATER_MS = 1000

export interface BackgroundParts {
  readonly env: Environment
  readonly settings: Settings
  readonly flusher: FlusherParts
  readonly compactor: CompactorParts
  readonly onEvent: (event: EngineEvent) => void
  readonly counters: HeldCounters
}

export interface FlushOptions {
  readonly seal: boolean
  readonly compact?: 'now' | 'later' | 'never'
}

/** Decides when to flush and compact, and holds writers back when that does not keep up. */
export class Background {
  private readonly parts: BackgroundParts
  /** By table: its flushes, one at a time. */
  private readonly flushes: Map<TableStore, Mutex> = new Map()
  private readonly queue: CompactionQueue
  readonly stalls: StallGauge
  private readonly closing: AbortController = new AbortController()
  /** Writers that wait for room. */
  private readonly waiters: Set<Deferred<void>> = new Set()
  /** By table: takes back work that is planned. */
  private readonly planned: Map<TableStore, () => void> = new Map()

  constructor(parts: BackgroundParts) {
    this.parts = parts
    this.stalls = new StallGauge(parts)
    this.queue = new CompactionQueue({
      settings: parts.settings,
      slots: Math.max(1, parts.settings.workers),
      isUrgent: (table) => table.version.level0.length >= parts.settings.l0SlowdownFiles,
      run: (table, job, control) => {
        return this.guarded(table, () => this.compactOne(table, job, control), control.signal)
      },
      closing: this.closing.signal,
    })
  }

  /** A memtable of the table was sealed: flush it when its turn comes. */
  sealed(table: TableStore): void {
    void this.flush(table, { seal: false }).catch(() => undefined)
  }

  /** Flushes the table that keeps the log from being cut, if the log is too large. */
  segmentBegun(): void {
    const { settings, flusher } = this.parts
    if (flusher.segments.length * settings.walSegmentBytes <= settings.walBytesMax) return
    const held = [...flusher.tables.values()].filter(
      (table) => table.unflushedExcept(undefined) !== undefined,
    )
    if (held.length === 0) return
    const oldest = held.reduce((a, b) => {
      return (b.unflushedExcept(undefined) as number) < (a.unflushedExcept(undefined) as number) ? b : a
    })
    void this.flush(oldest, { seal: true }).catch(() => undefined)
  }

  /**
   * Flushes the sealed memtables of the table, with `seal` the active one too. Tables do not wait for each other. Then
   * begins what is due to be compacted: `never` where the database closes, `later` where it has just been opened, since
   * a process that ends soon would wait for it or call it off. While writers are held back, later is now.
   */
  async flush(table: TableStore, { seal, compact = 'now' }: FlushOptions): Promise<void> {
    if (seal) table.seal()
    await this.flushesOf(table).run(async () => {
      for (let left = table.sealed.length; left > 0; left--) {
        await this.guarded(table, () => this.flushOne(table))
      }
    })
    if (compact === 'never') return
    if (compact === 'now' || this.stallOf(table).kind !== 'none') this.compactSoon(table)
    else if (this.isCompactionDue(table)) this.tryLater(table)
  }

  private isCompactionDue(table: TableStore): boolean {
    return this.parts.settings.autoCompaction && this.queue.isDue(table)
  }

  /** Runs compactions of the table until none is due. */
  compactSoon(table: TableStore): void {
    if (this.parts.settings.autoCompaction) this.queue.add(table)
    else this.queue.wake()
  }

  /** Merges what may hold keys of the span into one sorted level without dead rows. Flush before. */
  async compact(table: TableStore, span: KeySpan, control: CompactionControl): Promise<void> {
    const { signal } = this.closing
    const signals = control.signal === undefined ? signal : AbortSignal.any([signal, control.signal])
    await this.queue.force(table, span, { ...control, signal: signals })
  }

  /** Whether writers of the table are held back now. */
  stallOf(table: TableStore): Stall {
    return this.stalls.of(table)
  }

  /** Waits as long as writers of the table are held back. Fails with what keeps the work from going on. */
  async waitForRoom(table: TableStore): Promise<void> {
    const { env } = this.parts
    const begun = env.elapsed()
    for (let stall = this.stalls.note(table); stall.kind !== 'none'; stall = this.stalls.note(table)) {
      if (stall.kind === 'slowdown') {
        await this.pause(stall.delayMs)
        break
      }
      const waiter = deferred<void>()
      this.waiters.add(waiter)
      this.sealed(table)
      this.compactSoon(table)
      await waiter.promise
    }
    this.stalls.held(env.elapsed() - begun)
  }

  /** Waits so long, or until some work is done. */
  private async pause(delayMs: number): Promise<void> {
    const waiter = deferred<void>()
    this.waiters.add(waiter)
    const cancel = this.parts.env.after(delayMs, () => waiter.resolve())
    // A failure is told to those who cannot go on without the work.
    await waiter.promise.catch(() => undefined)
    cancel()
    this.waiters.delete(waiter)
  }

  /** Cancels compactions, lets flushes end, and lets no writer wait any longer. */
  async stop(): Promise<void> {
    const closed = new MeruError('CLOSED', 'the database was closed')
    this.closing.abort(closed)
    for (const cancel of this.planned.values()) cancel()
    this.wakeWriters(closed)
    await this.queue.stop()
    for (const flushes of this.flushes.values()) await flushes.run(() => Promise.resolve())
  }

  private flushesOf(table: TableStore): Mutex {
    const flushes = this.flushes.get(table) ?? new Mutex()
    this.flushes.set(table, flushes)
    return flushes
  }

  private async flushOne(table: TableStore): Promise<void> {
    const begun = this.parts.env.elapsed()
    const report = await flushOldest(this.parts.flusher, table)
    if (report === undefined) return
    this.parts.onEvent({ kind: 'flush', milliseconds: this.parts.env.elapsed() - begun, ...report })
  }

  private async compactOne(table: TableStore, job: CompactionJob, control: CompactionControl): Promise<void> {
    const begun = this.parts.env.elapsed()
    const report = await runCompaction(this.parts.compactor, table, job, control)
    this.parts.onEvent({ kind: 'compaction', milliseconds: this.parts.env.elapsed() - begun, report })
  }

  /** Runs a piece of work; a failure reaches the writers that wait for it, and ends writing if it cannot pass. */
  private async guarded(
    table: TableStore,
    work: () => Promise<void>,
    signal: AbortSignal = this.closing.signal,
  ): Promise<void> {
    try {
      await work()
      this.stalls.note(table)
      this.wakeWriters()
    } catch (error) {
      // Whatever was called off, for whatever reason, did not fail.
      if (this.closing.signal.aborted || signal.aborted) throw error
      const failure = asFailure(error, table)
      const { versions, writes } = this.parts.flusher
      if (versions.outcomeUnknown || !mayPass(failure)) writes.stop(failure)
      else this.tryLater(table)
      this.wakeWriters(failure)
      this.parts.onEvent({ kind: 'backgroundError', table: table.name, error: failure })
      throw failure
    }
  }

  /** Sees to flushes and compactions of the table some time later. */
  private tryLater(table: TableStore): void {
    this.planned.get(table)?.()
    this.planned.set(
      table,
      this.parts.env.after(LATER_MS, () => this.sealed(table)),
    )
  }

  private wakeWriters(failure?: MeruError): void {
    const waiters = [...this.waiters]
    this.waiters.clear()
    for (const waiter of waiters) {
      if (failure === undefined) waiter.resolve()
      else waiter.reject(failure)
    }
  }
}

/** A full disk or a failing call may work the next time; damage and a lost directory will not. */
function mayPass(failure: MeruError): boolean {
  return failure.code === 'DISK_FULL' || failure.code === 'IO'
}

function asFailure(error: unknown, table: TableStore): MeruError {
  if (error instanceof MeruError) return error
  return new MeruError('IO', `table "${table.name}": background work failed`, { cause: error })
}

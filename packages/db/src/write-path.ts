import { type BatchWriter, KIND_PUT, MeruError, readBatch, type EntryKind, type SeqNo } from '@meru/core'
import type { Log } from './log.ts'
import type { LogSegments } from './log-segments.ts'
import type { TableStore } from './table-store.ts'
import { WriteGroup } from './write-group.ts'
import { GuardedTurn } from './write-guard.ts'

/** Batches kept for later groups. Two take turns: one on its way, one being filled. */
const SPARE_MAX = 2

export interface WritePathParts {
  readonly wal: Log
  readonly tables: ReadonlyMap<number, TableStore>
  readonly segments: LogSegments
  readonly groupBytesMax: number
  /** Called when a memtable of a table was sealed. */
  readonly onSealed: (table: TableStore) => void
  /** Called when writes went to another segment of the log than before. */
  readonly onSegment: () => void
}

/**
 * Batch → seqno → log → memtables → visible, in this order: a reader never sees a write that a crash
 * could still take back, unless the writer asked for `buffered`. Writes that come while others are on
 * their way to the disk wait, and then share one sync.
 */
export class WritePath {
  /** The newest seqno that readers may see. */
  visibleSeqno: SeqNo
  /** Every write up to this one survives a crash. */
  durableSeqno: SeqNo
  private readonly parts: WritePathParts
  /** Groups that have not gone to the log yet, oldest first. */
  private waiting: WriteGroup[] = []
  /** Batches of groups that are done, for the next ones: their memory has grown to the size in use. */
  private readonly spare: BatchWriter[] = []
  /** Set while groups go to the log: the last one that is on its way. */
  private running: { inFlight: WriteGroup | undefined } | undefined
  /** Why nothing can be written any more. */
  private failure: MeruError | undefined

  constructor(parts: WritePathParts, lastSeqno: SeqNo) {
    this.parts = parts
    this.visibleSeqno = lastSeqno
    this.durableSeqno = lastSeqno
  }

  /**
   * A group that takes single writes: add to its batch in the same turn, then await `done`.
   * Throws the failure that stopped the writer.
   */
  join(options: { sync: boolean }): WriteGroup {
    if (this.failure !== undefined) throw this.failure
    let group = this.waiting.at(-1)
    if (group === undefined || group.closed || group.batch.length >= this.parts.groupBytesMax) {
      group = new WriteGroup({ closed: false, batch: this.spare.pop() })
      this.enqueue(group)
    }
    if (options.sync) group.sync = true
    return group
  }

  /** Takes a group whose batch is complete. All of it becomes visible together. */
  submit(group: WriteGroup): void {
    if (this.failure !== undefined) throw this.failure
    this.enqueue(group)
  }

  /**
   * Runs a commit that does not go through the log, at a moment when no write is on its way and every earlier one is
   * durable. `work` gets the seqno it may take, and calls `makeVisible` in the turn in which its rows can be read.
   * Resolves with the seqno, or with `undefined` if `work` answered false: then it is free for the next write.
   */
  async beside(
    work: (seqno: SeqNo, makeVisible: () => void) => Promise<boolean>,
  ): Promise<SeqNo | undefined> {
    let taken: SeqNo | undefined
    const group = new WriteGroup({ closed: true })
    group.beside = async (next) => {
      const makeVisible = (): void => {
        this.visibleSeqno = next
        this.durableSeqno = next
      }
      if (await work(next, makeVisible)) taken = next
    }
    this.submit(group)
    await group.done.promise
    return taken
  }

  /** Resolves when every write up to `seqno`, which must be visible, survives a crash. */
  async makeDurable(seqno: SeqNo): Promise<void> {
    while (this.durableSeqno < seqno) await this.join({ sync: true }).done.promise
  }

  /** Waits for the writes that were asked for so far; others may go on. Failures are the writers' business. */
  async settle(): Promise<void> {
    const last = this.waiting.at(-1) ?? this.running?.inFlight
    await last?.done.promise.catch(() => undefined)
  }

  /** Makes every later write fail with `failure`. The first call counts. */
  stop(failure: MeruError): void {
    this.failure ??= failure
  }

  /** Why writing has stopped, if it has. */
  get stopped(): MeruError | undefined {
    return this.failure
  }

  private enqueue(group: WriteGroup): void {
    this.waiting.push(group)
    if (this.running !== undefined) return
    const running = { inFlight: undefined }
    this.running = running
    void Promise.resolve().then(() => this.drain(running))
  }

  private async drain(running: { inFlight: WriteGroup | undefined }): Promise<void> {
    while (this.waiting.length > 0) {
      const groups = this.take()
      running.inFlight = groups.at(-1)
      try {
        if (this.failure !== undefined) throw this.failure
        const { beside } = groups[0]
        await (beside === undefined ? this.write(groups) : this.writeBeside(groups[0], beside))
      } catch (error) {
        this.fail(groups, error)
      }
    }
    this.running = undefined
  }

  /** A failure of what goes beside the log is for its caller alone. */
  private async writeBeside(group: WriteGroup, beside: NonNullable<WriteGroup['beside']>): Promise<void> {
    if (this.durableSeqno < this.visibleSeqno) await this.parts.wal.commit({ sync: true })
    this.durableSeqno = this.visibleSeqno
    try {
      await beside(this.visibleSeqno + 1)
      group.done.resolve(this.visibleSeqno)
    } catch (error) {
      group.done.reject(error)
    }
  }

  /** The groups that go to the log together. */
  private take(): WriteGroup[] {
    let bytes = 0
    let count = 0
    while (count < this.waiting.length && (count === 0 || bytes < this.parts.groupBytesMax)) {
      // What goes beside the log goes alone.
      if (count > 0 && (this.waiting[0].beside ?? this.waiting[count].beside) !== undefined) break
      bytes += this.waiting[count++].batch.length
    }
    return this.waiting.splice(0, count)
  }

  private async write(groups: readonly WriteGroup[]): Promise<void> {
    const { wal, segments } = this.parts
    const segmentsBefore = segments.length
    let next = this.visibleSeqno + 1
    let sync = false
    const payloads: Uint8Array[] = []
    const begun: { segment: number; firstSeqno: SeqNo }[] = []
    const turn = GuardedTurn.of(groups)
    for (const group of groups) {
      if (turn?.refuses(group, next) === true) continue
      sync ||= group.sync
      const count = group.batch.count
      const payload = group.batch.finish(next)
      payloads.push(payload)
      turn?.written(payload)
      if (count > 0) begun.push({ segment: wal.append(payload), firstSeqno: next })
      next += count
    }
    const { epoch } = wal.position
    await wal.commit({ sync })
    // Only now: the log must not be cut up to a segment that is not there yet.
    for (const { segment, firstSeqno } of begun) segments.note({ epoch, segment }, firstSeqno)
    for (const payload of payloads) this.apply(payload)
    if (segments.length > segmentsBefore) this.parts.onSegment()
    this.visibleSeqno = next - 1
    if (sync) this.durableSeqno = next - 1
    for (const group of groups) {
      // Whoever was refused hears of it when he can read what came first.
      const refusal = turn?.refusalOf(group)
      if (refusal === undefined) group.done.resolve(this.visibleSeqno)
      else group.done.reject(refusal)
      if (!group.closed && this.spare.length < SPARE_MAX) this.spare.push(group.batch)
    }
  }

  private apply(payload: Uint8Array): void {
    const entry: { seqno: SeqNo; kind: EntryKind } = { seqno: 0, kind: KIND_PUT }
    const { tables, onSealed } = this.parts
    readBatch(
      payload,
      { file: 'group', offset: 0 },
      (kind, seqno, tableId, schemaId, key, keyEnd, value, valueEnd) => {
        const table = tables.get(tableId)
        if (table === undefined) return
        if (schemaId !== table.schema.schemaId) {
          throw new TypeError(`table "${table.name}": a write under schema ${schemaId} came after its change`)
        }
        entry.seqno = seqno
        entry.kind = kind
        if (table.apply(payload, key, keyEnd, value, valueEnd, entry)) onSealed(table)
      },
    )
  }

  /** A full disk concerns the writers of these groups alone; any other failure ends writing. */
  private fail(groups: readonly WriteGroup[], error: unknown): void {
    const failure =
      error instanceof MeruError
        ? error
        : new MeruError('POISONED', 'the log could not be written', { cause: error })
    if (failure.code !== 'DISK_FULL') this.failure ??= failure
    for (const group of groups) group.done.reject(failure)
  }
}

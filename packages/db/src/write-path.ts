import { KIND_PUT, MeruError, type EntryKind, type SeqNo, visitBatch } from '@meru/core'
import type { Log } from './log.ts'
import type { LogSegments } from './log-segments.ts'
import type { TableStore } from './table-store.ts'
import { SpareBatches, WriteGroup } from './write-group.ts'
import { GuardedTurn } from './write-guard.ts'

/** Writers who were told of a group get this many turns to join the next one before it starts. */
const GATHER_TURNS = 8
/**
 * A group of this size goes to the log at once: by the time the disk has it, encoding what comes next
 * has cost the caller about as long.
 */
const LAUNCH_BYTES = 64 * 1024

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

/** A record of the log: a group's batch, whose first operation has `firstSeqno`. */
interface LogRecord {
  readonly payload: Uint8Array
  readonly firstSeqno: SeqNo
  readonly segment: number
}

/**
 * Batch → seqno → log → memtables → visible, in this order: a reader never sees a write that a crash
 * could still take back, unless the writer asked for `buffered`. Writes that come while others are on
 * their way to the disk wait, and then share one sync. The memtables take a group's entries while it is
 * being synced; they are above the visible seqno, and no flush goes beyond what is durable.
 */
export class WritePath {
  /** The newest seqno that readers may see. */
  visibleSeqno: SeqNo
  /** Every write up to this one survives a crash. */
  durableSeqno: SeqNo
  private readonly parts: WritePathParts
  private readonly spares: SpareBatches = new SpareBatches()
  /** Groups that have not gone to the log yet, oldest first. */
  private waiting: WriteGroup[] = []
  /** What the waiting groups wait for: others on their way to the log, or the end of this turn's writes. */
  private ahead: readonly WriteGroup[] | 'gathering' | undefined
  /** Why nothing can be written any more. */
  private failure: MeruError | undefined

  constructor(parts: WritePathParts, lastSeqno: SeqNo) {
    this.parts = parts
    this.visibleSeqno = lastSeqno
    this.durableSeqno = lastSeqno
  }

  /**
   * A group that takes single writes: add to its batch in the same turn, then call `joined`.
   * Throws the failure that stopped the writer.
   */
  join(): WriteGroup {
    if (this.failure !== undefined) throw this.failure
    let group = this.waiting.at(-1)
    if (group === undefined || group.closed || group.batch.length >= this.parts.groupBytesMax) {
      group = new WriteGroup({ closed: false, batch: this.spares.take() })
      this.enqueue(group)
    }
    return group
  }

  /** Resolves when the write that was added to the group is visible, with `sync` when it is durable too. */
  joined(group: WriteGroup, { sync }: { sync: boolean }): Promise<SeqNo> {
    if (sync) group.sync = true
    if (group.batch.length >= LAUNCH_BYTES && this.ahead === 'gathering') this.launch()
    return group.done.promise
  }

  /** An empty group for one atomic batch, which `submit` takes. */
  atomicGroup(): WriteGroup {
    return new WriteGroup({ closed: true, batch: this.spares.take() })
  }

  /** Takes a group whose batch is complete. All of it becomes visible together. */
  submit(group: WriteGroup): Promise<SeqNo> {
    if (this.failure !== undefined) throw this.failure
    this.enqueue(group)
    return this.joined(group, group)
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
    await this.submit(group)
    return taken
  }

  /** Resolves when every write up to `seqno`, which must be in the log, survives a crash. */
  async makeDurable(seqno: SeqNo): Promise<void> {
    while (this.durableSeqno < seqno) await this.joined(this.join(), { sync: true })
  }

  /** Waits for the writes that were asked for so far; others may go on. Failures are the writers' business. */
  async settle(): Promise<void> {
    const ahead = this.ahead === 'gathering' ? undefined : this.ahead
    const last = this.waiting.at(-1) ?? ahead?.at(-1)
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
    if (this.ahead === undefined) void this.gather()
  }

  private async gather(): Promise<void> {
    this.ahead = 'gathering'
    for (let turn = 0; turn < GATHER_TURNS && this.ahead === 'gathering'; turn++) await Promise.resolve()
    if (this.ahead === 'gathering') this.launch()
  }

  /** Sends the oldest waiting groups on their way. */
  private launch(): void {
    let bytes = 0
    let count = 0
    while (count < this.waiting.length && (count === 0 || bytes < this.parts.groupBytesMax)) {
      // What goes beside the log goes alone.
      if (count > 0 && (this.waiting[0].beside ?? this.waiting[count].beside) !== undefined) break
      bytes += this.waiting[count++].batch.length
    }
    const groups = this.waiting.splice(0, count)
    this.ahead = groups
    const { beside } = groups[0]
    void (beside === undefined ? this.write(groups) : this.writeBeside(groups[0], beside))
  }

  /** A failure of what goes beside the log is for its caller alone. */
  private async writeBeside(group: WriteGroup, beside: NonNullable<WriteGroup['beside']>): Promise<void> {
    try {
      if (this.failure !== undefined) throw this.failure
      if (this.durableSeqno < this.visibleSeqno) await this.parts.wal.commit({ sync: true })
      this.durableSeqno = this.visibleSeqno
    } catch (error) {
      this.fail([group], error)
      return
    }
    try {
      await beside(this.visibleSeqno + 1)
    } catch (error) {
      group.done.reject(error)
    }
    this.land([group], undefined)
  }

  private async write(groups: readonly WriteGroup[]): Promise<void> {
    const { wal } = this.parts
    try {
      if (this.failure !== undefined) throw this.failure
      const turn = GuardedTurn.of(groups)
      const records = this.append(groups, turn)
      const { epoch } = wal.position
      const sync = groups.some((group) => group.sync && turn?.refusalOf(group) === undefined)
      const synced = sync ? wal.commit({ sync }) : undefined
      // A failure is met below, or by the write before.
      synced?.catch(() => undefined)
      await wal.commit({ sync: false })
      this.enter(records, epoch)
      await synced
      const written = groups.reduce((sum, group) => sum + group.count, 0)
      this.visibleSeqno += written
      if (sync) this.durableSeqno = this.visibleSeqno
      this.land(groups, turn)
    } catch (error) {
      this.fail(groups, error)
    }
  }

  /** Hands the groups to the log, but for those that their guards refuse. */
  private append(groups: readonly WriteGroup[], turn: GuardedTurn | undefined): LogRecord[] {
    const records: LogRecord[] = []
    let firstSeqno = this.visibleSeqno + 1
    for (const group of groups) {
      const { batch } = group
      if (turn?.refuses(group, firstSeqno) === true) batch.clear()
      group.count = batch.count
      if (group.count === 0) continue
      const payload = batch.finish(firstSeqno)
      turn?.written(payload)
      records.push({ payload, firstSeqno, segment: this.parts.wal.append(payload) })
      firstSeqno += group.count
    }
    return records
  }

  /** Takes records that are in the log into the memtables. */
  private enter(records: readonly LogRecord[], epoch: number): void {
    const { segments, tables, onSealed, onSegment } = this.parts
    const segmentsBefore = segments.length
    const entry: { seqno: SeqNo; kind: EntryKind } = { seqno: 0, kind: KIND_PUT }
    for (const { payload, firstSeqno, segment } of records) {
      // Only now: the log must not be cut up to a segment that is not there yet.
      segments.note({ epoch, segment }, firstSeqno)
      visitBatch(payload, firstSeqno, (kind, seqno, tableId, schemaId, key, keyEnd, value, valueEnd) => {
        const table = tables.get(tableId)
        if (table === undefined) return
        if (schemaId !== table.schema.schemaId) {
          throw new TypeError(`table "${table.name}": a write under schema ${schemaId} came after its change`)
        }
        entry.seqno = seqno
        entry.kind = kind
        if (table.apply(payload, key, keyEnd, value, valueEnd, entry)) onSealed(table)
      })
    }
    if (segments.length > segmentsBefore) onSegment()
  }

  /** Tells the writers of groups that are done, and lets the next ones go. */
  private land(groups: readonly WriteGroup[], turn: GuardedTurn | undefined): void {
    this.ahead = undefined
    const bytes = this.waiting.reduce((sum, group) => sum + group.batch.length, 0)
    if (bytes >= LAUNCH_BYTES) this.launch()
    for (const group of groups) {
      // Whoever was refused hears of it when he can read what came first.
      const refusal = turn?.refusalOf(group)
      if (refusal === undefined) group.done.resolve(this.visibleSeqno)
      else group.done.reject(refusal)
      this.spares.give(group.batch)
    }
    if (this.waiting.length > 0 && this.ahead === undefined) void this.gather()
  }

  /** A full disk concerns the writers of these groups alone; any other failure ends writing. */
  private fail(groups: readonly WriteGroup[], error: unknown): void {
    const failure =
      error instanceof MeruError
        ? error
        : new MeruError('POISONED', 'the log could not be written', { cause: error })
    if (failure.code !== 'DISK_FULL') this.failure ??= failure
    this.ahead = undefined
    for (const group of groups) group.done.reject(failure)
    if (this.waiting.length > 0) void this.gather()
  }
}

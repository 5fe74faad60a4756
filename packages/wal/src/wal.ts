import { MeruError } from '@meru/core'
import type { FileSystem } from '@meru/fs'
import {
  END_OF_LOG,
  END_OF_SEGMENT,
  FRAGMENT_HEADER_BYTES,
  RECORD_BYTES_MAX,
  SEGMENT_BYTES_MAX,
} from './format.ts'
import { type Group, GroupQueue } from './group-queue.ts'
import { framedBytes, writeRecord, writeSegmentHeader } from './record-writer.ts'
import { removeSegments } from './remove-segments.ts'
import {
  compareSegments,
  listSegments,
  NUMBER_MAX,
  type SegmentId,
  type WalPosition,
} from './segment-name.ts'
import { createSegmentFile, poison, SegmentWriter } from './segment-writer.ts'

export interface WalOptions {
  readonly fs: FileSystem
  /** Where the segments are; made if it is not there. Its parent must be, or be the root. */
  readonly directory: string
  /** Above all epochs in the directory. */
  readonly epoch: number
  /**
   * A group whose first record does not fit goes to the next segment; a group is never parted. Larger
   * means fewer files and later removal.
   */
  readonly segmentBytesMax: number
  /**
   * Write zeros behind groups that are synced, as long as groups are small: the next syncs then move data
   * alone. Each byte is written twice for that.
   */
  readonly preallocate: boolean
  /**
   * Callers who were told of a group get this many turns to join the next one before it starts. With 0 a
   * commit starts the group at once, if none is on its way.
   */
  readonly gatherTurns: number
  /**
   * Runs once per synced group, when the operating system has its bytes and while the disk takes them. If
   * it throws, the log is poisoned and nobody is told of success: the place to ask whether another writer
   * has taken over. One that does so later finds those bytes, for it claims before it reads.
   */
  readonly fence?: () => void | Promise<void>
}

const SEGMENT_BYTES_LEAST = 1024
// An end marker, and the rest of a block that may be too short for it.
const MARKER_BYTES_MAX = 2 * FRAGMENT_HEADER_BYTES

/**
 * The log of one writer. `append` frames a record in memory; `commit` sees to it that all records
 * appended so far reach the disk. Commits that wait at the same time share one write, one sync and one
 * promise. Records are recovered by `replay` in the order of `append`.
 *
 * Call `commit` in the turn of the `append`, or be the only caller: a failure drops records for which
 * nobody waits yet, and the next `commit` is told.
 */
export class Wal {
  readonly #options: WalOptions
  readonly #queue = new GroupQueue()
  #segment: SegmentWriter
  #isRunning = false
  /** Why records are refused: closed, poisoned or fenced. */
  #refusal: MeruError | undefined
  #closing: Promise<void> | undefined

  private constructor(options: WalOptions, segment: SegmentWriter) {
    this.#options = options
    this.#segment = segment
  }

  /** Starts the log of an epoch. Throws `INVALID` if the directory holds this epoch or a later one. */
  static async create(options: WalOptions): Promise<Wal> {
    checkOptions(options)
    const { fs, directory, epoch } = options
    await fs.makeDirectory(directory)
    await fs.syncDirectory(directory.slice(0, Math.max(0, directory.lastIndexOf('/'))))
    const newest = (await listSegments(options)).at(-1)
    if (newest !== undefined && newest.epoch >= epoch) {
      throw new MeruError(
        'INVALID',
        `${directory}: epoch ${epoch} cannot start, there are segments of epoch ${newest.epoch}; take a later epoch`,
      )
    }
    return new Wal(options, await openSegment(options, 1))
  }

  /** Where the next record goes if it fits: behind all records appended so far. */
  get position(): WalPosition {
    const group = this.#queue.open ?? this.#queue.inFlight
    const { epoch } = this.#options
    if (group !== undefined) return { epoch, segment: group.segment, offset: group.end }
    const { file, end, isSealed } = this.#segment
    return isSealed ? { epoch, segment: file.id.segment + 1, offset: 0 } : { ...file.id, offset: end }
  }

  /** All records before this position are durable. */
  get durableTo(): WalPosition {
    return { ...this.#segment.file.id, offset: this.#segment.durableTo }
  }

  /**
   * Appends a record, copying the payload, and returns the number of its segment. It is nowhere but in
   * memory until a `commit`. Throws `INVALID` for a record, or a group, that is too long, and `CLOSED`,
   * `POISONED` or `FENCED` if the log takes no more.
   */
  append(payload: Uint8Array): number {
    if (this.#refusal !== undefined) throw this.#refusal
    if (payload.length > RECORD_BYTES_MAX) {
      throw new MeruError('INVALID', `a record of ${payload.length} bytes; at most ${RECORD_BYTES_MAX} fit`)
    }
    let group = this.#queue.open ?? this.#begin(this.position)
    const end = group.end + framedBytes(group.end, payload.length) + MARKER_BYTES_MAX
    if (end > this.#options.segmentBytesMax && group.out.length === 0 && group.end > 0) {
      group = this.#queue.begin(group.segment + 1, 0)
    } else if (end > SEGMENT_BYTES_MAX) {
      throw new MeruError('INVALID', `${group.out.length} bytes wait for a commit; no more fit into one`)
    }
    if (group.end === 0) writeSegmentHeader(group.out, { epoch: this.#options.epoch, segment: group.segment })
    writeRecord(group.out, group.start, payload)
    return group.segment
  }

  /**
   * Resolves when all records appended so far are durable, or with `sync: false` when the operating system
   * has them. Rejects with `DISK_FULL` if there was no room: they are gone, and the log goes on. Any other
   * failure poisons: this and all later calls reject with `POISONED`, or `FENCED`, and the first cause.
   */
  commit(options: { readonly sync: boolean }): Promise<void> {
    const error = this.#refusal ?? this.#queue.takeDropped()
    if (error !== undefined) return Promise.reject(error)
    const { inFlight } = this.#queue
    let group = this.#queue.open
    if (group === undefined) {
      if (!options.sync) return inFlight?.whenWritten() ?? Promise.resolve()
      if (inFlight?.canSync) return inFlight.whenSynced()
      group = this.#begin(this.position)
    }
    const outcome = options.sync ? group.whenSynced() : group.whenWritten()
    this.#run()
    return outcome
  }

  /**
   * Ends the segment and starts the next one, whose id it returns: all records appended before this call
   * are in earlier segments, durably, and all later ones in this or a later one. An empty segment stays.
   */
  async rotate(): Promise<SegmentId> {
    const error = this.#refusal ?? this.#queue.takeDropped()
    if (error !== undefined) throw error
    const { epoch, segment, offset } = this.position
    let group = this.#queue.open ?? this.#queue.inFlight
    if (offset > 0) group = this.#queue.begin(segment + 1, 0)
    else if (this.#segment.isSealed) group ??= this.#queue.begin(segment, 0)
    const opened = group?.whenWritten()
    this.#run()
    await opened
    return { epoch, segment: group?.segment ?? segment }
  }

  /** Removes the segments before one, of older epochs too. Returns how many. */
  async removeBefore(segment: SegmentId): Promise<number> {
    const current = this.#segment.file.id
    if (compareSegments(segment, current) > 0) {
      throw new TypeError(
        `segments before ${segment.epoch}-${segment.segment} include ${current.epoch}-${current.segment}, which is being written`,
      )
    }
    return await removeSegments({ fs: this.#options.fs, directory: this.#options.directory, before: segment })
  }

  /**
   * Makes all records durable, marks the log as complete and lets go of its files. A poisoned log is only
   * let go of. May be called again.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    const closed = new MeruError('CLOSED', `${this.#options.directory}: the log is closed`)
    try {
      if (this.#refusal === undefined) {
        const rest = this.#queue.isIdle ? undefined : this.commit({ sync: true })
        this.#refusal = closed
        await rest
        await this.#segment.seal(END_OF_LOG).catch(ignoreDiskFull)
      }
    } finally {
      this.#refusal = closed
      await this.#segment.close()
    }
  }

  #begin(at: WalPosition): Group {
    return this.#queue.begin(at.segment, at.offset)
  }

  #run(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#runGroups()
  }

  async #runGroups(): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < this.#options.gatherTurns; turn++) await Promise.resolve()
      const group = this.#queue.isAwaited ? this.#queue.launch() : undefined
      if (group === undefined) break
      try {
        await this.#runGroup(group)
      } catch (error) {
        await this.#fail(error)
      }
      this.#queue.land()
    }
    this.#isRunning = false
  }

  async #runGroup(group: Group): Promise<void> {
    if (group.segment !== this.#segment.file.id.segment) await this.#openSegment(group.segment)
    if (group.out.length > 0) {
      if (group.start !== this.#segment.end)
        throw new Error(`group at ${group.start}, log ends at ${this.#segment.end}`)
      const writing = this.#segment.write(group.out, { allocate: group.isSyncAwaited })
      if (writing !== undefined) await writing
    }
    group.tellWritten()
    if (!group.isSyncAwaited) return
    const synced = this.#segment.sync()
    const passed = this.#passFence()
    // The log is not let go of while the disk works, whatever the fence says.
    await Promise.allSettled([synced, passed])
    await passed
    await synced
    group.tellSynced()
  }

  async #passFence(): Promise<void> {
    try {
      await this.#options.fence?.()
    } catch (error) {
      throw poison(
        `${this.#segment.file.path}: the check of the owner failed, so nothing is acknowledged`,
        error,
      )
    }
  }

  async #openSegment(segment: number): Promise<void> {
    const old = this.#segment
    // What is in a later segment must be able to count on all of this one.
    if (!old.isSealed) await old.seal(END_OF_SEGMENT)
    this.#segment = await openSegment(this.#options, segment)
    await old.close()
  }

  async #fail(error: unknown): Promise<void> {
    let cause = error
    if (isCode(error, 'DISK_FULL')) {
      try {
        await this.#segment.erase().catch(ignoreDiskFull)
        this.#queue.drop(error)
        return
      } catch (later) {
        cause = later
      }
    }
    const refusal =
      isCode(cause, 'POISONED') || isCode(cause, 'FENCED')
        ? cause
        : poison(
            `${this.#segment.file.path}: a write failed, so it is unknown what is durable; open the log again`,
            cause,
          )
    this.#refusal = refusal
    this.#queue.drop(refusal)
  }
}

async function openSegment(options: WalOptions, segment: number): Promise<SegmentWriter> {
  const { fs, directory, epoch, segmentBytesMax, preallocate } = options
  const file = await createSegmentFile(fs, directory, { epoch, segment })
  return new SegmentWriter(file, { allocationEnd: preallocate ? segmentBytesMax : 0 })
}

function isCode(error: unknown, code: MeruError['code']): error is MeruError {
  return error instanceof MeruError && error.code === code
}

/** What could not be written for want of room is written by the next group, or not needed. */
function ignoreDiskFull(error: unknown): void {
  if (!isCode(error, 'DISK_FULL')) throw error
}

function checkOptions({ epoch, segmentBytesMax }: WalOptions): void {
  if (!Number.isInteger(epoch) || epoch < 1 || epoch > NUMBER_MAX) {
    throw new TypeError(`epoch ${epoch}: expected an integer from 1 to ${NUMBER_MAX}`)
  }
  if (
    !Number.isInteger(segmentBytesMax) ||
    segmentBytesMax < SEGMENT_BYTES_LEAST ||
    segmentBytesMax > RECORD_BYTES_MAX
  ) {
    throw new TypeError(
      `segmentBytesMax ${segmentBytesMax}: expected an integer from ${SEGMENT_BYTES_LEAST} to ${RECORD_BYTES_MAX}`,
    )
  }
}

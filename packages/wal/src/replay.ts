import { CorruptionError } from '@meru/core'
import type { FileSystem } from '@meru/fs'
import { END_OF_LOG, segmentSeed } from './format.ts'
import { readSegment, type SegmentEnd, type VisitRecord } from './read-segment.ts'
import { RecordSequence } from './record-sequence.ts'
import {
  compareSegments,
  listSegments,
  pathIn,
  type SegmentId,
  segmentName,
  type WalPosition,
} from './segment-name.ts'
import { newWindow, SegmentReader } from './segment-reader.ts'

export interface ReplayOptions {
  readonly fs: FileSystem
  readonly directory: string
  /** Only records that end after this position. Older segments are not looked at and need not exist. */
  readonly after?: WalPosition
}

/** Bytes that a crash has left where an epoch's last group was being written. Nobody was promised them. */
export interface TornTail {
  readonly file: string
  /** The end of the last whole record. */
  readonly offset: number
  readonly bytes: number
}

export interface ReplayReport {
  /** Segments that were begun. */
  readonly segments: number
  /** Records handed out. */
  readonly records: number
  /** The end of the last record in the log, handed out or not. */
  readonly end: WalPosition | undefined
  /**
   * Whether each epoch was closed. If so, all records are durable and no writer is left; if not, records
   * at the end may be with the operating system alone, and a stalled writer may yet write.
   */
  readonly isClean: boolean
  readonly tornTails: readonly TornTail[]
}

/**
 * Hands out the records of a log in the order in which they were appended, with the position where each
 * ends. A payload is valid until `onRecord` returns, or until the promise it returns resolves. Memory is
 * bounded by the longest record.
 *
 * Throws `CORRUPT` for a missing segment and for damage to anything that had been durable, as far as the
 * log can tell; records before it have been handed out by then. Not for a log that is being written.
 */
export async function replay(
  options: ReplayOptions,
  onRecord: (payload: Uint8Array, end: WalPosition) => void | Promise<void>,
): Promise<ReplayReport> {
  const log = new LogReader(options)
  const { after } = options
  const report = { segments: 0, records: 0, isClean: true, tornTails: [] as TornTail[] }
  let last: WalPosition | undefined
  for (const epoch of epochsOf(await listSegments(options), options)) {
    let isClosed = false
    for (const [index, id] of epoch.entries()) {
      const skipTo = after !== undefined && compareSegments(id, after) === 0 ? after.offset : 0
      const read = await log.read(id, epoch.slice(index + 1), (payload, offset) => {
        last = { ...id, offset }
        if (offset <= skipTo) return undefined
        report.records++
        return onRecord(payload, last)
      })
      if (read.isBegun) report.segments++
      if (read.tornTail !== undefined) report.tornTails.push(read.tornTail)
      if (read.isClosed) isClosed = true
      if (read.isLast) break
    }
    report.isClean &&= isClosed
  }
  return { ...report, end: last }
}

/** What reading one segment has told. */
interface SegmentReport {
  readonly isBegun: boolean
  readonly isLast: boolean
  readonly isClosed: boolean
  readonly tornTail: TornTail | undefined
}

class LogReader {
  readonly #options: ReplayOptions
  readonly #window = newWindow()
  readonly #sequence = new RecordSequence()

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  /** Reads a segment; `later` are the files of its epoch that come after it. */
  async read(id: SegmentId, later: readonly SegmentId[], visit: VisitRecord): Promise<SegmentReport> {
    const path = this.#path(id)
    const reader = await this.#open(id)
    try {
      const end = await readSegment(reader, id, this.#sequence, visit)
      const isClosed = end.marker === END_OF_LOG
      if (end.marker !== undefined && !isClosed) {
        return { isBegun: true, isLast: false, isClosed, tornTail: undefined }
      }
      const tornTail = isClosed ? undefined : await this.#findTornTail(reader, end)
      const next = await this.#firstBegun(later)
      if (next !== undefined) {
        const problem = isClosed ? 'says that the log ends here' : 'breaks off'
        throw new CorruptionError(
          { file: path, offset: end.offset },
          `${problem}, but ${segmentName(next)} follows`,
        )
      }
      const isBegun = end.offset > 0 || tornTail !== undefined
      return { isBegun, isLast: true, isClosed, tornTail }
    } finally {
      await reader.handle.close()
    }
  }

  /** What a crash has left behind the records. Throws `CORRUPT` if those bytes had been durable. */
  async #findTornTail(reader: SegmentReader, end: SegmentEnd): Promise<TornTail | undefined> {
    const file = reader.handle.path
    let dataEnd = this.#sequence.isInside ? end.offset : end.recordsEnd
    for (let from = end.offset; await reader.load(from); from = reader.end) {
      if (reader.findProof(from, end.offset)) {
        const problem = `no valid fragment, yet a later one tells that the bytes up to ${reader.fragment.syncedTo} had been durable`
        throw new CorruptionError({ file, offset: end.offset }, problem)
      }
      const found = reader.dataEnd(from)
      if (found > from) dataEnd = found
    }
    const bytes = dataEnd - end.recordsEnd
    return bytes > 0 ? { file, offset: end.recordsEnd, bytes } : undefined
  }

  /** The first of some segments that holds anything. */
  async #firstBegun(segments: readonly SegmentId[]): Promise<SegmentId | undefined> {
    for (const id of segments) {
      const reader = await this.#open(id)
      try {
        for (let from = 0; await reader.load(from); from = reader.end) {
          if (reader.dataEnd(from) > from) return id
        }
      } finally {
        await reader.handle.close()
      }
    }
    return undefined
  }

  async #open(id: SegmentId): Promise<SegmentReader> {
    const handle = await this.#options.fs.open(this.#path(id))
    return new SegmentReader(handle, segmentSeed(id.epoch, id.segment), this.#window)
  }

  #path(id: SegmentId): string {
    return pathIn(this.#options.directory, segmentName(id))
  }
}

/** The segments to read, by epoch. Throws `CORRUPT` if one is missing. */
function epochsOf(all: readonly SegmentId[], options: ReplayOptions): SegmentId[][] {
  const { after, directory } = options
  const epochs: SegmentId[][] = []
  let expected: SegmentId | undefined = after
  for (const id of all) {
    if (after !== undefined && compareSegments(id, after) < 0) continue
    const epoch = epochs.at(-1)
    if (epoch !== undefined && epoch[0].epoch === id.epoch) {
      expected = { epoch: id.epoch, segment: epoch[epoch.length - 1].segment + 1 }
      epoch.push(id)
    } else {
      if (expected !== undefined && expected.epoch !== id.epoch) expected = { epoch: id.epoch, segment: 1 }
      epochs.push([id])
    }
    if (expected !== undefined && compareSegments(expected, id) !== 0) throw missing(directory, expected)
    expected = id
  }
  const isFirstRequired = after !== undefined && after.segment > 1
  if (isFirstRequired && epochs[0]?.[0].epoch !== after.epoch) throw missing(directory, after)
  return epochs
}

function missing(directory: string, id: SegmentId): CorruptionError {
  return new CorruptionError(
    { file: pathIn(directory, segmentName(id)) },
    'this segment of the log is missing',
  )
}

import { ByteWriter, MeruError } from '@meru/core'
import type { FileSystem, WriteHandle } from '@meru/fs'
import { type Marker, segmentSeed } from './format.ts'
import { stampGroup, writeMarker, writeSegmentHeader } from './record-writer.ts'
import type { SegmentId } from './segment-name.ts'

/** A file that is open to become or to be a segment. */
export interface SegmentFile {
  readonly fs: FileSystem
  readonly path: string
  readonly id: SegmentId
  readonly handle: WriteHandle
  /** Bytes from 0 that are allocated and zero on disk, so that a sync of them moves data alone. */
  readonly allocatedTo: number
}

// Up to here the page cache takes the bytes faster than a thread takes the call.
const SYNCHRONOUS_BYTES_MAX = 256 * 1024
const ZEROS_BYTES = 1024 * 1024

/** Why a writer stops for good. `FENCED` keeps its name, since the caller must not go on elsewhere. */
export function poison(message: string, cause: unknown): MeruError {
  const isFenced = cause instanceof MeruError && cause.code === 'FENCED'
  return new MeruError(isFenced ? 'FENCED' : 'POISONED', message, { cause })
}

/** Writes the groups of one segment, one call at a time. */
export class SegmentWriter {
  readonly file: SegmentFile
  /** All bytes before this offset are with the operating system; the next group goes here. */
  end = 0
  /** All bytes before this offset are durable. */
  durableTo = 0
  isSealed = false
  readonly #seed: number
  /** Groups that were tried to be written. */
  #groups = 0
  /** Bytes from `end` to here may hold parts of a group that was given up. */
  #litteredTo = 0

  constructor(file: SegmentFile) {
    this.file = file
    this.#seed = segmentSeed(file.id.epoch, file.id.segment)
  }

  /** How much a group brings on average. */
  get groupBytesMean(): number {
    return this.#groups === 0 ? 0 : this.end / this.#groups
  }

  /**
   * Hands a group to the operating system. After `DISK_FULL` nothing of it counts, and the same offset
   * waits for another group.
   */
  async write(out: ByteWriter): Promise<void> {
    await this.erase()
    // The number is spent even if the write fails: what such a group leaves must never fit to another.
    stampGroup(out, this.end, { seed: this.#seed, group: ++this.#groups, syncedTo: this.durableTo })
    const to = this.end + out.length
    this.#litteredTo = to
    if (out.length <= SYNCHRONOUS_BYTES_MAX) this.file.handle.writeSync(out.written(), this.end)
    else await this.file.handle.write(out.written(), this.end)
    this.end = to
  }

  /** Makes all that was written durable. A failure is `POISONED`, whatever the cause. */
  async sync(): Promise<void> {
    const to = this.end
    if (to === this.durableTo) return
    await syncOrPoison(this.file)
    this.durableTo = to
  }

  /** Ends the segment: makes its bytes durable, and then the marker that says so. */
  async seal(marker: Marker): Promise<void> {
    await this.sync()
    const out = new ByteWriter(64)
    if (this.end === 0) writeSegmentHeader(out, this.file.id)
    writeMarker(out, this.end, marker)
    await this.write(out)
    await this.sync()
    this.isSealed = true
  }

  /**
   * Overwrites what a group that was given up may have left, durably, so that no recovery takes up a
   * record whose writer was told of its failure.
   */
  async erase(): Promise<void> {
    if (this.#litteredTo <= this.end) return
    const { fs, path, handle } = this.file
    const to = Math.min(this.#litteredTo, (await fs.size(path)) ?? 0)
    const zeros = new Uint8Array(Math.min(ZEROS_BYTES, Math.max(0, to - this.end)))
    for (let at = this.end; at < to; at += zeros.length) {
      await handle.write(zeros.subarray(0, Math.min(zeros.length, to - at)), at)
    }
    await syncOrPoison(this.file)
    this.#litteredTo = this.end
  }

  close(): Promise<void> {
    return this.file.handle.close()
  }
}

async function syncOrPoison({ handle, path }: SegmentFile): Promise<void> {
  try {
    await handle.sync()
  } catch (error) {
    throw poison(`${path}: a sync failed, so it is unknown what is durable; open the log again`, error)
  }
}

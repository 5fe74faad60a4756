import { ByteWriter, MeruError } from '@meru/core'
import type { FileSystem, WriteHandle } from '@meru/fs'
import { type Marker, segmentSeed } from './format.ts'
import { stampGroup, writeMarker, writeSegmentHeader } from './record-writer.ts'
import { pathIn, type SegmentId, segmentName } from './segment-name.ts'

/** A file that is open to be a segment. */
export interface SegmentFile {
  readonly fs: FileSystem
  readonly path: string
  readonly id: SegmentId
  readonly handle: WriteHandle
}

// Up to here the page cache takes the bytes faster than a thread takes the call.
const SYNCHRONOUS_BYTES_MAX = 256 * 1024
// How far zeros reach beyond a group: the syncs of so many bytes then move data alone.
const ALLOCATION_BYTES = 256 * 1024
// Larger groups wait for the disk's bandwidth, of which zeros would take a half.
const ALLOCATED_GROUP_BYTES_MAX = 32 * 1024
const ZEROS_BYTES = 1024 * 1024

/** Why a writer stops for good. `FENCED` keeps its name, since the caller must not go on elsewhere. */
export function poison(message: string, cause: unknown): MeruError {
  const isFenced = cause instanceof MeruError && cause.code === 'FENCED'
  return new MeruError(isFenced ? 'FENCED' : 'POISONED', message, { cause })
}

/** Makes the file of a segment, with its name durable. */
export async function createSegmentFile(
  fs: FileSystem,
  directory: string,
  id: SegmentId,
): Promise<SegmentFile> {
  const path = pathIn(directory, segmentName(id))
  const handle = await fs.create(path, { exclusive: true })
  try {
    await fs.syncDirectory(directory)
  } catch (error) {
    await handle.close().catch(() => undefined)
    throw poison(`${path}: the name of a new segment could not be made durable; open the log again`, error)
  }
  return { fs, path, id, handle }
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
  readonly #reach: {
    /** Bytes from `end` to here may hold parts of a group that was given up. */
    litteredTo: number
    /** Bytes up to here are in the file, so that a sync of them moves data alone. */
    allocatedTo: number
    /** No zeros are written beyond this offset. */
    allocationEnd: number
  }

  /** `allocationEnd`: how far zeros may be written ahead of groups; 0 for not at all. */
  constructor(file: SegmentFile, options: { readonly allocationEnd: number }) {
    this.file = file
    this.#seed = segmentSeed(file.id.epoch, file.id.segment)
    this.#reach = { litteredTo: 0, allocatedTo: 0, allocationEnd: options.allocationEnd }
  }

  /**
   * Hands a group to the operating system, before it returns unless the group is large. After `DISK_FULL`
   * nothing of it counts, and the same offset waits for another group.
   */
  write(out: ByteWriter, options: { readonly allocate: boolean }): Promise<void> | undefined {
    if (this.#reach.litteredTo > this.end) return this.erase().then(() => this.write(out, options))
    // The number is spent even if the write fails: what such a group leaves must never fit to another.
    stampGroup(out, this.end, { seed: this.#seed, group: ++this.#groups, syncedTo: this.durableTo })
    const from = this.end
    const to = from + out.length
    this.#reach.litteredTo = to
    if (out.length > SYNCHRONOUS_BYTES_MAX) {
      return this.file.handle.write(out.written(), from).then(() => this.#advance(to))
    }
    if (!(options.allocate && this.#writeAhead(out))) this.file.handle.writeSync(out.written(), from)
    this.#advance(to)
    return undefined
  }

  #advance(to: number): void {
    this.end = to
    this.#reach.litteredTo = to
  }

  /** Writes a small group with zeros behind it, if it is time for some. False if it is still to be written. */
  #writeAhead(out: ByteWriter): boolean {
    const reach = this.#reach
    const to = this.end + out.length
    const isSmall = to <= this.#groups * ALLOCATED_GROUP_BYTES_MAX
    const allocateTo = Math.min(to + ALLOCATION_BYTES, reach.allocationEnd)
    if (!isSmall || to <= reach.allocatedTo || to >= allocateTo) return false
    const length = out.length
    out.reserve(allocateTo - to)
    out.bytes.fill(0, length, length + allocateTo - to)
    reach.litteredTo = allocateTo
    try {
      this.file.handle.writeSync(out.bytes.subarray(0, length + allocateTo - to), this.end)
    } catch (error) {
      if (!(error instanceof MeruError && error.code === 'DISK_FULL')) throw error
      // The group alone may fit. What has been written of it and of the zeros is as it should be.
      reach.allocationEnd = 0
      return false
    }
    reach.allocatedTo = allocateTo
    return true
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
    await this.write(out, { allocate: false })
    await this.sync()
    this.isSealed = true
  }

  /**
   * Overwrites what a group that was given up may have left, durably, so that no recovery takes up a
   * record whose writer was told of its failure.
   */
  async erase(): Promise<void> {
    if (this.#reach.litteredTo <= this.end) return
    const { fs, path, handle } = this.file
    const to = Math.min(this.#reach.litteredTo, (await fs.size(path)) ?? 0)
    const zeros = new Uint8Array(Math.min(ZEROS_BYTES, Math.max(0, to - this.end)))
    for (let at = this.end; at < to; at += zeros.length) {
      await handle.write(zeros.subarray(0, Math.min(zeros.length, to - at)), at)
    }
    await syncOrPoison(this.file)
    this.#reach.litteredTo = this.end
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

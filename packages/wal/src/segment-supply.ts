import { MeruError } from '@meru/core'
import type { FileSystem, WriteHandle } from '@meru/fs'
import { pathIn, segmentName, spareName } from './segment-name.ts'
import { poison, type SegmentFile } from './segment-writer.ts'

export interface SegmentSupplyOptions {
  readonly fs: FileSystem
  readonly directory: string
  readonly epoch: number
  readonly segmentBytesMax: number
  readonly preallocate: boolean
}

// Small pieces, because a commit's sync may have to wait for one.
const ZEROS: Uint8Array = new Uint8Array(256 * 1024)

/**
 * Opens the segments of an epoch. A spare file is filled with zeros beside the log's own work and takes
 * the next segment's name when it is needed; a segment that cannot wait for it starts as an empty file.
 */
export class SegmentSupply {
  readonly #options: SegmentSupplyOptions
  #spare: WriteHandle | undefined
  #work: Promise<void> | undefined
  /** One try per segment: a full disk is not asked again and again. */
  #hasTried = false
  #isClosed = false

  constructor(options: SegmentSupplyOptions) {
    this.#options = options
  }

  /** Whether the next segment is allocated. */
  get isReady(): boolean {
    return this.#spare !== undefined
  }

  /**
   * Makes the file of a segment, with its name durable. `allocate` bytes are filled with zeros at once
   * where no spare is ready.
   */
  async take(segment: number, allocate: number): Promise<SegmentFile> {
    const { fs, directory, epoch, segmentBytesMax } = this.#options
    const id = { epoch, segment }
    const path = pathIn(directory, segmentName(id))
    const spare = this.#spare
    let handle: WriteHandle
    if (spare === undefined) {
      handle = await fs.create(path, { exclusive: true })
      await fillOrDiscard(fs, handle, allocate)
    } else {
      handle = spare
      await fs.rename(pathIn(directory, spareName(epoch)), path)
      this.#spare = undefined
    }
    this.#hasTried = false
    try {
      await fs.syncDirectory(directory)
    } catch (error) {
      await handle.close().catch(() => undefined)
      throw poison(`${path}: the name of a new segment could not be made durable; open the log again`, error)
    }
    return { fs, path, id, handle, allocatedTo: spare === undefined ? allocate : segmentBytesMax }
  }

  /** Starts to allocate the next segment, unless that is done or under way. */
  prepare(): void {
    if (!this.#options.preallocate || this.#isClosed || this.#hasTried) return
    if (this.#work !== undefined || this.isReady) return
    this.#hasTried = true
    this.#work = this.#prepare().finally(() => {
      this.#work = undefined
    })
  }

  /** Waits for work under way and removes the spare. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#work
    const spare = this.#spare
    this.#spare = undefined
    if (spare !== undefined) await discard(this.#options.fs, spare)
  }

  /** Never throws: a log does without spare where there is no room for one. */
  async #prepare(): Promise<void> {
    const { fs, directory, epoch, segmentBytesMax } = this.#options
    const path = pathIn(directory, spareName(epoch))
    try {
      const handle = await fs.create(path, { exclusive: false })
      await fillOrDiscard(fs, handle, segmentBytesMax, () => !this.#isClosed)
      this.#spare = handle
    } catch {
      // The segment after this one starts as an empty file.
    }
  }
}

/** Lets go of a file that nobody counts on. A name that cannot be removed does no harm. */
async function discard(fs: FileSystem, handle: WriteHandle): Promise<void> {
  await handle.close().catch(() => undefined)
  await fs.remove(handle.path).catch(() => undefined)
}

/** Makes zeros durable, a piece at a time so that other syncs need not wait for all. */
async function fillOrDiscard(
  fs: FileSystem,
  handle: WriteHandle,
  bytes: number,
  goesOn: () => boolean = () => true,
): Promise<void> {
  try {
    for (let at = 0; at < bytes; at += ZEROS.length) {
      if (!goesOn()) throw new MeruError('CLOSED', `${handle.path}: the log was closed`)
      await handle.write(ZEROS.subarray(0, Math.min(ZEROS.length, bytes - at)), at)
      await handle.sync()
    }
  } catch (error) {
    await discard(fs, handle)
    throw error
  }
}

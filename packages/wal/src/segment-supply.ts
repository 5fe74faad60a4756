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

const ZEROS: Uint8Array = new Uint8Array(1024 * 1024)

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
    let handle = this.#spare
    let allocatedTo = segmentBytesMax
    if (handle === undefined) {
      handle = await fs.create(path, { exclusive: true })
      allocatedTo = allocate
      await fill(handle, allocate, () => true)
    } else {
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
    return { fs, path, id, handle, allocatedTo }
  }

  /** Starts to allocate the next segment, unless that is done or under way. */
  prepare(): void {
    if (!this.#options.preallocate || this.#isClosed || this.#hasTried || this.isReady) return
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
    if (spare === undefined) return
    this.#spare = undefined
    await spare.close()
    await this.#options.fs.remove(pathIn(this.#options.directory, spareName(this.#options.epoch)))
  }

  /** Never throws: a log does without spare where there is no room for one. */
  async #prepare(): Promise<void> {
    const { fs, directory, epoch, segmentBytesMax } = this.#options
    const path = pathIn(directory, spareName(epoch))
    let handle: WriteHandle | undefined
    try {
      handle = await fs.create(path, { exclusive: false })
      await fill(handle, segmentBytesMax, () => !this.#isClosed)
      this.#spare = handle
    } catch {
      await handle?.close().catch(() => undefined)
      await fs.remove(path).catch(() => undefined)
    }
  }
}

/** Writes zeros and makes them durable, a piece at a time so that other syncs need not wait for all. */
async function fill(handle: WriteHandle, bytes: number, goesOn: () => boolean): Promise<void> {
  for (let at = 0; at < bytes; at += ZEROS.length) {
    if (!goesOn()) throw new MeruError('CLOSED', `${handle.path}: the log was closed`)
    await handle.write(ZEROS.subarray(0, Math.min(ZEROS.length, bytes - at)), at)
    await handle.sync()
  }
}

import { MeruError } from '@meru/core'
import type { ReadHandle, WriteHandle } from './file-system.ts'
import { errnoError, ioError } from './io-error.ts'
import type { Uploader } from './s3-upload.ts'

/** A range of one object, never of another that took its name. */
export type RangeReader = (offset: number, length: number) => Promise<Uint8Array>

export class S3ReadHandle implements ReadHandle {
  readonly path: string
  readonly size: number
  readonly #read: RangeReader
  readonly #running: Set<Promise<unknown>> = new Set()
  #isClosed = false

  constructor(path: string, size: number, read: RangeReader) {
    this.path = path
    this.size = size
    this.#read = read
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    if (this.#isClosed) throw closed(this.path)
    const length = Math.min(into.length, this.size - offset)
    if (length <= 0) return 0
    const reading = this.#read(offset, length)
    this.#running.add(reading)
    try {
      into.set(await reading)
      return length
    } finally {
      this.#running.delete(reading)
    }
  }

  readSync(): number {
    if (this.#isClosed) throw closed(this.path)
    throw noSyncCalls('read', this.path)
  }

  async close(): Promise<void> {
    this.closeSync()
    await Promise.allSettled(this.#running)
  }

  closeSync(): void {
    this.#isClosed = true
  }
}

/**
 * Gathers what is written, in parts of a fixed size. Whole parts behind the first go out while the file is still
 * written, so that memory stays bounded; the first waits, for it may be written again.
 */
export class S3WriteHandle implements WriteHandle {
  readonly path: string
  readonly #uploader: Uploader
  readonly #partBytes: number
  readonly #parts: Map<number, Uint8Array> = new Map()
  #length = 0
  #firstWaiting = 1
  #state: 'changed' | 'synced' | 'closed' = 'changed'

  constructor(path: string, uploader: Uploader, partBytes: number) {
    this.path = path
    this.#uploader = uploader
    this.#partBytes = partBytes
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    if (this.#state === 'closed') throw closed(this.path)
    if (bytes.length === 0) return
    this.#state = 'changed'
    for (let done = 0; done < bytes.length;) {
      const index = Math.floor((offset + done) / this.#partBytes)
      const within = offset + done - index * this.#partBytes
      const count = Math.min(bytes.length - done, this.#partBytes - within)
      this.#partFor(index, within + count).set(bytes.subarray(done, done + count), within)
      done += count
    }
    this.#length = Math.max(this.#length, offset + bytes.length)
    // What lies before the end of the file by a whole part is not written again.
    while ((this.#firstWaiting + 2) * this.#partBytes <= this.#length) {
      await this.#uploader.part(this.#firstWaiting, this.#take(this.#firstWaiting))
      this.#firstWaiting++
    }
  }

  writeSync(): void {
    if (this.#state === 'closed') throw closed(this.path)
    throw noSyncCalls('write', this.path)
  }

  async sync(): Promise<void> {
    if (this.#state === 'closed') throw closed(this.path)
    if (this.#state === 'synced') return
    if (this.#length <= this.#partBytes && this.#firstWaiting === 1) {
      const content = this.#contentOf(0)
      this.#state = 'synced'
      await this.#uploader.whole(content)
      return
    }
    for (; this.#firstWaiting * this.#partBytes < this.#length; this.#firstWaiting++) {
      await this.#uploader.part(this.#firstWaiting, this.#take(this.#firstWaiting))
    }
    this.#state = 'synced'
    await this.#uploader.complete(this.#contentOf(0))
  }

  syncSync(): void {
    if (this.#state === 'closed') throw closed(this.path)
    throw noSyncCalls('sync', this.path)
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.closeSync()
    await this.#uploader.abandon()
  }

  closeSync(): void {
    this.#state = 'closed'
    this.#parts.clear()
  }

  /** The buffer of a part, with room for so many bytes. */
  #partFor(index: number, length: number): Uint8Array {
    if (index > 0 && index < this.#firstWaiting) {
      const problem = `bytes before ${this.#firstWaiting * this.#partBytes} have gone to the store already`
      throw ioError('write', this.path, errnoError('EINVAL', problem))
    }
    const part = this.#parts.get(index)
    if (part !== undefined && part.length >= length) return part
    const grown = new Uint8Array(Math.min(this.#partBytes, Math.max(length, 2 * (part?.length ?? 0))))
    if (part !== undefined) grown.set(part)
    this.#parts.set(index, grown)
    return grown
  }

  #take(index: number): Uint8Array {
    const bytes = this.#contentOf(index)
    this.#parts.delete(index)
    return bytes
  }

  /** The bytes of a part; what nobody wrote is zeros. */
  #contentOf(index: number): Uint8Array {
    const length = Math.min(this.#partBytes, this.#length - index * this.#partBytes)
    return this.#partFor(index, length).slice(0, length)
  }
}

export function noSyncCalls(operation: string, path: string): MeruError {
  return new MeruError(
    'UNSUPPORTED',
    `${operation} ${path}: an object store cannot be used without waiting; use the asynchronous call`,
  )
}

function closed(path: string): MeruError {
  return new MeruError('CLOSED', `${path}: the file is closed`)
}

import { MeruError } from '@meru/core'
import type { ReadHandle, WriteHandle } from './file-system.ts'
import { errnoError, ioError } from './io-error.ts'
import type { MemoryFile } from './memory-file.ts'

/** Whether the machine still runs. */
export class Power {
  #isOn = true

  cut(): void {
    this.#isOn = false
  }

  /** Throws `IO` once the power is cut. */
  require(operation: string, path: string): void {
    if (!this.#isOn) throw ioError(operation, path, errnoError('EIO', 'this file system has crashed'))
  }
}

/** What the handles of one open file have in common. */
class Opened {
  readonly path: string
  readonly file: MemoryFile
  readonly #power: Power
  #isClosed = false

  constructor(path: string, file: MemoryFile, power: Power) {
    this.path = path
    this.file = file
    this.#power = power
  }

  /** The file, for one call. */
  use(operation: string): MemoryFile {
    this.#power.require(operation, this.path)
    if (this.#isClosed) throw new MeruError('CLOSED', `${operation} ${this.path}: the file handle is closed`)
    return this.file
  }

  close(): void {
    this.#isClosed = true
  }
}

// The asynchronous calls of both handles take effect one turn after they were made, as they would with
// a disk: a caller who changes the bytes in between, or counts on a write it has not awaited, is found out.

/** A file in memory, open for reading. */
export class MemoryReadHandle implements ReadHandle {
  readonly size: number
  readonly #opened: Opened

  constructor(path: string, file: MemoryFile, power: Power) {
    this.#opened = new Opened(path, file, power)
    this.size = file.length
  }

  get path(): string {
    return this.#opened.path
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    const file = this.#opened.use('read')
    await Promise.resolve()
    return file.read(into, offset)
  }

  readSync(into: Uint8Array, offset: number): number {
    return this.#opened.use('read').read(into, offset)
  }

  async close(): Promise<void> {
    this.#opened.close()
  }

  closeSync(): void {
    this.#opened.close()
  }
}

/** A file in memory, open for writing. */
export class MemoryWriteHandle implements WriteHandle {
  readonly #opened: Opened
  readonly #power: Power

  constructor(path: string, file: MemoryFile, power: Power) {
    this.#opened = new Opened(path, file, power)
    this.#power = power
  }

  get path(): string {
    return this.#opened.path
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    const file = this.#opened.use('write')
    await Promise.resolve()
    this.#power.require('write', this.path)
    file.write(bytes, offset)
  }

  writeSync(bytes: Uint8Array, offset: number): void {
    this.#opened.use('write').write(bytes, offset)
  }

  async sync(): Promise<void> {
    const file = this.#opened.use('sync')
    const written = file.mark()
    await Promise.resolve()
    this.#power.require('sync', this.path)
    file.sync(written)
  }

  syncSync(): void {
    const file = this.#opened.use('sync')
    file.sync(file.mark())
  }

  async close(): Promise<void> {
    this.#opened.close()
  }

  closeSync(): void {
    this.#opened.close()
  }
}

import { fdatasync, fdatasyncSync, read, readSync, write, writeSync } from 'node:fs'
import type { Descriptor } from './descriptor.ts'
import type { ReadHandle, WriteHandle } from './file-system.ts'
import { ioError } from './io-error.ts'

// One system call moves less than 2 GiB.
const CALL_BYTES_MAX = 1 << 30

/** A file of the operating system, open for reading. */
export class NodeReadHandle implements ReadHandle {
  readonly size: number
  readonly #descriptor: Descriptor

  constructor(descriptor: Descriptor, size: number) {
    this.#descriptor = descriptor
    this.size = size
  }

  get path(): string {
    return this.#descriptor.path
  }

  read(into: Uint8Array, offset: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const fd = this.#descriptor.acquire('read')
      const step = (done: number): void => {
        const length = Math.min(into.length - done, CALL_BYTES_MAX)
        read(fd, into, done, length, offset + done, (error, count) => {
          if (error === null && count > 0 && done + count < into.length) return step(done + count)
          this.#descriptor.release()
          if (error === null) resolve(done + count)
          else reject(ioError('read', this.path, error))
        })
      }
      step(0)
    })
  }

  readSync(into: Uint8Array, offset: number): number {
    const fd = this.#descriptor.now('read')
    let done = 0
    try {
      while (done < into.length) {
        const length = Math.min(into.length - done, CALL_BYTES_MAX)
        const count = readSync(fd, into, done, length, offset + done)
        if (count === 0) break
        done += count
      }
    } catch (error) {
      throw ioError('read', this.path, error)
    }
    return done
  }

  close(): Promise<void> {
    return this.#descriptor.close()
  }

  closeSync(): void {
    this.#descriptor.closeSync()
  }
}

/** A file of the operating system, open for writing. */
export class NodeWriteHandle implements WriteHandle {
  readonly #descriptor: Descriptor

  constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor
  }

  get path(): string {
    return this.#descriptor.path
  }

  write(bytes: Uint8Array, offset: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const fd = this.#descriptor.acquire('write')
      const step = (done: number): void => {
        const length = Math.min(bytes.length - done, CALL_BYTES_MAX)
        write(fd, bytes, done, length, offset + done, (error, count) => {
          if (error === null && done + count < bytes.length) return step(done + count)
          this.#descriptor.release()
          if (error === null) resolve()
          else reject(ioError('write', this.path, error))
        })
      }
      step(0)
    })
  }

  writeSync(bytes: Uint8Array, offset: number): void {
    const fd = this.#descriptor.now('write')
    let done = 0
    try {
      while (done < bytes.length) {
        const length = Math.min(bytes.length - done, CALL_BYTES_MAX)
        done += writeSync(fd, bytes, done, length, offset + done)
      }
    } catch (error) {
      throw ioError('write', this.path, error)
    }
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      const fd = this.#descriptor.acquire('sync')
      fdatasync(fd, (error) => {
        this.#descriptor.release()
        if (error === null) resolve()
        else reject(ioError('sync', this.path, error))
      })
    })
  }

  syncSync(): void {
    const fd = this.#descriptor.now('sync')
    try {
      fdatasyncSync(fd)
    } catch (error) {
      throw ioError('sync', this.path, error)
    }
  }

  close(): Promise<void> {
    return this.#descriptor.close()
  }

  closeSync(): void {
    this.#descriptor.closeSync()
  }
}

import { close, closeSync } from 'node:fs'
import { MeruError } from '@meru/core'
import { ioError } from './io-error.ts'

/**
 * A file descriptor that is given back once nothing uses it. The system hands a closed number to the
 * next file opened, so closing under a running call would let that call touch a stranger's file.
 */
export class Descriptor {
  readonly path: string
  readonly #number: number
  #running = 0
  #closed: Promise<void> | undefined
  #whenIdle: (() => void) | undefined

  constructor(number: number, path: string) {
    this.#number = number
    this.path = path
  }

  /** The number, for one call; each `acquire` is followed by one `release`. */
  acquire(operation: string): number {
    this.#refuseClosed(operation)
    this.#running++
    return this.#number
  }

  release(): void {
    if (--this.#running === 0) this.#whenIdle?.()
  }

  /** The number, for a call that returns before anything else can run. */
  now(operation: string): number {
    this.#refuseClosed(operation)
    return this.#number
  }

  /** Resolves when the running calls are done and the number is given back. May be called again. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve, reject) => {
      const giveBack = (): void =>
        close(this.#number, (error) => (error ? reject(ioError('close', this.path, error)) : resolve()))
      if (this.#running === 0) giveBack()
      else this.#whenIdle = giveBack
    })
    return this.#closed
  }

  /** Closes now, or as soon as the running calls are done. May be called again. */
  closeSync(): void {
    if (this.#closed !== undefined) return
    if (this.#running > 0) {
      // Nobody is left to be told of a failure.
      this.close().catch(() => undefined)
      return
    }
    this.#closed = Promise.resolve()
    try {
      closeSync(this.#number)
    } catch (error) {
      throw ioError('close', this.path, error)
    }
  }

  #refuseClosed(operation: string): void {
    if (this.#closed !== undefined) {
      throw new MeruError('CLOSED', `${operation} ${this.path}: the file handle is closed`)
    }
  }
}

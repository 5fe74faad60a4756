import type { Call } from './intercepted-fs.ts'

interface Account {
  bytes: number
  names: number
}

/**
 * Counts what files take up, as far as their bytes go: a gap counts, a second name does not, and the
 * last name gives the bytes back.
 */
export class DiskQuota {
  /** Bytes that may still be written before the disk is full. */
  free: number = Infinity
  readonly #accounts = new Map<string, Account>()

  /** How many bytes of a write fit. */
  fitting(call: Call): number {
    const { offset = 0, length = 0 } = call
    const bytes = this.#accounts.get(call.path)?.bytes ?? 0
    return Math.max(0, Math.min(length, bytes + this.free - offset))
  }

  /** Whether a call needs room for a new name on a full disk. */
  refuses(call: Call): boolean {
    if (this.free > 0) return false
    if (call.operation === 'create') return !this.#accounts.has(call.path)
    return call.operation === 'link' || call.operation === 'makeDirectory'
  }

  /** Books a call that has succeeded; `count` is what a write wrote. */
  book(call: Call, count: number): void {
    switch (call.operation) {
      case 'create':
        this.#empty(call.path)
        break
      case 'write':
        this.#grow(call.path, (call.offset ?? 0) + count, count)
        break
      case 'link':
        this.#name(call.to ?? '', this.#accounts.get(call.path))
        break
      case 'rename':
        this.#rename(call.path, call.to ?? '')
        break
      case 'remove':
        this.#release(call.path)
        break
      default:
    }
  }

  #empty(path: string): void {
    const account = this.#accounts.get(path)
    if (account === undefined) {
      this.#name(path, { bytes: 0, names: 0 })
      return
    }
    this.free += account.bytes
    account.bytes = 0
  }

  #grow(path: string, end: number, count: number): void {
    const account = this.#accounts.get(path)
    if (account === undefined || count === 0 || end <= account.bytes) return
    this.free -= end - account.bytes
    account.bytes = end
  }

  #name(path: string, account: Account | undefined): void {
    if (account === undefined) return
    account.names++
    this.#accounts.set(path, account)
  }

  #rename(from: string, to: string): void {
    const account = this.#accounts.get(from)
    if (from === to || (account !== undefined && account === this.#accounts.get(to))) return
    this.#release(to)
    this.#accounts.delete(from)
    if (account !== undefined) this.#accounts.set(to, account)
  }

  #release(path: string): void {
    const account = this.#accounts.get(path)
    if (account === undefined) return
    this.#accounts.delete(path)
    if (--account.names === 0) this.free += account.bytes
  }
}

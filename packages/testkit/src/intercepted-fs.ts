import type { FileSystem, ReadHandle, WriteHandle } from '@meru/fs'

export type Operation =
  | 'open'
  | 'create'
  | 'readFile'
  | 'list'
  | 'size'
  | 'makeDirectory'
  | 'link'
  | 'rename'
  | 'remove'
  | 'removeDirectory'
  | 'syncDirectory'
  | 'read'
  | 'write'
  | 'sync'
  | 'close'

/** One call of the port, synchronous or not. */
export interface Call {
  readonly operation: Operation
  readonly path: string
  /** The new name, of `link` and `rename`. */
  readonly to?: string
  /** Where and how much, of `read` and `write`. */
  readonly offset?: number
  readonly length?: number
  /** Of `create`. */
  readonly exclusive?: boolean
}

/**
 * What happens around each call. `run` makes the call on the file system below; `count` cuts a `read` or
 * a `write` to so many bytes.
 */
export interface Interceptor {
  around<T>(call: Call, run: (count?: number) => Promise<T>): Promise<T>
  aroundSync<T>(call: Call, run: (count?: number) => T): T
}

/** A file system every call of which goes through an interceptor. */
export class InterceptedFs implements FileSystem {
  readonly root: string
  readonly #below: FileSystem
  readonly #interceptor: Interceptor

  constructor(below: FileSystem, interceptor: Interceptor) {
    this.root = below.root
    this.#below = below
    this.#interceptor = interceptor
  }

  open(path: string): Promise<ReadHandle> {
    return this.#around({ operation: 'open', path }, async () => this.#reading(await this.#below.open(path)))
  }

  openSync(path: string): ReadHandle {
    return this.#interceptor.aroundSync({ operation: 'open', path }, () =>
      this.#reading(this.#below.openSync(path)),
    )
  }

  create(path: string, options: { exclusive: boolean }): Promise<WriteHandle> {
    return this.#around({ operation: 'create', path, exclusive: options.exclusive }, async () =>
      this.#writing(await this.#below.create(path, options)),
    )
  }

  createSync(path: string, options: { exclusive: boolean }): WriteHandle {
    return this.#interceptor.aroundSync({ operation: 'create', path, exclusive: options.exclusive }, () =>
      this.#writing(this.#below.createSync(path, options)),
    )
  }

  readFile(path: string): Promise<Uint8Array | undefined> {
    return this.#around({ operation: 'readFile', path }, () => this.#below.readFile(path))
  }

  list(path: string): Promise<string[]> {
    return this.#around({ operation: 'list', path }, () => this.#below.list(path))
  }

  listSync(path: string): string[] {
    return this.#interceptor.aroundSync({ operation: 'list', path }, () => this.#below.listSync(path))
  }

  size(path: string): Promise<number | undefined> {
    return this.#around({ operation: 'size', path }, () => this.#below.size(path))
  }

  makeDirectory(path: string): Promise<void> {
    return this.#around({ operation: 'makeDirectory', path }, () => this.#below.makeDirectory(path))
  }

  link(from: string, to: string): Promise<void> {
    return this.#around({ operation: 'link', path: from, to }, () => this.#below.link(from, to))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#around({ operation: 'rename', path: from, to }, () => this.#below.rename(from, to))
  }

  remove(path: string): Promise<void> {
    return this.#around({ operation: 'remove', path }, () => this.#below.remove(path))
  }

  removeDirectory(path: string): Promise<void> {
    return this.#around({ operation: 'removeDirectory', path }, () => this.#below.removeDirectory(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.#around({ operation: 'syncDirectory', path }, () => this.#below.syncDirectory(path))
  }

  #around<T>(call: Call, run: () => Promise<T>): Promise<T> {
    return this.#interceptor.around(call, run)
  }

  #reading(handle: ReadHandle): ReadHandle {
    return interceptReads(handle, this.#interceptor)
  }

  #writing(handle: WriteHandle): WriteHandle {
    return interceptWrites(handle, this.#interceptor)
  }
}

function interceptReads(below: ReadHandle, interceptor: Interceptor): ReadHandle {
  const { path, size } = below
  const reading = (into: Uint8Array, offset: number): Call => ({
    operation: 'read',
    path,
    offset,
    length: into.length,
  })
  return {
    path,
    size,
    read: (into, offset) =>
      interceptor.around(reading(into, offset), (count) => below.read(into.subarray(0, count), offset)),
    readSync: (into, offset) =>
      interceptor.aroundSync(reading(into, offset), (count) =>
        below.readSync(into.subarray(0, count), offset),
      ),
    close: () => interceptor.around({ operation: 'close', path }, () => below.close()),
    closeSync: () => interceptor.aroundSync({ operation: 'close', path }, () => below.closeSync()),
  }
}

function interceptWrites(below: WriteHandle, interceptor: Interceptor): WriteHandle {
  const { path } = below
  const writing = (bytes: Uint8Array, offset: number): Call => ({
    operation: 'write',
    path,
    offset,
    length: bytes.length,
  })
  return {
    path,
    write: (bytes, offset) =>
      interceptor.around(writing(bytes, offset), (count) => below.write(bytes.subarray(0, count), offset)),
    writeSync: (bytes, offset) =>
      interceptor.aroundSync(writing(bytes, offset), (count) =>
        below.writeSync(bytes.subarray(0, count), offset),
      ),
    sync: () => interceptor.around({ operation: 'sync', path }, () => below.sync()),
    syncSync: () => interceptor.aroundSync({ operation: 'sync', path }, () => below.syncSync()),
    close: () => interceptor.around({ operation: 'close', path }, () => below.close()),
    closeSync: () => interceptor.aroundSync({ operation: 'close', path }, () => below.closeSync()),
  }
}

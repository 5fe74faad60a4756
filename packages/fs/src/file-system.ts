/**
 * The port for every access to files. A path is names joined by `/`, relative to the root that the
 * implementation was made with; the empty path is the root. A path with an empty name, `.`, `..` or a
 * backslash is a `TypeError`. Failures throw `MeruError`: `IO` with the cause, or `DISK_FULL`; each names
 * the operation and the path. A missing file is `undefined` where a method says so, else `IO`.
 *
 * Durability: bytes are durable after `WriteHandle.sync`; a made, linked, renamed or removed name, be it of
 * a file or of a directory, is durable after `syncDirectory` of the directory that holds it. The root and
 * what is above it are durable once `makeDirectory` has made them.
 */
export interface FileSystem {
  /** Opens a file for positional reads. */
  open(path: string): Promise<ReadHandle>
  openSync(path: string): ReadHandle
  /**
   * Creates a file for writing. If there is one, `exclusive` fails with `EEXIST` (see `isExists`); otherwise
   * it is emptied.
   */
  create(path: string, options: { exclusive: boolean }): Promise<WriteHandle>
  createSync(path: string, options: { exclusive: boolean }): WriteHandle
  /** The whole file, or `undefined` if there is none. */
  readFile(path: string): Promise<Uint8Array | undefined>
  /** Names in a directory, unordered, without `.` and `..`; empty if there is no such directory. */
  list(path: string): Promise<string[]>
  listSync(path: string): string[]
  /** Bytes of a file, or `undefined` if there is none. */
  size(path: string): Promise<number | undefined>
  /** Makes a directory and its parents; no error if it is there. */
  makeDirectory(path: string): Promise<void>
  /**
   * Gives a file a second name; fails with `EEXIST` (see `isExists`) if the name is taken. Where there are
   * no hard links it makes an exclusive copy, of which a crash can leave a part.
   */
  link(from: string, to: string): Promise<void>
  /** Renames a file, replacing the target. */
  rename(from: string, to: string): Promise<void>
  /** Removes a file; no error if there is none. */
  remove(path: string): Promise<void>
  /** Removes an empty directory; no error if it is absent or not empty. */
  removeDirectory(path: string): Promise<void>
  syncDirectory(path: string): Promise<void>
  /**
   * True where a file appears at its `sync`, with all its bytes and durably, or not at all, as in an object store. A
   * name that is taken may then be reported as late as that, and what was not synced is gone when the handle closes.
   */
  readonly wholeFiles?: boolean
  /** The root as an absolute path or URI without trailing slash, for metadata that must name files absolutely. */
  readonly root: string
}

/**
 * A file open for reading. Reads at or past the end return fewer bytes; `size` is that at opening. Closing
 * waits for running calls, and may be repeated; a call on a closed handle throws `CLOSED`.
 */
export interface ReadHandle {
  readonly path: string
  readonly size: number
  /** Fills `into` from `offset`; returns the number of bytes read, less than asked only at the end. */
  read(into: Uint8Array, offset: number): Promise<number>
  readSync(into: Uint8Array, offset: number): number
  close(): Promise<void>
  closeSync(): void
}

/**
 * A file open for writing. Positions need not be in order; a gap reads as zeros. Bytes handed to `write`
 * must not change before it is done. Closing is as for `ReadHandle`, and makes nothing durable.
 */
export interface WriteHandle {
  readonly path: string
  write(bytes: Uint8Array, offset: number): Promise<void>
  writeSync(bytes: Uint8Array, offset: number): void
  /**
   * Makes the bytes durable whose writes were done when it was called (`fdatasync`). Never retried by
   * callers, for after a failure nobody knows what is durable: see `POISONED`.
   */
  sync(): Promise<void>
  syncSync(): void
  close(): Promise<void>
  closeSync(): void
}

/** Everything else from outside: time, randomness, timers. Swapped in tests. */
export interface Environment {
  /** Milliseconds since the epoch. */
  now(): number
  /** A monotonic clock in milliseconds, for durations. */
  elapsed(): number
  /** A random UUID, lower case. */
  uuid(): string
  /** A random integer in [0, bound); bound at most 2^48. */
  random(bound: number): number
  /** Runs a task later; the returned function cancels it. */
  after(milliseconds: number, task: () => void): () => void
  /** Lets other work of the event loop run, input and output included. */
  yield(): Promise<void>
}

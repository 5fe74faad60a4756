import { ByteWriter } from '@meru/core'
import { sha256, type FileSystem, type Hasher, type WriteHandle } from '@meru/fs'

/** Writes are gathered to at least this size. */
const WRITE_BYTES = 512 * 1024

/** Where encoded pages go. Whoever writes appends to `buffer` and calls `drain` now and then. */
export interface PageOutput {
  readonly buffer: ByteWriter
  /** True if `drain` has something to do. */
  readonly isFull: boolean
  drain(): Promise<void>
}

/**
 * A file that is written from start to end, in large pieces, and hashed on the way.
 */
export class FileOutput implements PageOutput {
  readonly buffer: ByteWriter = new ByteWriter(2 * WRITE_BYTES)
  private readonly handle: WriteHandle
  private readonly hash: Hasher = sha256()
  private written = 0

  private constructor(handle: WriteHandle) {
    this.handle = handle
  }

  static async create(fs: FileSystem, path: string): Promise<FileOutput> {
    return new FileOutput(await fs.create(path, { exclusive: true }))
  }

  /** Bytes so far, buffered ones included: the offset of the next. */
  get length(): number {
    return this.written + this.buffer.length
  }

  /** True if `drain` has something to do. */
  get isFull(): boolean {
    return this.buffer.length >= WRITE_BYTES
  }

  /** Writes the buffer if it is worth a write. */
  async drain(): Promise<void> {
    if (this.isFull) await this.write()
  }

  /** Makes all bytes durable and closes the file. Returns their SHA-256 in hex. */
  async finish(): Promise<string> {
    if (this.buffer.length > 0) await this.write()
    await this.handle.sync()
    await this.handle.close()
    return this.hash.digestHex()
  }

  async close(): Promise<void> {
    await this.handle.close()
  }

  private async write(): Promise<void> {
    const bytes = this.buffer.written()
    this.hash.update(bytes)
    await this.handle.write(bytes, this.written)
    this.written += bytes.length
    this.buffer.clear()
  }
}

import { ByteWriter } from '@meru/core'
import { sha256, type FileSystem, type Hasher, type WriteHandle } from '@meru/fs'

/** Writes are gathered to at least this size. */
const WRITE_BYTES = 256 * 1024

/** A file that is written from start to end, in large pieces, and hashed on the way. */
export class FileOutput {
  /** Bytes appended so far: the offset of the next. */
  length = 0
  private readonly handle: WriteHandle
  private readonly hash: Hasher = sha256()
  private readonly pending: ByteWriter = new ByteWriter(WRITE_BYTES)
  private written = 0

  private constructor(handle: WriteHandle) {
    this.handle = handle
  }

  static async create(fs: FileSystem, path: string): Promise<FileOutput> {
    return new FileOutput(await fs.create(path, { exclusive: true }))
  }

  /** Appends bytes, which may be reused once the promise is resolved. */
  async append(bytes: Uint8Array): Promise<void> {
    this.length += bytes.length
    if (this.pending.length + bytes.length < WRITE_BYTES) {
      this.pending.append(bytes)
      return
    }
    await this.flush()
    if (bytes.length < WRITE_BYTES) this.pending.append(bytes)
    else await this.write(bytes)
  }

  /** Makes all bytes durable and closes the file. Returns their SHA-256 in hex. */
  async finish(): Promise<string> {
    await this.flush()
    await this.handle.sync()
    await this.handle.close()
    return this.hash.digestHex()
  }

  async close(): Promise<void> {
    await this.handle.close()
  }

  private async flush(): Promise<void> {
    if (this.pending.length === 0) return
    await this.write(this.pending.written())
    this.pending.clear()
  }

  private async write(bytes: Uint8Array): Promise<void> {
    this.hash.update(bytes)
    await this.handle.write(bytes, this.written)
    this.written += bytes.length
  }
}

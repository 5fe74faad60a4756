import { CorruptionError } from './errors.ts'
import { readText } from './text.ts'

/**
 * A range-checked cursor over bytes from disk. Every step that would leave the bytes throws a
 * `CorruptionError` that names the file and the offset in it.
 */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly file: string
  /** Offset of `bytes[0]` in the file, for messages. */
  readonly fileOffset: number
  /** Index into `bytes` of the next byte. */
  position = 0

  constructor(bytes: Uint8Array, file: string, fileOffset = 0) {
    this.bytes = bytes
    this.file = file
    this.fileOffset = fileOffset
  }

  get remaining(): number {
    return this.bytes.length - this.position
  }

  u8(): number {
    const at = this.skip(1)
    return this.bytes[at]
  }

  u32(): number {
    const at = this.skip(4)
    const bytes = this.bytes
    return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
  }

  /** 8 little-endian bytes as a safe non-negative integer. */
  u64(): number {
    const low = this.u32()
    const high = this.u32()
    if (high > 0x1fffff) throw this.corrupt('a number above 2^53', this.position - 8)
    return high * 4294967296 + low
  }

  /** Unsigned LEB128, at most a safe integer; longer than needed is corruption. */
  varint(): number {
    const start = this.position
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        if (byte === 0 && i > 0) throw this.corrupt('a varint with superfluous bytes', start)
        return value
      }
      scale *= 128
    }
    throw this.corrupt('a varint above 2^53', start)
  }

  /** The next `count` bytes, as a view. */
  take(count: number): Uint8Array {
    const at = this.skip(count)
    return this.bytes.subarray(at, at + count)
  }

  /** The next `count` bytes as UTF-8 text. */
  text(count: number): string {
    const at = this.skip(count)
    return readText(this.bytes, at, at + count)
  }

  /** Steps over `count` bytes and returns the index of the first of them. */
  skip(count: number): number {
    const at = this.position
    if (!(count >= 0 && count <= this.bytes.length - at)) {
      throw this.corrupt(`${count} bytes expected, ${this.remaining} left`)
    }
    this.position = at + count
    return at
  }

  /** The error for a problem at `position`, or at the cursor. */
  corrupt(problem: string, position: number = this.position): CorruptionError {
    return new CorruptionError({ file: this.file, offset: this.fileOffset + position }, problem)
  }
}

import type { BytesVector } from './vector.ts'

const ROWS_FIRST = 64
const BYTES_FIRST = 1024

/** Collects byte strings into one vector, such as the keys of a batch. */
export class BytesBuilder {
  length = 0
  private bytes: Uint8Array = new Uint8Array(0)
  private offsets: Uint32Array = new Uint32Array(1)

  /** Adds a copy of `source[start .. end)`. */
  append(source: Uint8Array, start: number, end: number): void {
    if (this.length + 2 > this.offsets.length) this.growOffsets()
    const at = this.offsets[this.length]
    const needed = at + end - start
    if (needed > this.bytes.length) this.growBytes(needed)
    const bytes = this.bytes
    if (end - start > 64) bytes.set(source.subarray(start, end), at)
    else for (let i = start; i < end; i++) bytes[at + i - start] = source[i]
    this.offsets[++this.length] = needed
  }

  /** The vector of what was added; the builder starts anew. */
  finish(): BytesVector {
    const { bytes, offsets, length } = this
    this.bytes = new Uint8Array(0)
    this.offsets = new Uint32Array(1)
    this.length = 0
    return { physical: 'bytes', length, bytes, offsets: offsets.subarray(0, length + 1) }
  }

  private growBytes(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2, BYTES_FIRST))
    grown.set(this.bytes)
    this.bytes = grown
  }

  private growOffsets(): void {
    const grown = new Uint32Array(Math.max(ROWS_FIRST, this.offsets.length * 2))
    grown.set(this.offsets)
    this.offsets = grown
  }
}

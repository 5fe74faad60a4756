import type { BytesVector } from './vector.ts'

/** Collects byte strings into one vector, such as the keys of a batch. */
export class BytesBuilder {
  length = 0
  private bytes: Uint8Array
  private offsets: Uint32Array

  constructor(capacity: { rows: number; bytes: number } = { rows: 256, bytes: 4096 }) {
    this.bytes = new Uint8Array(capacity.bytes)
    this.offsets = new Uint32Array(capacity.rows + 1)
  }

  /** Adds a copy of `source[start .. end)`. */
  append(source: Uint8Array, start: number, end: number): void {
    const at = this.offsets[this.length]
    const needed = at + end - start
    if (needed > this.bytes.length) this.growBytes(needed)
    if (this.length + 2 > this.offsets.length) this.growOffsets()
    const bytes = this.bytes
    if (end - start > 64) bytes.set(source.subarray(start, end), at)
    else for (let i = start; i < end; i++) bytes[at + i - start] = source[i]
    this.offsets[++this.length] = needed
  }

  /** The vector of what was added; the builder starts anew. */
  finish(): BytesVector {
    const { bytes, offsets, length } = this
    this.bytes = new Uint8Array(bytes.length)
    this.offsets = new Uint32Array(offsets.length)
    this.length = 0
    return { physical: 'bytes', length, bytes, offsets: offsets.subarray(0, length + 1) }
  }

  private growBytes(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    grown.set(this.bytes)
    this.bytes = grown
  }

  private growOffsets(): void {
    const grown = new Uint32Array(this.offsets.length * 2)
    grown.set(this.offsets)
    this.offsets = grown
  }
}

import type { Physical } from './column-type.ts'
import type { Vector } from './vector.ts'

/** Offsets are 32 bits wide. */
const BYTES_MAX = 0xffffffff

/**
 * Grows one vector by raw values: fixed-width values as the little-endian bytes of encoded rows,
 * variable ones as slices.
 */
export class VectorBuilder {
  readonly physical: Physical
  readonly width: number
  /** Values so far. */
  length = 0
  #bytes: Uint8Array<ArrayBuffer>
  #used = 0
  #offsets: Uint32Array<ArrayBuffer>
  #validity: Uint8Array<ArrayBuffer> | undefined

  /** `width` is the bytes of one value, 0 for `bytes`; see `physicalOf`. */
  constructor(physical: Physical, width: number) {
    this.physical = physical
    this.width = width
    this.#bytes = new Uint8Array(64 * (width || 16))
    this.#offsets = new Uint32Array(physical === 'bytes' ? 64 : 0)
  }

  /** Appends `source[start .. end)`: one value, of `width` bytes unless the vector is of `bytes`. */
  append(source: Uint8Array, start: number, end: number): void {
    const count = end - start
    const at = this.room(count)
    const bytes = this.#bytes
    if (count <= 24) for (let i = 0; i < count; i++) bytes[at + i] = source[start + i]
    else bytes.set(source.subarray(start, end), at)
    this.push(count)
  }

  /** Appends an absent value. */
  appendNull(): void {
    const at = this.room(this.width)
    this.#bytes.fill(0, at, at + this.width)
    const index = this.length
    if (this.#validity === undefined || this.#validity.length * 8 <= index) this.#growValidity(index)
    this.push(this.width)
    const validity = this.#validity as Uint8Array
    validity[index >>> 3] &= ~(1 << (index & 7))
  }

  /** Makes room for `count` bytes and returns where in `bytes` they go; then call `push`. */
  room(count: number): number {
    const at = this.#used
    if (at + count > this.#bytes.length) {
      if (at + count > BYTES_MAX)
        throw new TypeError(`a vector of more than ${BYTES_MAX} bytes; finish it sooner`)
      const grown = new Uint8Array(Math.max(at + count, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
    }
    return at
  }

  /** The arena that `room` points into; changes when it grows. */
  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** Ends a value of `count` bytes that were written at `room`. */
  push(count: number): void {
    this.#used += count
    this.length++
    if (this.physical !== 'bytes') return
    if (this.length >= this.#offsets.length) {
      const grown = new Uint32Array(this.#offsets.length * 2)
      grown.set(this.#offsets)
      this.#offsets = grown
    }
    this.#offsets[this.length] = this.#used
  }

  /** The vector of all values so far; the builder starts over. */
  finish(): Vector {
    const { length, physical, width } = this
    const buffer = this.#bytes.buffer.slice(0, this.#used)
    const validity = this.#validity === undefined ? undefined : this.#finishValidity(this.#validity)
    const offsets = physical === 'bytes' ? this.#offsets.slice(0, length + 1) : this.#offsets
    this.length = 0
    this.#used = 0
    this.#validity = undefined
    const base = validity === undefined ? { length } : { length, validity }
    switch (physical) {
      case 'bool':
        return { physical, ...base, values: new Uint8Array(buffer) }
      case 'i32':
        return { physical, ...base, values: new Int32Array(buffer) }
      case 'i64':
        return { physical, ...base, values: new BigInt64Array(buffer) }
      case 'f32':
        return { physical, ...base, values: new Float32Array(buffer) }
      case 'f64':
        return { physical, ...base, values: new Float64Array(buffer) }
      case 'fixed':
        return { physical, ...base, width, values: new Uint8Array(buffer) }
      case 'bytes':
        return { physical, ...base, bytes: new Uint8Array(buffer), offsets }
    }
  }

  #growValidity(index: number): void {
    const grown = new Uint8Array(Math.max(8, (index >>> 3) * 2 + 1)).fill(0xff)
    if (this.#validity !== undefined) grown.set(this.#validity)
    this.#validity = grown
  }

  /** The bitmap at its exact size; all is present after the last absent value. */
  #finishValidity(validity: Uint8Array): Uint8Array {
    const exact = new Uint8Array((this.length + 7) >>> 3).fill(0xff)
    exact.set(validity.subarray(0, exact.length))
    if ((this.length & 7) !== 0) exact[exact.length - 1] &= (1 << (this.length & 7)) - 1
    return exact
  }
}

import { compareBytes, physicalOf, type BytesVector, type TableSchema, type Vector } from '@meru/core'
import type { SstRows } from './row-scan.ts'

/** The keys of some rows, ascending, to be compared with encoded keys. */
export interface RowKeys {
  readonly length: number
  /** Sets the key that rows are compared with. */
  seek(bytes: Uint8Array, start: number, end: number): void
  /** Below zero if the key of the row is below the one sought, zero if it is that key. */
  compare(index: number): number
}

/** The id of the key column if it is the only one and holds integers: such keys are compared as they are stored. */
export function integerKeyId(schema: TableSchema): number | undefined {
  const [id] = schema.key
  const column = schema.columns.find((candidate) => candidate.id === id)
  if (schema.key.length > 1 || column === undefined) return undefined
  const { physical } = physicalOf(column.type)
  return physical === 'i32' || physical === 'i64' ? id : undefined
}

/** The keys of rows that were read with their encoded keys, or with the integers that their keys are made of. */
export function keysOf({ keys, columns }: SstRows): RowKeys {
  if (keys !== undefined) return new EncodedKeys(keys)
  return new IntegerKeys(columns[0])
}

class EncodedKeys implements RowKeys {
  readonly length: number
  private readonly keys: BytesVector
  private readonly sought: { bytes: Uint8Array; start: number; end: number } = {
    bytes: new Uint8Array(),
    start: 0,
    end: 0,
  }

  constructor(keys: BytesVector) {
    this.length = keys.length
    this.keys = keys
  }

  seek(bytes: Uint8Array, start: number, end: number): void {
    const { sought } = this
    sought.bytes = bytes
    sought.start = start
    sought.end = end
  }

  compare(index: number): number {
    const { bytes, offsets } = this.keys
    const { sought } = this
    return compareBytes(bytes, offsets[index], offsets[index + 1], sought.bytes, sought.start, sought.end)
  }
}

/** Integers of 4 or 8 bytes, little-endian; their encoded form is big-endian with the sign bit inverted. */
class IntegerKeys implements RowKeys {
  readonly length: number
  private readonly words: Int32Array
  /** 32-bit words of an integer: 1 or 2. */
  private readonly size: number
  /** The words sought; an integer of one word has no low one. */
  private high = 0
  private low = 0

  constructor(vector: Vector) {
    if (vector.physical !== 'i32' && vector.physical !== 'i64')
      throw new TypeError(`keys of ${vector.physical}`)
    const { buffer, byteOffset, byteLength } = vector.values
    this.length = vector.length
    this.words = new Int32Array(buffer, byteOffset, byteLength >>> 2)
    this.size = vector.physical === 'i64' ? 2 : 1
  }

  seek(bytes: Uint8Array, start: number): void {
    this.high = wordAt(bytes, start) ^ 0x80000000
    if (this.size === 2) this.low = wordAt(bytes, start + 4) >>> 0
  }

  compare(index: number): number {
    const { words, size, high } = this
    if (size === 1) return words[index] - high
    const found = words[2 * index + 1]
    return found === high ? (words[2 * index] >>> 0) - this.low : found - high
  }
}

/**
 * The first row from `low` on whose key is not below the one sought. `left` is how many keys are yet to be sought among
 * them, this one included, all above those before.
 */
export function seekRow(keys: RowKeys, low: number, left: number): number {
  const { length } = keys
  // Steps as far as the keys are apart, twice as far each time until the key is passed, then halves.
  let from = low
  let step = Math.max(1, Math.floor((length - low) / left))
  let to = low + step
  while (to < length && keys.compare(to) < 0) {
    from = to + 1
    step *= 2
    to = from + step
  }
  if (to > length) to = length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (keys.compare(middle) < 0) from = middle + 1
    else to = middle
  }
  return from
}

/** Four bytes, big-endian. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
}

import { crc32, type ReadHandle } from '@meru/fs'
import {
  BLOCK_BYTES,
  blockRest,
  END_OF_LOG,
  FRAGMENT_HEADER_BYTES,
  fragmentSeed,
  FULL,
  GROUP_AT,
  LENGTH_AT,
  SYNCED_TO_AT,
  TYPE_AT,
} from './format.ts'

const WINDOW_BYTES = 8 * BLOCK_BYTES

/** What the header of a valid fragment says. */
export interface Fragment {
  type: number
  length: number
  group: number
  syncedTo: number
}

/**
 * Reads a segment through a window of whole blocks and tells which bytes are fragments. Never trusts a
 * byte: what is not valid is not a fragment.
 */
export class SegmentReader {
  readonly handle: ReadHandle
  /** The file's bytes from `start` to `end` are at the start of `bytes`. */
  readonly bytes: Uint8Array
  start = 0
  end = 0
  /** The fragment that `readFragment` or `findProof` has found last. */
  readonly fragment: Fragment = { type: 0, length: 0, group: 0, syncedTo: 0 }
  readonly #seed: number
  readonly #view: DataView

  /** `seed` is `segmentSeed` of the segment; `window` comes from `newWindow`. */
  constructor(handle: ReadHandle, seed: number, window: Uint8Array) {
    this.handle = handle
    this.bytes = window
    this.#seed = seed
    this.#view = new DataView(window.buffer, window.byteOffset, window.byteLength)
  }

  /** Sees to it that the window holds the byte at an offset. False if the file ends before it. */
  async load(offset: number): Promise<boolean> {
    if (offset >= this.start && offset < this.end) return true
    this.start = offset - (offset % BLOCK_BYTES)
    this.end = this.start + (await this.handle.read(this.bytes, this.start))
    return offset < this.end
  }

  /** Whether a valid fragment is at an offset of the window. */
  readFragment(offset: number): boolean {
    const at = offset - this.start
    const room = Math.min(blockRest(offset), this.end - offset) - FRAGMENT_HEADER_BYTES
    if (room < 0) return false
    const type = this.bytes[at + TYPE_AT]
    const length = this.#view.getUint16(at + LENGTH_AT, true)
    const syncedTo = this.#view.getUint32(at + SYNCED_TO_AT, true)
    if (type < FULL || type > END_OF_LOG || length > room || syncedTo > offset) return false
    const to = at + FRAGMENT_HEADER_BYTES + length
    const crc = crc32(this.bytes, at + LENGTH_AT, to, fragmentSeed(this.#seed, offset))
    if (crc !== this.#view.getUint32(at, true)) return false
    this.fragment.type = type
    this.fragment.length = length
    this.fragment.group = this.#view.getUint32(at + GROUP_AT, true)
    this.fragment.syncedTo = syncedTo
    return true
  }

  /**
   * Whether a valid fragment in the window, at or after `from`, says that the byte at `offset` was
   * durable. It may be at any byte, because damage may have hit what led to it.
   */
  findProof(from: number, offset: number): boolean {
    const last = this.end - FRAGMENT_HEADER_BYTES
    for (let candidate = from; candidate <= last; candidate++) {
      // Hardly any other bytes pass this, so that the search costs no checksums.
      const syncedTo = this.#view.getUint32(candidate - this.start + SYNCED_TO_AT, true)
      if (syncedTo > offset && syncedTo <= candidate && this.readFragment(candidate)) return true
    }
    return false
  }

  /** The end of those bytes of the window between two offsets that are not zero; `from` if all are. */
  dataEnd(from: number, to: number = this.end): number {
    let end = Math.min(to, this.end)
    while (end > from && this.bytes[end - 1 - this.start] === 0) end--
    return end
  }
}

/** Room for the blocks of one reader at a time. */
export function newWindow(): Uint8Array {
  return new Uint8Array(WINDOW_BYTES)
}

import { ByteWriter } from '@meru/core'
import { FIRST, FULL, LAST, MIDDLE } from './format.ts'
import type { Fragment } from './segment-reader.ts'

/** Puts fragments together to records, and knows which fragment may follow which. */
export class RecordSequence {
  readonly #parts = new ByteWriter()
  #isInside = false
  #group = 0

  /** Whether a record has begun and not ended. */
  get isInside(): boolean {
    return this.#isInside
  }

  /** Bytes of the record that has begun. */
  get length(): number {
    return this.#parts.length
  }

  /** Starts another segment. */
  reset(): void {
    this.#isInside = false
    this.#group = 0
  }

  /**
   * Whether a fragment may follow what came before; `room` is what its block would have let it hold. A
   * fragment that may not was left by a group that was given up, or follows one that is lost.
   */
  accepts(fragment: Fragment, room: number): boolean {
    const { type, group, length } = fragment
    const goesOn = type === MIDDLE || type === LAST
    if (goesOn !== this.#isInside) return false
    if (goesOn ? group !== this.#group : group < this.#group) return false
    return (type !== FIRST && type !== MIDDLE) || length === room
  }

  /** Takes an accepted fragment. The record that it completes, valid until the next call, or `undefined`. */
  add(fragment: Fragment, payload: Uint8Array): Uint8Array | undefined {
    const { type } = fragment
    this.#group = fragment.group
    if (type === FULL) return payload
    if (type === FIRST) this.#parts.clear()
    this.#parts.append(payload)
    this.#isInside = type !== LAST
    return this.#isInside ? undefined : this.#parts.written()
  }
}

import { compareKeys } from '@meru/core'
import type { EntryArena } from './entry-arena.ts'
import type { KeyOrder } from './key-order.ts'

/**
 * Which keys a cursor shows, in which order, and how new a version may be. The bounds are kept as they
 * are: they must not change while the cursor is in use.
 */
export interface CursorOptions {
  /** Keys below are left out. */
  readonly lower?: Uint8Array | undefined
  /** This key and those above are left out. */
  readonly upper?: Uint8Array | undefined
  /** From the greatest key to the least. */
  readonly reverse?: boolean | undefined
  /** Versions with a greater seqno are passed over; with `Infinity` none is. */
  readonly seqnoMax: number
}

/**
 * Goes over the keys in order and shows of each the newest version allowed, deletes included. It shows
 * the memtable as it was when the cursor was made: what is applied later changes nothing.
 */
export class MemtableCursor {
  readonly #arena: EntryArena
  readonly #order: KeyOrder
  /** `limit`: entries from this ref on were applied after the cursor was made. */
  readonly #range: CursorOptions & { readonly limit: number }
  /** Where to go on: beside this holder, or while it is 0, at the bound `#from`. */
  #last = 0
  #from: Uint8Array | undefined
  /** The same as positions, which mean something in one generation of the order. */
  #place: Place = { generation: -1, next: 0, stop: 0 }

  constructor(arena: EntryArena, order: KeyOrder, options: CursorOptions) {
    this.#arena = arena
    this.#order = order
    this.#range = { ...options, limit: arena.used }
    this.#from = options.reverse === true ? options.upper : options.lower
  }

  /** The ref of the next key's version, or 0 at the end. */
  next(): number {
    const order = this.#order
    const { reverse, seqnoMax, limit } = this.#range
    if (this.#place.generation !== order.generation) this.#place = this.#findPlace()
    const place = this.#place
    while (place.next !== place.stop) {
      const holder = reverse === true ? order.holderAt(--place.next) : order.holderAt(place.next++)
      if (holder === 0) continue
      this.#last = holder
      const ref = this.#arena.versionAt(holder, seqnoMax, limit)
      if (ref !== 0) return ref
    }
    return 0
  }

  /** Goes to the first key ≥ `key`, or in reverse to the last key ≤ `key`, within the bounds. */
  seek(key: Uint8Array): void {
    const { lower, upper, reverse } = this.#range
    if (reverse === true) {
      // The least byte string behind the key makes of the exclusive bound an inclusive one.
      const behind = new Uint8Array(key.length + 1)
      behind.set(key)
      this.#from = upper !== undefined && compareKeys(upper, behind) < 0 ? upper : behind
    } else {
      this.#from = lower !== undefined && compareKeys(lower, key) > 0 ? lower : key.slice()
    }
    this.#last = 0
    this.#place.generation = -1
  }

  #findPlace(): Place {
    const { lower, upper, reverse } = this.#range
    const { generation } = this.#order
    if (reverse === true) {
      const next =
        this.#last === 0 ? this.#locate(this.#from, Infinity) : this.#order.locateHolder(this.#last)
      return { generation, next, stop: Math.min(next, this.#locate(lower, 0)) }
    }
    const next = this.#last === 0 ? this.#locate(this.#from, 0) : this.#order.locateHolder(this.#last) + 1
    return { generation, next, stop: Math.max(next, this.#locate(upper, Infinity)) }
  }

  #locate(key: Uint8Array | undefined, otherwise: number): number {
    if (key === undefined) return Math.min(otherwise, this.#order.endPosition)
    return this.#order.locate(key, 0, key.length)
  }
}

interface Place {
  generation: number
  next: number
  stop: number
}

import type { Vector } from '@meru/db'
import type { GroupTotals } from './engine.ts'

const GROUPS_MAX = 1 << 16
const SLOTS = GROUPS_MAX * 2
const NAME_BYTES = 24
const FNV_PRIME = 0x01000193
const FNV_BASIS = 0x811c9dc5

/** Sums by user over column batches. Names are compared as bytes; none becomes a string. */
export class UserSums {
  /** Group + 1 of each slot, 0 if it is free. */
  readonly #slots = new Int32Array(SLOTS)
  readonly #names = new Uint8Array(GROUPS_MAX * NAME_BYTES)
  readonly #lengths = new Uint8Array(GROUPS_MAX)
  readonly #sums = new Float64Array(GROUPS_MAX)
  #groups = 0

  add(users: Vector, scores: Vector): void {
    if (users.physical !== 'bytes' || scores.physical !== 'f64') {
      throw new Error(`user is ${users.physical}, score is ${scores.physical}; bytes and f64 expected`)
    }
    const { bytes, offsets } = users
    for (let i = 0; i < users.length; i++) {
      this.#sums[this.#groupOf(bytes, offsets[i], offsets[i + 1])] += scores.values[i]
    }
  }

  totals(): GroupTotals {
    let total = 0
    let largest = 0
    for (let group = 0; group < this.#groups; group++) {
      total += this.#sums[group]
      largest = Math.max(largest, this.#sums[group])
    }
    return { groups: this.#groups, total, largest }
  }

  #groupOf(bytes: Uint8Array, from: number, to: number): number {
    let hash = FNV_BASIS
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i], FNV_PRIME)
    for (let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
      const group = this.#slots[slot] - 1
      if (group < 0) return this.#insert(slot, bytes.subarray(from, to))
      if (this.#isNamed(group, bytes, from, to)) return group
    }
  }

  #isNamed(group: number, bytes: Uint8Array, from: number, to: number): boolean {
    if (this.#lengths[group] !== to - from) return false
    const start = group * NAME_BYTES
    for (let i = 0; i < to - from; i++) if (this.#names[start + i] !== bytes[from + i]) return false
    return true
  }

  #insert(slot: number, name: Uint8Array): number {
    const group = this.#groups++
    if (group >= GROUPS_MAX || name.length > NAME_BYTES) throw new Error('more or longer users than expected')
    this.#names.set(name, group * NAME_BYTES)
    this.#lengths[group] = name.length
    this.#slots[slot] = group + 1
    return group
  }
}

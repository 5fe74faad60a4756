import type { Vector } from '@meru/db'
import type { GroupTotals } from './engine.ts'

const GROUPS_MAX = 1 << 16
const SLOTS = GROUPS_MAX * 2
const HASH_PRIME = 0x9e3779b1

/** Words of a group, which lie together so that a row touches few cache lines: name, length, a free one, sum. */
const GROUP_WORDS = 10
const NAME_WORDS = 6
const LENGTH_WORD = 6
const SUM_WORD = 8

/** Sums by user over column batches. Names are compared as bytes, four at a time; none becomes a string. */
export class UserSums {
  /** Group + 1 of each slot, 0 if it is free. */
  readonly #slots = new Int32Array(SLOTS)
  readonly #words = new Int32Array(GROUPS_MAX * GROUP_WORDS)
  /** The same memory as numbers. */
  readonly #numbers = new Float64Array(this.#words.buffer)
  /** The words of the name at hand, the last one filled up with zeros. */
  readonly #name = new Int32Array(NAME_WORDS)
  #groups = 0

  add(users: Vector, scores: Vector): void {
    if (users.physical !== 'bytes' || scores.physical !== 'f64') {
      throw new Error(`user is ${users.physical}, score is ${scores.physical}; bytes and f64 expected`)
    }
    const { bytes, offsets } = users
    const { values } = scores
    const numbers = this.#numbers
    for (let i = 0; i < users.length; i++) {
      const group = this.#groupOf(bytes, offsets[i], offsets[i + 1])
      numbers[(group * GROUP_WORDS + SUM_WORD) >>> 1] += values[i]
    }
  }

  totals(): GroupTotals {
    let total = 0
    let largest = 0
    for (let group = 0; group < this.#groups; group++) {
      const sum = this.#numbers[(group * GROUP_WORDS + SUM_WORD) >>> 1]
      total += sum
      largest = Math.max(largest, sum)
    }
    return { groups: this.#groups, total, largest }
  }

  #groupOf(bytes: Uint8Array, from: number, to: number): number {
    const length = to - from
    const hash = this.#take(bytes, from, to)
    for (let slot = hash & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
      const group = this.#slots[slot] - 1
      if (group < 0) return this.#insert(slot, length)
      if (this.#isNamed(group, length)) return group
    }
  }

  /** Takes a name as words, and gives its hash. */
  #take(bytes: Uint8Array, from: number, to: number): number {
    const name = this.#name
    if (to - from > 4 * NAME_WORDS) throw new Error(`a user of ${to - from} bytes`)
    let hash = to - from
    let at = from
    for (let word = 0; at < to; word++, at += 4) {
      let value = bytes[at]
      if (at + 4 <= to) value |= (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
      else for (let i = at + 1; i < to; i++) value |= bytes[i] << (8 * (i - at))
      name[word] = value
      hash = Math.imul(hash ^ value, HASH_PRIME)
      hash ^= hash >>> 15
    }
    return hash
  }

  #isNamed(group: number, length: number): boolean {
    const words = this.#words
    const start = group * GROUP_WORDS
    if (words[start + LENGTH_WORD] !== length) return false
    for (let word = 0; 4 * word < length; word++) if (words[start + word] !== this.#name[word]) return false
    return true
  }

  #insert(slot: number, length: number): number {
    const group = this.#groups++
    if (group >= GROUPS_MAX) throw new Error('more users than expected')
    const start = group * GROUP_WORDS
    for (let word = 0; 4 * word < length; word++) this.#words[start + word] = this.#name[word]
    this.#words[start + LENGTH_WORD] = length
    this.#slots[slot] = group + 1
    return group
  }
}

import type { TableDefinition } from '@meru/core'
import { KeyOrder, type Range } from './key-order.ts'
import { showValue, type Row, type Value } from './rows.ts'

/** What a key led to from a version on; `undefined` for no row. */
interface Change {
  readonly version: number
  readonly row: Row | undefined
}

interface Slot {
  readonly key: readonly Value[]
  readonly changes: Change[]
}

/** All versions of the rows of one table, by key. */
export class TableHistory {
  readonly definition: TableDefinition
  readonly order: KeyOrder
  readonly #slots = new Map<string, Slot>()
  readonly #changed = new Map<number, Slot[]>()
  #sorted: Slot[] = []

  constructor(definition: TableDefinition) {
    this.definition = definition
    this.order = new KeyOrder(definition)
  }

  /** Sets what a key leads to from `version` on, which must not be below earlier ones. */
  set(key: readonly Value[], version: number, row: Row | undefined): void {
    const slot = this.#slotOf(key)
    slot.changes.push({ version, row })
    const changed = this.#changed.get(version)
    if (changed === undefined) this.#changed.set(version, [slot])
    else changed.push(slot)
  }

  get(key: readonly Value[], version: number): Row | undefined {
    const slot = this.#slots.get(showValue(key))
    return slot && rowAt(slot, version)
  }

  /** The version that the row of a key came with; `undefined` if there is no row. */
  versionOf(key: readonly Value[]): number | undefined {
    const last = this.#slots.get(showValue(key))?.changes.at(-1)
    return last?.row === undefined ? undefined : last.version
  }

  /** The rows of a range in key order. */
  *scan(version: number, range: Range): Generator<Row, void, undefined> {
    for (const slot of this.#sorted) {
      const row = rowAt(slot, version)
      if (row !== undefined && this.order.isInRange(slot.key, range)) yield row
    }
  }

  /** The keys that changed with a version. */
  changedAt(version: number): (readonly Value[])[] {
    return (this.#changed.get(version) ?? []).map(({ key }) => key)
  }

  /** Forgets all versions above this one. */
  rollBack(version: number): void {
    for (const { changes } of this.#sorted) {
      while (changes.length > 0 && changes[changes.length - 1].version > version) changes.pop()
    }
    for (const changed of [...this.#changed.keys()]) if (changed > version) this.#changed.delete(changed)
  }

  #slotOf(key: readonly Value[]): Slot {
    const text = showValue(key)
    const known = this.#slots.get(text)
    if (known !== undefined) return known
    const slot: Slot = { key, changes: [] }
    this.#slots.set(text, slot)
    const next = this.#sorted.findIndex((other) => this.order.compare(other.key, key) > 0)
    this.#sorted.splice(next === -1 ? this.#sorted.length : next, 0, slot)
    return slot
  }
}

function rowAt({ changes }: Slot, version: number): Row | undefined {
  for (let i = changes.length - 1; i >= 0; i--) if (changes[i].version <= version) return changes[i].row
  return undefined
}

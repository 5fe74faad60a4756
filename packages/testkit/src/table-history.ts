import type { TableDefinition } from '@meru/core'
import { KeyOrder, type Range } from './key-order.ts'
import { showValue, type Row, type Value } from './rows.ts'
import type { TableChange } from './table-change.ts'
import type { TableShape } from './table-shape.ts'

/** What a key led to from a version on; `undefined` for no row. */
interface Change {
  readonly version: number
  readonly row: Row | undefined
  /** The version that the row was written with; a change of the table's columns writes none. */
  readonly written: number
}

/** The table from a version on. */
interface Age extends TableShape {
  readonly version: number
  readonly order: KeyOrder
}

interface Slot {
  readonly key: readonly Value[]
  readonly changes: Change[]
}

/** All versions of the rows of one table, by key. */
export class TableHistory {
  readonly #ages: Age[]
  readonly #slots = new Map<string, Slot>()
  readonly #changed = new Map<number, Slot[]>()
  #sorted: Slot[] = []

  constructor(definition: TableDefinition) {
    this.#ages = [{ version: 0, definition, defaults: {}, order: new KeyOrder(definition) }]
  }

  get definition(): TableDefinition {
    return this.at().definition
  }

  get order(): KeyOrder {
    return this.at().order
  }

  /** The table as it was declared at first. */
  get first(): TableDefinition {
    return this.#ages[0].definition
  }

  /** The table as it was at a version; without one, as it is. */
  at(version: number = Infinity): Age {
    return this.#ages.findLast((age) => age.version <= version) as Age
  }

  /** Changes the columns from `version` on, which must not be rolled back. Keys stay the same. */
  alter({ after, project }: TableChange, version: number): void {
    this.#ages.push({ version, ...after, order: new KeyOrder(after.definition) })
    for (const { changes } of this.#sorted) {
      const last = changes.at(-1)
      if (last?.row !== undefined) changes.push({ version, row: project(last.row), written: last.written })
    }
  }

  /** Sets what a key leads to from `version` on, which must not be below earlier ones. */
  set(key: readonly Value[], version: number, row: Row | undefined): void {
    const slot = this.#slotOf(key)
    slot.changes.push({ version, row, written: version })
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
    return last?.row === undefined ? undefined : last.written
  }

  /** The rows of a range in key order. */
  *scan(version: number, range: Range): Generator<Row, void, undefined> {
    const { order } = this.at(version)
    for (const slot of this.#sorted) {
      const row = rowAt(slot, version)
      if (row !== undefined && order.isInRange(slot.key, range)) yield row
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

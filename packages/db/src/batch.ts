import type { TableStore } from './table-store.ts'
import type { WriteGroup } from './write-group.ts'
import type { TableWriter } from './writes.ts'

/** What a batch writes to: a table of the same database. */
export interface BatchTarget<Insert, Key> {
  readonly writer: TableWriter<Insert, Key>
}

/** Collects writes of several tables that become visible, and durable, together. */
export class Batch {
  readonly #group: WriteGroup
  readonly #check: (store: TableStore) => void
  readonly #stores: Set<TableStore> = new Set()
  #isOpen = true

  constructor(group: WriteGroup, check: (store: TableStore) => void) {
    this.#group = group
    this.#check = check
  }

  /** Inserts or replaces a row. Throws `INVALID` if it does not fit; the whole batch then must be given up. */
  put<Insert, Key>(table: BatchTarget<Insert, Key>, row: NoInfer<Insert>): this {
    this.#note(table.writer.store)
    table.writer.putIn(this.#group, row)
    return this
  }

  delete<Insert, Key>(table: BatchTarget<Insert, Key>, key: NoInfer<Key>): this {
    this.#note(table.writer.store)
    table.writer.deleteIn(this.#group, key)
    return this
  }

  /** The tables that it writes to. */
  get tables(): ReadonlySet<TableStore> {
    return this.#stores
  }

  /** From here on the batch takes no more. */
  end(): void {
    this.#isOpen = false
  }

  #note(store: TableStore): void {
    if (!this.#isOpen) throw new TypeError('the batch was handed in; fill it before batch() goes on')
    if (this.#stores.has(store)) return
    this.#check(store)
    this.#stores.add(store)
  }
}

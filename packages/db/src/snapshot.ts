import { MeruError, type SeqNo } from '@meru/core'
import type { Pin } from '@meru/manifest'
import type { Memtable } from '@meru/memtable'
import type { TableStore, TableView } from './table-store.ts'
import type { VersionStore } from './version-store.ts'

/**
 * One moment of all tables. Reads that are given it see exactly that moment, until it is closed. It
 * holds the memtables and files of its moment, so close it soon: `using` does.
 */
export class Snapshot {
  /** Writes up to this one are visible. */
  readonly seqno: SeqNo
  readonly #views: ReadonlyMap<TableStore, TableView>
  readonly #versions: VersionStore
  readonly #own: ((table: TableStore) => readonly Memtable[]) | undefined
  #pin: Pin | undefined

  /** `own` gives memtables whose entries, under the same seqno, hide those of the moment. */
  constructor(parts: {
    versions: VersionStore
    tables: Iterable<TableStore>
    seqno: SeqNo
    own?: (table: TableStore) => readonly Memtable[]
  }) {
    this.seqno = parts.seqno
    this.#own = parts.own
    this.#versions = parts.versions
    this.#pin = parts.versions.pin()
    this.#views = new Map([...parts.tables].map((table) => [table, table.view(parts.seqno)]))
  }

  /** The view of a table. Throws `CLOSED` after `close`, `INVALID` for a table that was not there. */
  viewOf(table: TableStore): TableView {
    if (this.#pin === undefined)
      throw new MeruError('CLOSED', `the snapshot at seqno ${this.seqno} is closed`)
    const view = this.#views.get(table)
    if (view === undefined) {
      throw new MeruError(
        'INVALID',
        `table "${table.name}" is not in the snapshot at seqno ${this.seqno}: it was made later, or belongs to another database`,
      )
    }
    const own = this.#own?.(table) ?? []
    return own.length === 0 ? view : { ...view, memtables: [...own, ...view.memtables] }
  }

  /** Holds the files of its moment once more, for a read that may outlast the snapshot. */
  hold(): Pin {
    const pin = this.#pin
    if (pin === undefined) throw new MeruError('CLOSED', `the snapshot at seqno ${this.seqno} is closed`)
    return this.#versions.pin(pin.state)
  }

  /** Lets go of what it holds. Reads under way go on. Calling it again does nothing. */
  close(): void {
    const pin = this.#pin
    if (pin === undefined) return
    this.#pin = undefined
    this.#versions.release(pin)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

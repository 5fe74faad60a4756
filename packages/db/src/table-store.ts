import type { TableSchema } from '@meru/core'
import { Memtable } from '@meru/memtable'
import { type ReadView, TableVersion } from '@meru/view'
import { Mutex } from './mutex.ts'
import { Turns } from './turns.ts'

/** The parts of one table that reads look at, swapped together so that no read sees half of a change. */
export class TableStore {
  readonly id: number
  readonly name: string
  readonly schema: TableSchema
  /** Resolution of a flush and the commit of a compaction exclude each other. */
  readonly commits: Mutex = new Mutex()
  /** Of writes that wait for room. */
  readonly turns: Turns = new Turns()
  isDropped = false
  private readonly memtableBytesMax: number
  /** Sealed memtables are held newest first. */
  private parts: {
    readonly active: Memtable
    readonly sealed: readonly Memtable[]
    readonly version: TableVersion
  }
  private cached: ReadView | undefined

  constructor(options: {
    id: number
    name: string
    schema: TableSchema
    memtableBytesMax: number
    version: TableVersion
  }) {
    this.id = options.id
    this.name = options.name
    this.schema = options.schema
    this.memtableBytesMax = options.memtableBytesMax
    const active = new Memtable({ bytesMax: options.memtableBytesMax })
    this.parts = { active, sealed: [], version: options.version }
  }

  get version(): TableVersion {
    return this.parts.version
  }

  get sealed(): readonly Memtable[] {
    return this.parts.sealed
  }

  get activeMemtable(): Memtable {
    return this.parts.active
  }

  /** The table as of a visible seqno. The same object while nothing changes. */
  view(seqno: number): ReadView {
    const cached = this.cached
    if (cached !== undefined && cached.seqno === seqno) return cached
    const { active, sealed } = this.parts
    const memtables = active.entries === 0 ? sealed : [active, ...sealed]
    const view: ReadView = { memtables, version: this.parts.version, seqno }
    this.cached = view
    return view
  }

  /** Applies one entry; seals the active memtable when it is full. True if a memtable was sealed. */
  apply(
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    entry: { seqno: number; kind: 0 | 1 },
  ): boolean {
    const { seqno, kind } = entry
    this.cached = undefined
    if (this.parts.active.apply(bytes, keyStart, keyEnd, valueStart, valueEnd, seqno, kind)) return false
    this.seal()
    this.parts.active.apply(bytes, keyStart, keyEnd, valueStart, valueEnd, seqno, kind)
    return true
  }

  /** Seals the active memtable; false if it is empty. */
  seal(): boolean {
    const { active, sealed, version } = this.parts
    if (active.entries === 0) return false
    active.seal()
    this.parts = {
      active: new Memtable({ bytesMax: this.memtableBytesMax }),
      sealed: [active, ...sealed],
      version,
    }
    this.cached = undefined
    return true
  }

  /** Takes a new version, and drops the memtable that it holds the rows of, in one step. */
  install(version: TableVersion, flushed?: Memtable): void {
    const sealed =
      flushed === undefined ? this.parts.sealed : this.parts.sealed.filter((table) => table !== flushed)
    this.parts = { active: this.parts.active, sealed, version }
    this.cached = undefined
  }

  /** Forgets all rows: the table was dropped. */
  drop(): void {
    this.isDropped = true
    const active = new Memtable({ bytesMax: this.memtableBytesMax })
    this.parts = { active, sealed: [], version: TableVersion.empty }
    this.cached = undefined
  }

  /** The lowest seqno that is in no SST once `flushed` is, or `undefined` if every write is. */
  unflushedExcept(flushed: Memtable | undefined): number | undefined {
    const oldest = this.parts.sealed.findLast((memtable) => memtable !== flushed)
    if (oldest !== undefined) return oldest.minSeqno
    const { active } = this.parts
    return active.entries === 0 ? undefined : active.minSeqno
  }
}

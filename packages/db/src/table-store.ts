import type { TableSchema } from '@meru/core'
import { Memtable } from '@meru/memtable'
import { type ReadView, TableVersion } from '@meru/view'
import { LevelClaims } from './level-claims.ts'
import { Mutex } from './mutex.ts'
import { Turns } from './turns.ts'

/** The parts of one table that reads look at, swapped together so that no read sees half of a change. */
export class TableStore {
  readonly id: number
  readonly name: string
  readonly schema: TableSchema
  /**
   * Order among those that change the table. `commits`: resolution of a flush and the commit of a compaction exclude
   * each other. `turns`: of writes that wait for room. `claims`: where running compactions may put files.
   */
  readonly order: { readonly commits: Mutex; readonly turns: Turns; readonly claims: LevelClaims } = {
    commits: new Mutex(),
    turns: new Turns(),
    claims: new LevelClaims(),
  }
  private readonly memtableBytesMax: number
  /** Sealed memtables are held newest first. */
  private parts: {
    readonly active: Memtable
    readonly sealed: readonly Memtable[]
    readonly version: TableVersion
    readonly isDropped: boolean
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
    this.parts = { active, sealed: [], version: options.version, isDropped: false }
  }

  get isDropped(): boolean {
    return this.parts.isDropped
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
    const { active, sealed } = this.parts
    if (active.entries === 0) return false
    active.seal()
    const next = new Memtable({ bytesMax: this.memtableBytesMax })
    this.parts = { ...this.parts, active: next, sealed: [active, ...sealed] }
    this.cached = undefined
    return true
  }

  /** Takes a new version, and drops the memtable that it holds the rows of, in one step. */
  install(version: TableVersion, flushed?: Memtable): void {
    const sealed =
      flushed === undefined ? this.parts.sealed : this.parts.sealed.filter((table) => table !== flushed)
    this.parts = { ...this.parts, sealed, version }
    this.cached = undefined
  }

  /** Forgets all rows: the table was dropped. */
  drop(): void {
    const active = new Memtable({ bytesMax: this.memtableBytesMax })
    this.parts = { active, sealed: [], version: TableVersion.empty, isDropped: true }
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

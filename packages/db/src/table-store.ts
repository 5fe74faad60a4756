import { SchemaProjection, type TableSchema } from '@meru/core'
import { Memtable } from '@meru/memtable'
import { type ReadView, TableVersion } from '@meru/view'
import { LevelClaims } from './level-claims.ts'
import { Mutex } from './mutex.ts'
import { Turns } from './turns.ts'

/** A table at one moment, with the schema of that moment. */
export interface TableView extends ReadView {
  readonly schema: TableSchema
}

/** The parts of one table that reads look at, swapped together so that no read sees half of a change. */
export class TableStore {
  readonly id: number
  readonly name: string
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
  /** Sealed memtables are held newest first. `older` has those that were written under an earlier schema. */
  private parts: {
    readonly schema: TableSchema
    readonly older: ReadonlyMap<Memtable, SchemaProjection>
    readonly active: Memtable
    readonly sealed: readonly Memtable[]
    readonly version: TableVersion
    readonly isDropped: boolean
  }
  private cached: TableView | undefined

  constructor(options: {
    id: number
    name: string
    schema: TableSchema
    memtableBytesMax: number
    version: TableVersion
  }) {
    this.id = options.id
    this.name = options.name
    this.memtableBytesMax = options.memtableBytesMax
    const active = new Memtable({ bytesMax: options.memtableBytesMax })
    const { schema, version } = options
    this.parts = { schema, older: new Map(), active, sealed: [], version, isDropped: false }
  }

  /** The schema of new rows. */
  get schema(): TableSchema {
    return this.parts.schema
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
  view(seqno: number): TableView {
    const cached = this.cached
    if (cached !== undefined && cached.seqno === seqno) return cached
    const { active, sealed, version, schema, older } = this.parts
    const memtables = active.entries === 0 ? sealed : [active, ...sealed]
    const projections = older.size === 0 ? undefined : older
    const view: TableView = { memtables, version, seqno, schema, projections }
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
    let { sealed, older } = this.parts
    if (flushed !== undefined) {
      sealed = sealed.filter((table) => table !== flushed)
      older = new Map([...older].filter(([table]) => table !== flushed))
    }
    this.parts = { ...this.parts, sealed, older, version }
    this.cached = undefined
  }

  /**
   * Goes on under a later schema, with the version as it is read under that. True if a memtable was sealed:
   * each holds rows of one schema.
   */
  alter(schema: TableSchema, version: TableVersion): boolean {
    const isSealed = this.seal()
    const older = this.parts.sealed.map(
      (memtable) => [memtable, new SchemaProjection(this.schemaOf(memtable), schema)] as const,
    )
    this.parts = { ...this.parts, schema, older: new Map(older), version }
    this.cached = undefined
    return isSealed
  }

  /** The schema that the entries of a memtable were written under. */
  private schemaOf(memtable: Memtable): TableSchema {
    return this.parts.older.get(memtable)?.from ?? this.parts.schema
  }

  /** Forgets all rows: the table was dropped. */
  drop(): void {
    const active = new Memtable({ bytesMax: this.memtableBytesMax })
    const empty = { active, sealed: [], older: new Map(), version: TableVersion.empty }
    this.parts = { ...this.parts, ...empty, isDropped: true }
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

import { KIND_DELETE, type SchemaProjection } from '@meru/core'
import type { Memtable, MemtableCursor } from '@meru/memtable'
import { WALK_END, WALK_NEEDS_PAGE, WALK_ROW, type RowWalk, type WalkRange } from '@meru/sst'
import type { EntryPlace } from './entry-place.ts'
import type { LiveFile } from './live-file.ts'
import type { ReadView } from './read-view.ts'

/** One sorted input of a `RowCursor`, which stands on one row at a time. */
export interface RowHead {
  /** The row that it stands on. */
  readonly place: EntryPlace
  /** True if the row is a deletion, which hides the key in inputs below. */
  readonly isDelete: boolean
  /** How the row is read if it was written under an earlier schema. */
  readonly projection: SchemaProjection | undefined
  /** Moves to the next row: `WALK_ROW`, `WALK_END`, or `WALK_NEEDS_PAGE`. */
  next(): number
  /**
   * To be called first when pages may have been loaded since: false if a page must be loaded before going on. With `row`
   * the row that it stands on is needed again.
   */
  resume(needs: { row: boolean }): boolean
  /** Loads the page that was missing. */
  load(): Promise<void>
}

/** The newest visible version of each key of one memtable. */
export class MemtableHead implements RowHead {
  readonly place: EntryPlace = {
    bytes: new Uint8Array(0),
    keyStart: 0,
    keyEnd: 0,
    valueStart: 0,
    valueEnd: 0,
  }
  isDelete = false
  readonly projection: SchemaProjection | undefined
  private readonly memtable: Memtable
  private readonly cursor: MemtableCursor

  constructor(memtable: Memtable, range: WalkRange, { seqno: seqnoMax, projections }: ReadView) {
    this.projection = projections?.get(memtable)
    this.memtable = memtable
    this.cursor = memtable.cursor({ ...range, seqnoMax })
  }

  next(): number {
    const { memtable, place } = this
    const ref = this.cursor.next()
    if (ref === 0) return WALK_END
    this.isDelete = memtable.kindOf(ref) === KIND_DELETE
    place.bytes = memtable.bytes
    place.keyStart = memtable.keyStartOf(ref)
    place.keyEnd = memtable.keyEndOf(ref)
    place.valueStart = memtable.valueStartOf(ref)
    place.valueEnd = memtable.valueEndOf(ref)
    return WALK_ROW
  }

  resume(): boolean {
    return true
  }

  load(): Promise<void> {
    return Promise.resolve()
  }
}

/** The live rows of files that follow one another in key order. */
export class FilesHead implements RowHead {
  place: EntryPlace = { bytes: new Uint8Array(0), keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 }
  readonly isDelete = false
  private readonly files: LiveFile[]
  private readonly range: WalkRange
  private live: LiveFile | undefined
  private walk: RowWalk | undefined

  constructor(files: readonly LiveFile[], range: WalkRange) {
    this.files = range.reverse ? [...files] : files.toReversed()
    this.range = range
  }

  get projection(): SchemaProjection | undefined {
    return this.live?.projection
  }

  next(): number {
    for (;;) {
      const { walk, live } = this
      if (walk === undefined || live === undefined) {
        this.live = this.files.pop()
        if (this.live === undefined) return WALK_END
        this.walk = this.live.reader.walk(this.range)
        this.place = this.walk.row
        continue
      }
      const answer = walk.next()
      if (answer === WALK_NEEDS_PAGE) return answer
      if (answer === WALK_END) this.walk = undefined
      else if (live.dead.cardinality === 0 || !live.dead.has(walk.position)) return WALK_ROW
    }
  }

  resume(needs: { row: boolean }): boolean {
    return this.walk?.resume(needs) ?? true
  }

  load(): Promise<void> {
    return this.walk?.load() ?? Promise.resolve()
  }
}

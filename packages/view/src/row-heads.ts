import { KIND_DELETE, type SchemaProjection, type TextBlock } from '@meru/core'
import type { Memtable, MemtableCursor } from '@meru/memtable'
import { WALK_END, WALK_NEEDS_PAGE, WALK_ROW, type ColumnRun, type RowWalk, type WalkRange } from '@meru/sst'
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
  /** Texts of the row, if there is a block of them. */
  readonly texts: TextBlock | undefined
  /** Moves to the next row, of about `ahead` that are wanted: `WALK_ROW`, `WALK_END`, or `WALK_NEEDS_PAGE`. */
  next(ahead: number): number
  /**
   * Up to `count` rows from the one that it stands on, by column, if that is in memory; it stands on the last of them
   * then.
   */
  run(count: number, columnIds: readonly number[]): ColumnRun | undefined
  /**
   * To be called first when pages may have been loaded since: false if a page must be loaded before going on. With `row`
   * the row that it stands on is needed again.
   */
  resume(needs: { row: boolean }): boolean
  /** Loads the page that was missing. */
  load(): Promise<void>
}

const NO_BYTES: Uint8Array = new Uint8Array(0)

/** Where a head stands before its first row. */
const NOWHERE: EntryPlace = { bytes: NO_BYTES, keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 }

/** The newest visible version of each key of one memtable. */
export class MemtableHead implements RowHead {
  readonly place: EntryPlace = {
    bytes: NO_BYTES,
    keyStart: 0,
    keyEnd: 0,
    valueStart: 0,
    valueEnd: 0,
  }
  isDelete = false
  readonly texts: undefined
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

  run(): undefined {
    return undefined
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
  place: EntryPlace = NOWHERE
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

  get texts(): TextBlock | undefined {
    return this.walk?.texts
  }

  next(ahead: number): number {
    for (;;) {
      const { walk, live } = this
      if (walk === undefined || live === undefined) {
        this.live = this.files.pop()
        if (this.live === undefined) return WALK_END
        this.walk = this.live.reader.walk(this.range)
        this.place = this.walk.row
        continue
      }
      const answer = walk.next(ahead)
      if (answer === WALK_NEEDS_PAGE) return answer
      if (answer === WALK_END) this.walk = undefined
      else if (live.dead.cardinality === 0 || !live.dead.has(walk.position)) return WALK_ROW
    }
  }

  run(count: number, columnIds: readonly number[]): ColumnRun | undefined {
    const { live, walk } = this
    if (live === undefined || walk === undefined || live.projection !== undefined) return undefined
    return walk.run(livingRows(live, walk.position, count, this.range.reverse), columnIds)
  }

  resume(needs: { row: boolean }): boolean {
    return this.walk?.resume(needs) ?? true
  }

  load(): Promise<void> {
    return this.walk?.load() ?? Promise.resolve()
  }
}

/** How many rows from a living one on live, up to `count`; rows that there are not may be among them. */
function livingRows({ dead, file }: LiveFile, position: number, count: number, reverse: boolean): number {
  if (dead.cardinality === 0) return count
  const most = Math.min(count, reverse ? position + 1 : file.rows - position)
  let rows = 1
  while (rows < most && !dead.has(reverse ? position - rows : position + rows)) rows++
  return rows
}

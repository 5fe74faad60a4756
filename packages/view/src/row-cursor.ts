import { compareBytes, type TextBlock } from '@meru/core'
import { WALK_END, WALK_ROW, type ColumnRun, type WalkRange } from '@meru/sst'
import type { EntryPlace } from './entry-place.ts'
import { projectedEntry } from './project-row.ts'
import type { ReadView } from './read-view.ts'
import { FilesHead, MemtableHead, type RowHead } from './row-heads.ts'
import { filesInRange, overlaps } from './table-version.ts'

/** What `RowCursor.pull` says. */
export const CURSOR_END = 0
export const CURSOR_FULL = 1
export const CURSOR_NEEDS_PAGE = 2

/** Takes rows. What it gets is only valid during the call. */
export interface RowTaker {
  /** The columns that it takes by runs. */
  readonly columnIds: readonly number[]
  /** Takes an encoded row, with its texts if there is a block of them. */
  row(
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    texts: TextBlock | undefined,
  ): void
  /** Takes rows by column, which come last one first in a scan in reverse. */
  run(rows: ColumnRun): void
}

/** Fewer rows are read one by one. */
const RUN_ROWS_MIN = 4

/**
 * The visible rows of a key range in key order, one by one, from memtables and from pages in memory, without waiting:
 * where a page is missing it says so. Cheap to make and to leave, for scans of few rows.
 */
export class RowCursor {
  /** Heads that have rows, newest memtable first, then files. Of equal keys the first head's row counts. */
  private readonly heads: RowHead[]
  private readonly reverse: boolean
  /** Heads that must move before the next row is known. */
  private readonly moving: Set<RowHead>
  /** The head whose page is missing. */
  private waiting: RowHead | undefined
  private readonly last: { bytes: Uint8Array; length: number } = { bytes: new Uint8Array(32), length: -1 }

  constructor(view: ReadView, range: WalkRange) {
    this.heads = headsOf(view, range)
    this.reverse = range.reverse
    this.moving = new Set(this.heads)
  }

  /** The key of the last row taken, or `undefined`. */
  get lastKey(): Uint8Array | undefined {
    return this.last.length < 0 ? undefined : this.last.bytes.slice(0, this.last.length)
  }

  /**
   * Gives up to `count` rows to `taker`. `CURSOR_FULL`: it gave so many. `CURSOR_END`: there are no more.
   * `CURSOR_NEEDS_PAGE`: call `load`, then pull the rest.
   */
  pull(count: number, taker: RowTaker): number {
    this.waiting = this.heads.find((head) => !head.resume({ row: !this.moving.has(head) }))
    if (this.waiting !== undefined) return CURSOR_NEEDS_PAGE
    for (let taken = 0; taken < count;) {
      if (this.moving.size > 0 && !this.move(count - taken)) return CURSOR_NEEDS_PAGE
      const { heads } = this
      if (heads.length === 0) return CURSOR_END
      const head = this.first(undefined)
      const next = heads.length === 1 ? undefined : this.first(head)
      if (next === undefined || this.isBefore(head, next)) {
        taken += this.pullBefore(head, next, count - taken, taker)
        if (this.waiting !== undefined) return CURSOR_NEEDS_PAGE
        continue
      }
      if (!head.isDelete) {
        this.give(head, taker)
        taken++
      }
      this.moveEqual(head)
    }
    return CURSOR_FULL
  }

  /** Loads the page that was missing. */
  load(): Promise<void> {
    return this.waiting?.load() ?? Promise.resolve()
  }

  /**
   * Gives up to `count` rows of a head, from the row on that it stands on, which lie before the row of the next head, if
   * there is another one; returns how many.
   */
  private pullBefore(head: RowHead, next: RowHead | undefined, count: number, taker: RowTaker): number {
    for (let taken = 0; ;) {
      const inRun = next === undefined ? this.giveRun(head, count - taken, taker) : 0
      taken += inRun
      if (inRun === 0 && !head.isDelete) {
        this.give(head, taker)
        taken++
      }
      if (taken === count) this.moving.add(head)
      else if (this.step(head, count - taken) && (next === undefined || this.isBefore(head, next))) continue
      return taken
    }
  }

  /** Gives rows by column if they are in memory like that; returns how many. */
  private giveRun(head: RowHead, count: number, taker: RowTaker): number {
    const run = count < RUN_ROWS_MIN ? undefined : head.run(count, taker.columnIds)
    if (run === undefined) return 0
    taker.run(run)
    this.remember(head.place)
    return run.to - run.from
  }

  private give(head: RowHead, taker: RowTaker): void {
    const { projection, place } = head
    if (projection === undefined) {
      taker.row(place.bytes, place.keyStart, place.keyEnd, place.valueStart, place.valueEnd, head.texts)
    } else {
      const { bytes, keyStart, keyEnd, valueStart, valueEnd } = projectedEntry(projection, place)
      taker.row(bytes, keyStart, keyEnd, valueStart, valueEnd, undefined)
    }
    this.remember(place)
  }

  /** Moves the heads that must, for so many rows in all; false if one has to wait for a page. */
  private move(ahead: number): boolean {
    const share = Math.ceil(ahead / this.heads.length)
    for (const head of this.moving) {
      this.moving.delete(head)
      this.step(head, share)
      if (this.waiting !== undefined) return false
    }
    return true
  }

  /** Moves a head: true if it stands on a row then. Else it is gone, or it waits for its page and is still to be moved. */
  private step(head: RowHead, ahead: number): boolean {
    const answer = head.next(ahead)
    if (answer === WALK_ROW) return true
    if (answer === WALK_END) {
      this.heads.splice(this.heads.indexOf(head), 1)
    } else {
      this.moving.add(head)
      this.waiting = head
    }
    return false
  }

  /** The head whose row comes first, among those other than one; of equal keys the first head's. */
  private first(other: RowHead | undefined): RowHead {
    const { heads } = this
    let first = heads[0] === other ? heads[1] : heads[0]
    for (const head of heads) if (head !== other && head !== first && this.isBefore(head, first)) first = head
    return first
  }

  private isBefore(a: RowHead, b: RowHead): boolean {
    const order = compareHeads(a, b)
    return this.reverse ? order > 0 : order < 0
  }

  /** The head and all others with its key must move. */
  private moveEqual(first: RowHead): void {
    for (const head of this.heads) {
      if (head === first || compareHeads(head, first) === 0) this.moving.add(head)
    }
  }

  private remember({ bytes, keyStart, keyEnd }: EntryPlace): void {
    const { last } = this
    const length = keyEnd - keyStart
    if (length > last.bytes.length) last.bytes = new Uint8Array(2 * length)
    const to = last.bytes
    for (let i = 0; i < length; i++) to[i] = bytes[keyStart + i]
    last.length = length
  }
}

function headsOf(view: ReadView, range: WalkRange): RowHead[] {
  const { lower, upper } = range
  const { memtables, version } = view
  const heads: RowHead[] = []
  for (const memtable of memtables)
    if (memtable.entries > 0) heads.push(new MemtableHead(memtable, range, view))
  for (const live of version.level0)
    if (overlaps(live, lower, upper)) heads.push(new FilesHead([live], range))
  for (const level of version.sorted) {
    const files = filesInRange(level, lower, upper)
    if (files.length > 0) heads.push(new FilesHead(files, range))
  }
  return heads
}

function compareHeads(a: RowHead, b: RowHead): number {
  const { bytes, keyStart, keyEnd } = a.place
  const other = b.place
  return compareBytes(bytes, keyStart, keyEnd, other.bytes, other.keyStart, other.keyEnd)
}

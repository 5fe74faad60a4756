import { compareBytes } from '@meru/core'
import { WALK_END, WALK_NEEDS_PAGE, type WalkRange } from '@meru/sst'
import { projectedEntry } from './project-row.ts'
import type { ReadView } from './read-view.ts'
import { FilesHead, MemtableHead, type RowHead } from './row-heads.ts'
import { filesInRange, overlaps } from './table-version.ts'

/** What `RowCursor.pull` says. */
export const CURSOR_END = 0
export const CURSOR_FULL = 1
export const CURSOR_NEEDS_PAGE = 2

/** Takes an encoded row. The bytes are only valid during the call. */
export type TakeRow = (
  bytes: Uint8Array,
  keyStart: number,
  keyEnd: number,
  valueStart: number,
  valueEnd: number,
) => void

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
   * Gives up to `count` rows to `take`. `CURSOR_FULL`: it gave so many. `CURSOR_END`: there are no more.
   * `CURSOR_NEEDS_PAGE`: call `load`, then pull the rest.
   */
  pull(count: number, take: TakeRow): number {
    this.waiting = this.heads.find((head) => !head.resume({ row: !this.moving.has(head) }))
    if (this.waiting !== undefined) return CURSOR_NEEDS_PAGE
    for (let taken = 0; taken < count;) {
      if (this.moving.size > 0 && !this.move()) return CURSOR_NEEDS_PAGE
      const head = this.heads.length === 1 ? this.heads[0] : this.first()
      if (head === undefined) return CURSOR_END
      if (!head.isDelete) {
        const { projection } = head
        const place = projection === undefined ? head.place : projectedEntry(projection, head.place)
        const { bytes, keyStart, keyEnd, valueStart, valueEnd } = place
        take(bytes, keyStart, keyEnd, valueStart, valueEnd)
        this.remember(bytes, keyStart, keyEnd)
        taken++
      }
      if (this.heads.length > 1) this.moveEqual(head)
      else if (!this.step(head)) return CURSOR_NEEDS_PAGE
    }
    return CURSOR_FULL
  }

  /** Loads the page that was missing. */
  load(): Promise<void> {
    return this.waiting?.load() ?? Promise.resolve()
  }

  /** Moves the heads that must; false if one cannot. */
  private move(): boolean {
    for (const head of this.moving) if (!this.step(head)) return false
    return true
  }

  /** Moves a head; false, with the head still to be moved, if its page is missing. */
  private step(head: RowHead): boolean {
    const answer = head.next()
    if (answer === WALK_NEEDS_PAGE) {
      this.moving.add(head)
      this.waiting = head
      return false
    }
    this.moving.delete(head)
    if (answer === WALK_END) this.heads.splice(this.heads.indexOf(head), 1)
    return true
  }

  private first(): RowHead | undefined {
    let first: RowHead | undefined
    for (const head of this.heads) {
      if (first === undefined) first = head
      else {
        const order = compareHeads(head, first)
        if (this.reverse ? order > 0 : order < 0) first = head
      }
    }
    return first
  }

  /** The head and all others with its key must move. */
  private moveEqual(first: RowHead): void {
    for (const head of this.heads) {
      if (head === first || compareHeads(head, first) === 0) this.moving.add(head)
    }
  }

  private remember(bytes: Uint8Array, start: number, end: number): void {
    const { last } = this
    const length = end - start
    if (length > last.bytes.length) last.bytes = new Uint8Array(2 * length)
    const to = last.bytes
    for (let i = 0; i < length; i++) to[i] = bytes[start + i]
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

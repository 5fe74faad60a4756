import { compareBytes } from './byte-compare.ts'
import type { BytesVector } from './vector.ts'

/** A run of wins after which the merger looks ahead by doubling steps instead of one row at a time. */
const GALLOP_AFTER = 8

/**
 * Merges sorted chunks of keys from several sources into one order, as a permutation: which row of which
 * source comes next. The columns are gathered by the caller, so no row is built on the way.
 *
 * Within a source keys are unique and strictly ascending (descending with `reverse`, where chunks are
 * supplied from the last to the first and walked backwards). Where sources share a key, the source with
 * the lowest number wins and the others skip it; a winner marked hidden is skipped too.
 */
export class KeyMerger {
  /** The source that needs `supply` or `end` before `fill` can go on, or -1. */
  wanting: number
  /** Set to the number of rows skipped because a source with a lower number had the same key. */
  shadowed = 0
  private readonly reverse: boolean
  private readonly cursors: Cursor[]
  /** Cursors that hold a row, next one first; ties in source order. */
  private readonly order: Cursor[] = []

  constructor(sources: number, options: { reverse: boolean }) {
    this.reverse = options.reverse
    this.cursors = Array.from({ length: sources }, (_, source) => new Cursor(source))
    this.wanting = sources > 0 ? 0 : -1
  }

  /** Gives the next chunk of a source. `hidden[i]` not zero: the key of row i must not come out. */
  supply(source: number, keys: BytesVector, hidden?: Uint8Array): void {
    const cursor = this.cursors[source]
    cursor.keys = keys
    cursor.hidden = hidden
    cursor.row = this.reverse ? keys.length - 1 : 0
    cursor.state = keys.length === 0 ? 'empty' : 'ready'
    if (cursor.state === 'ready') this.insert(cursor)
    this.findWanting()
  }

  /** Says that a source has no more chunks. */
  end(source: number): void {
    this.cursors[source].state = 'ended'
    this.findWanting()
  }

  /**
   * Writes the next rows to `sourceOf` and `rowOf` and returns how many, at most `limit`. Stops early
   * when a source has run out: gather what came, then look at `wanting`. Rows are those of the chunks
   * supplied last. Zero with `wanting` -1 means the end.
   */
  fill(sourceOf: Uint16Array, rowOf: Uint32Array, limit: number): number {
    let count = 0
    let wins = 0
    while (count < limit && this.wanting < 0 && this.order.length > 0) {
      const first = this.order[0]
      if (wins >= GALLOP_AFTER && first.hidden === undefined) {
        const run = Math.min(this.runLength(first), limit - count)
        for (let i = 0; i < run; i++) {
          sourceOf[count] = first.source
          rowOf[count++] = this.reverse ? first.row - i : first.row + i
        }
        wins = 0
        this.advance(first, run)
        continue
      }
      if (first.hidden === undefined || first.hidden[first.row] === 0) {
        sourceOf[count] = first.source
        rowOf[count++] = first.row
      }
      this.skipEqual(first)
      this.advance(first, 1)
      wins = this.order[0] === first ? wins + 1 : 0
    }
    return count
  }

  /** Moves every other source past the key that `first` stands on. */
  private skipEqual(first: Cursor): void {
    while (this.order.length > 1 && this.compare(this.order[1], first) === 0) {
      const other = this.order[1]
      this.shadowed++
      this.order.splice(1, 1)
      this.step(other, 1)
    }
  }

  /** Moves the first cursor on and puts it back in order. */
  private advance(first: Cursor, rows: number): void {
    const remaining = this.reverse ? first.row - rows + 1 : first.keys.length - first.row - rows
    if (remaining > 0) {
      first.row += this.reverse ? -rows : rows
      if (this.order.length === 1 || this.precedes(first, this.order[1])) return
      this.order.shift()
      this.insert(first)
      return
    }
    this.order.shift()
    this.step(first, rows)
  }

  /** Moves a cursor that is not in the order, and puts it there if it still has a row. */
  private step(cursor: Cursor, rows: number): void {
    cursor.row += this.reverse ? -rows : rows
    if (cursor.row >= 0 && cursor.row < cursor.keys.length) {
      this.insert(cursor)
      return
    }
    cursor.state = 'empty'
    if (this.wanting < 0 || cursor.source < this.wanting) this.wanting = cursor.source
  }

  private insert(cursor: Cursor): void {
    let low = 0
    let high = this.order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.precedes(this.order[middle], cursor)) low = middle + 1
      else high = middle
    }
    this.order.splice(low, 0, cursor)
  }

  /** Rows of `first`, itself included, that come before the row of the next cursor. */
  private runLength(first: Cursor): number {
    const remaining = this.reverse ? first.row + 1 : first.keys.length - first.row
    if (this.order.length === 1) return remaining
    const next = this.order[1]
    if (this.compare(next, first) === 0) {
      this.skipEqual(first)
      return 1
    }
    let known = 1
    let probe = 2
    while (probe <= remaining && this.comesBefore(first, probe - 1, next)) {
      known = probe
      probe *= 2
    }
    let high = Math.min(probe, remaining + 1)
    while (known + 1 < high) {
      const middle = (known + high) >>> 1
      if (this.comesBefore(first, middle - 1, next)) known = middle
      else high = middle
    }
    return known
  }

  /** True if the row `ahead` rows further in `cursor` comes strictly before the row of `other`. */
  private comesBefore(cursor: Cursor, ahead: number, other: Cursor): boolean {
    const row = this.reverse ? cursor.row - ahead : cursor.row + ahead
    const order = compareRows(cursor.keys, row, other.keys, other.row)
    return this.reverse ? order > 0 : order < 0
  }

  private precedes(a: Cursor, b: Cursor): boolean {
    const order = this.compare(a, b)
    return order === 0 ? a.source < b.source : order < 0
  }

  private compare(a: Cursor, b: Cursor): number {
    const order = compareRows(a.keys, a.row, b.keys, b.row)
    return this.reverse ? -order : order
  }

  private findWanting(): void {
    this.wanting = this.cursors.findIndex((cursor) => cursor.state === 'empty')
  }
}

const NO_KEYS: BytesVector = {
  physical: 'bytes',
  length: 0,
  bytes: new Uint8Array(0),
  offsets: new Uint32Array(1),
}

class Cursor {
  readonly source: number
  keys: BytesVector = NO_KEYS
  hidden: Uint8Array | undefined
  row = 0
  state: 'empty' | 'ready' | 'ended' = 'empty'

  constructor(source: number) {
    this.source = source
  }
}

function compareRows(a: BytesVector, aRow: number, b: BytesVector, bRow: number): number {
  return compareBytes(
    a.bytes,
    a.offsets[aRow],
    a.offsets[aRow + 1],
    b.bytes,
    b.offsets[bRow],
    b.offsets[bRow + 1],
  )
}

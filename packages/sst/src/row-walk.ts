import { compareKeys, type TextBlock, type Vector } from '@meru/core'
import { newSearchKey, type SearchKey } from './key-prefix.ts'
import type { PageLoader } from './page-loader.ts'
import { lowerRow, rowMemory, rowParts, type RowMemory, type RowParts } from './row-page.ts'
import { columnIndex } from './row-scan.ts'
import { RowTexts } from './row-texts.ts'
import type { SstFile } from './sst-file.ts'

/** What `RowWalk.next` says. */
export const WALK_END = 0
export const WALK_ROW = 1
export const WALK_NEEDS_PAGE = 2

const NO_MEMORY: RowMemory = rowMemory(0)

export interface WalkRange {
  /** Encoded key, inclusive. */
  readonly lower: Uint8Array | undefined
  /** Encoded key, exclusive. */
  readonly upper: Uint8Array | undefined
  readonly reverse: boolean
}

/** Rows [from, to) of columns, in the order of the file. */
export interface ColumnRun {
  readonly columns: readonly Vector[]
  readonly from: number
  readonly to: number
}

/** The rows of a walk that lie in one page: from `next` on, up to `stop`, which is not among them. */
interface Stretch {
  memory: RowMemory
  /** Where the frame lies in the memory, and how many rows it holds. */
  at: number
  rows: number
  next: number
  stop: number
  readonly texts: RowTexts
}

/**
 * Goes over the encoded rows of a file within a key range, page by page from the cache, without waiting: where a page is
 * missing it says so. The bounds need no page of their own: a page is searched when the walk comes to it.
 */
export class RowWalk {
  /** The row that the walk stands on. Valid until a page of any file is loaded; then `resume` finds it again. */
  readonly row: RowParts = { bytes: NO_MEMORY.bytes, keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 }
  /** Its position in the file; -1 at the start. */
  position = -1
  private readonly file: SstFile
  private readonly loader: PageLoader
  private readonly range: WalkRange
  /** The page at hand, the last page of the walk, and the one that was missing last. */
  private readonly pages: { current: number; readonly last: number; missing: number }
  private readonly stretch: Stretch = {
    memory: NO_MEMORY,
    at: 0,
    rows: 0,
    next: 0,
    stop: 0,
    texts: new RowTexts(),
  }

  constructor(file: SstFile, loader: PageLoader, range: WalkRange) {
    const { firstKey, lastKey } = file.keyIndex
    const lower =
      range.lower !== undefined && compareKeys(range.lower, firstKey) > 0 ? range.lower : undefined
    const upper =
      range.upper !== undefined && compareKeys(range.upper, lastKey) <= 0 ? range.upper : undefined
    const isApart =
      (lower !== undefined && compareKeys(lower, lastKey) > 0) ||
      (upper !== undefined && compareKeys(upper, firstKey) <= 0)
    const first = isApart ? 0 : lower === undefined ? 0 : pageOf(file, lower)
    const last = isApart ? -1 : upper === undefined ? file.keyIndex.pages - 1 : pageOf(file, upper)
    this.file = file
    this.loader = loader
    this.range = { lower, upper, reverse: range.reverse }
    this.pages = range.reverse
      ? { current: last + 1, last: first, missing: -1 }
      : { current: first - 1, last, missing: -1 }
  }

  /** The texts of the row that the walk stands on, and valid as long. */
  get texts(): TextBlock {
    return this.stretch.texts.block
  }

  /** Moves to the next row, of about `ahead` that are wanted. After `WALK_NEEDS_PAGE` load the page and ask again. */
  next(ahead: number): number {
    const { stretch } = this
    while (stretch.next === stretch.stop) {
      const answer = this.enter()
      if (answer !== WALK_ROW) return answer
    }
    const index = stretch.next
    rowParts(stretch.memory, stretch.at, stretch.rows, index, this.row)
    stretch.texts.serve(stretch, index, ahead, this.range.reverse)
    this.position = this.file.keyGrid.firstRows[this.pages.current] + index
    stretch.next = this.range.reverse ? index - 1 : index + 1
    return WALK_ROW
  }

  /**
   * Up to `count` rows of the page, from the one that the walk stands on, by column, if all columns of the ids are in the
   * cache; moves to the last of them.
   */
  run(count: number, columnIds: readonly number[]): ColumnRun | undefined {
    const { stretch, position, file } = this
    const columns = this.columns(columnIds)
    if (columns === undefined) return undefined
    const first = file.keyGrid.firstRows[this.pages.current]
    const index = position - first
    const { reverse } = this.range
    const further = Math.min(count - 1, Math.abs(stretch.stop - stretch.next))
    const last = reverse ? index - further : index + further
    rowParts(stretch.memory, stretch.at, stretch.rows, last, this.row)
    this.position = first + last
    stretch.next = reverse ? last - 1 : last + 1
    return { columns, from: Math.min(index, last), to: Math.max(index, last) + 1 }
  }

  /**
   * To be called before anything else when pages may have been loaded since the last call: that moves those in memory.
   * With `row`, `row` is valid again afterwards; without, only `next` is sure to go on. False if the page at hand is
   * needed for that and gone; load it and call again.
   */
  resume({ row }: { row: boolean }): boolean {
    const { pages, stretch, position } = this
    if (position < 0 || (!row && stretch.next === stretch.stop)) return true
    if (!this.find(pages.current)) return false
    const index = position - this.file.keyGrid.firstRows[pages.current]
    rowParts(stretch.memory, stretch.at, stretch.rows, index, this.row)
    stretch.texts.serve(stretch, index, 1, this.range.reverse)
    return true
  }

  /** Loads the page that was missing. */
  load(): Promise<void> {
    return this.loader.load([this.loader.units.rows(this.pages.missing)])
  }

  /** Goes to the next page. Its rows may all be out of range. */
  private enter(): number {
    const { pages, stretch, range } = this
    const { reverse, lower, upper } = range
    if (reverse ? pages.current <= pages.last : pages.current >= pages.last) return WALK_END
    const page = reverse ? pages.current - 1 : pages.current + 1
    if (!this.find(page)) return WALK_NEEDS_PAGE
    pages.current = page
    const from = lower === undefined ? 0 : this.lowerIn(lower)
    const to = upper === undefined ? stretch.rows : this.lowerIn(upper)
    const isEmpty = from >= to
    stretch.next = isEmpty ? 0 : reverse ? to - 1 : from
    stretch.stop = isEmpty ? 0 : reverse ? from - 1 : to
    return WALK_ROW
  }

  /** Columns of the page at hand, if all are in the cache. */
  private columns(ids: readonly number[]): Vector[] | undefined {
    const { file, loader, pages } = this
    // Pages of encoded rows are others than those of columns.
    if (file.rowColumn !== undefined) return undefined
    const vectors: Vector[] = []
    for (const id of ids) {
      const cached = loader.table[loader.units.column(columnIndex(file, id), pages.current)]
      if (cached?.vector === undefined) return undefined
      cached.used = true
      vectors.push(cached.vector)
    }
    loader.cache.hits += ids.length
    return vectors
  }

  /** Looks a page up in the cache. */
  private find(page: number): boolean {
    const { loader, stretch } = this
    const { cache, frames, table, units } = loader
    const { firstRows } = this.file.keyGrid
    const slot = frames[page]
    if (slot !== 0) {
      if (cache.frames.used[slot - 1] === 0) cache.frames.used[slot - 1] = 1
      stretch.memory = cache.frames.memory
      stretch.at = cache.frames.offsetOf(slot)
    } else {
      const cached = table[units.rows(page)]
      if (cached?.rows === undefined) {
        this.pages.missing = page
        cache.misses++
        return false
      }
      cached.used = true
      stretch.memory = cached.rows
      stretch.at = 0
    }
    cache.hits++
    stretch.texts.clear()
    stretch.rows = firstRows[page + 1] - firstRows[page]
    return true
  }

  /** The first row of the page at hand whose key is not below a bound, which the file covers. */
  private lowerIn(bound: Uint8Array): number {
    const { memory, at, rows } = this.stretch
    const { keyIndex } = this.file
    const key = searchKey(this.file, bound)
    const guess = Math.floor(keyIndex.shareOf(this.pages.current, key.prefix) * rows)
    return lowerRow(memory, at, rows, key, guess)
  }
}

function pageOf(file: SstFile, key: Uint8Array): number {
  return file.keyIndex.pageOf(searchKey(file, key))
}

/** Of a key that the file covers. */
function searchKey({ keyIndex }: SstFile, bytes: Uint8Array): SearchKey {
  const key = newSearchKey()
  key.bytes = bytes
  key.end = bytes.length
  keyIndex.aim(key)
  return key
}

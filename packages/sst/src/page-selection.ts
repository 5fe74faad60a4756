import { CorruptionError, type ColumnStats } from '@meru/core'
import type { ReadHandle } from '@meru/fs'
import type { ByteRange } from './byte-ranges.ts'
import { PageStatistics } from './page-statistics.ts'
import { pageOfRow, type Grid } from './page-places.ts'

/** Rows [from, to) of a file. */
export interface RowRange {
  readonly from: number
  readonly to: number
}

/** Tells from statistics where rows may match. */
export interface StatisticsFilter {
  /** Field ids of the columns that it looks at. */
  readonly columnIds: readonly number[]
  mayMatch(columns: readonly ColumnStats[]): boolean
}

/** The pages of the typed columns of a file. Their statistics are read when they are first asked for, and then kept. */
export class TypedPages {
  /** The first row of each page, and the number of rows. */
  readonly starts: Uint32Array
  private readonly handle: ReadHandle
  private readonly grid: Grid
  /** Where the statistics block is, unless the file has none. */
  private readonly place: ByteRange | undefined
  private loading: Promise<PageStatistics> | undefined

  constructor(handle: ReadHandle, grid: Grid, place: ByteRange | undefined) {
    this.starts = grid.firstRows
    this.handle = handle
    this.grid = grid
    this.place = place
  }

  /**
   * The rows among [from, to) on pages that may have a match: ascending ranges, none of which touch. A file without
   * statistics gives all of them.
   */
  async select(filter: StatisticsFilter, from: number, to: number): Promise<RowRange[]> {
    if (from >= to) return []
    if (this.place === undefined) return [{ from, to }]
    const { starts } = this
    const firstPage = pageOfRow(this.grid, from)
    const pages = [firstPage, pageOfRow(this.grid, to - 1) + 1] as const
    const statistics = await this.load(this.place)
    const selected = statistics.select(filter.columnIds, pages, (columns) => filter.mayMatch(columns))
    const ranges: RowRange[] = []
    selected.forEach((isSelected, i) => {
      if (!isSelected) return
      const start = Math.max(from, starts[firstPage + i])
      const end = Math.min(to, starts[firstPage + i + 1])
      const last = ranges[ranges.length - 1]
      if (last?.to === start) ranges[ranges.length - 1] = { from: last.from, to: end }
      else ranges.push({ from: start, to: end })
    })
    return ranges
  }

  private load(place: ByteRange): Promise<PageStatistics> {
    this.loading ??= this.read(place).catch((error: unknown) => {
      this.loading = undefined
      throw error
    })
    return this.loading
  }

  private async read({ offset, length }: ByteRange): Promise<PageStatistics> {
    const block = new Uint8Array(length)
    const count = await this.handle.read(block, offset)
    const where = { file: this.handle.path, offset }
    if (count !== length) throw new CorruptionError(where, `${length} bytes expected, ${count} read`)
    return PageStatistics.decode(block, this.grid, where)
  }
}

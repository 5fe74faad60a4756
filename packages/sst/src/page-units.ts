import type { SstFile } from './sst-file.ts'

/**
 * The numbers of the pages of a file that a cache can hold: the keys of each page, the rows of each page, the pages of
 * each typed column, the dictionaries of each column.
 */
export class PageUnits {
  readonly count: number
  private readonly keyPages: number
  private readonly typedPages: number
  private readonly columns: number
  private readonly groups: number

  constructor({ keyGrid, typedGrid, places }: SstFile) {
    this.keyPages = keyGrid.pages
    this.typedPages = typedGrid.pages
    this.columns = places.columns.length
    this.groups = places.groupRows.length - 1
    this.count = 2 * this.keyPages + this.columns * (this.typedPages + this.groups)
  }

  keys(page: number): number {
    return page
  }

  rows(page: number): number {
    return this.keyPages + page
  }

  column(column: number, page: number): number {
    return 2 * this.keyPages + column * this.typedPages + page
  }

  dictionary(column: number, group: number): number {
    return 2 * this.keyPages + this.columns * this.typedPages + column * this.groups + group
  }

  /** What a number stands for; never a dictionary, which is loaded with the pages that need it. */
  describe(unit: number): { kind: 'keys' | 'rows' | 'column'; page: number; column: number } {
    if (unit < this.keyPages) return { kind: 'keys', page: unit, column: -1 }
    if (unit < 2 * this.keyPages) return { kind: 'rows', page: unit - this.keyPages, column: -1 }
    const index = unit - 2 * this.keyPages
    return { kind: 'column', page: index % this.typedPages, column: Math.floor(index / this.typedPages) }
  }
}

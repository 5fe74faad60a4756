import { encodeKeyVector, type Vector } from '@meru/core'
import { coalesce, readRanges, readRangesSync, type ByteRange, type LoadedRange } from './byte-ranges.ts'
import { sortedKeys } from './key-prefix.ts'
import { dataPage, dictionaryPage } from './page-body.ts'
import type { PageCache, PageTable, PageToKeep } from './page-cache.ts'
import { groupOfPage, type ColumnPlaces } from './page-places.ts'
import { decodeRowPage } from './row-page.ts'
import type { SstFile } from './sst-file.ts'
import { VectorSink } from './vector-sink.ts'

/**
 * The numbers of the pages of a file that a cache can hold:
 * first the key pages (level 0: pages of `_row`; deeper: the keys of a page), then the pages of each typed column, then
 * the dictionaries of each column.
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
    this.count = this.keyPages + this.columns * (this.typedPages + this.groups)
  }

  column(column: number, page: number): number {
    return this.keyPages + column * this.typedPages + page
  }

  dictionary(column: number, group: number): number {
    return this.keyPages + this.columns * this.typedPages + column * this.groups + group
  }
}

/** A page of a typed column to load. */
interface WantedColumn {
  readonly column: number
  readonly page: number
  readonly group: number
  readonly unit: number
}

interface LoadPlan {
  readonly ranges: readonly ByteRange[]
  /** Pages that are in the cache already; they must still be there when the others come. */
  readonly present: readonly PageToKeep[]
  /** Pages of `_row` to load. */
  readonly rowPages: readonly number[]
  readonly columns: readonly WantedColumn[]
  /** Pages whose keys to encode once their key columns are there. */
  readonly keyPages: readonly number[]
  /** Vectors in memory by unit: found in the cache when the plan was made, or loaded since. */
  readonly vectors: Map<number, Vector>
  readonly dictionaries: readonly { column: number; group: number; unit: number }[]
}

/** Brings pages of one file into the cache. Planning and decoding are shared; only the reads are twins. */
export class PageLoader {
  readonly table: PageTable
  readonly units: PageUnits
  private readonly file: SstFile
  private readonly cache: PageCache
  /** Pages on their way, so that concurrent readers read them once. */
  private readonly inFlight: Map<number, Promise<void>> = new Map()

  constructor(file: SstFile, cache: PageCache) {
    this.file = file
    this.cache = cache
    this.units = new PageUnits(file)
    this.table = Array.from({ length: this.units.count }, () => undefined)
  }

  /** Loads pages; those that are in memory stay there until the promise is resolved. */
  async load(units: readonly number[]): Promise<void> {
    const waits: Promise<void>[] = []
    const wanted: number[] = []
    for (const unit of units) {
      const underWay = this.inFlight.get(unit)
      if (underWay === undefined) wanted.push(unit)
      else waits.push(underWay)
    }
    if (wanted.length > 0) {
      const loading = this.start(wanted)
      for (const unit of wanted) this.inFlight.set(unit, loading)
      waits.push(loading.finally(() => wanted.forEach((unit) => this.inFlight.delete(unit))))
    }
    await Promise.all(waits)
  }

  loadSync(units: readonly number[]): void {
    const plan = this.plan(units)
    this.keep(plan, readRangesSync(this.file.handle, plan.ranges))
  }

  /** The dictionary of a chunk if it is in memory. */
  dictionary(column: number, group: number): Vector | undefined {
    const page = this.table[this.units.dictionary(column, group)]
    if (page === undefined) return undefined
    page.used = true
    return page.vector
  }

  keepDictionary(column: number, group: number, vector: Vector): void {
    const content = { rows: undefined, keys: undefined, vector }
    this.cache.insert(this.table, [{ unit: this.units.dictionary(column, group), content }])
  }

  close(): void {
    this.cache.drop(this.table)
  }

  private async start(units: readonly number[]): Promise<void> {
    const plan = this.plan(units)
    this.keep(plan, await readRanges(this.file.handle, plan.ranges))
  }

  private plan(units: readonly number[]): LoadPlan {
    const { file, table } = this
    const { places, keyGrid, typedGrid, keyColumns, rowColumn } = file
    const ranges: ByteRange[] = []
    const columns = new Map<number, WantedColumn>()
    const dictionaries = new Map<number, { column: number; group: number; unit: number }>()
    const plan = {
      present: [] as PageToKeep[],
      rowPages: [] as number[],
      keyPages: [] as number[],
      vectors: new Map<number, Vector>(),
    }
    const want = (column: number, page: number): void => {
      const unit = this.units.column(column, page)
      const cached = table[unit]?.vector
      if (cached !== undefined) plan.vectors.set(unit, cached)
      if (cached !== undefined || columns.has(unit)) return
      const group = groupOfPage(typedGrid, page)
      columns.set(unit, { column, page, group, unit })
      ranges.push(pageRange(places.columns[column], page))
      const dictionary = places.columns[column].chunks[group].dictionary
      const dictionaryUnit = this.units.dictionary(column, group)
      if (dictionary === undefined || dictionaries.has(dictionaryUnit)) return
      const values = this.dictionary(column, group)
      if (values !== undefined) {
        plan.vectors.set(dictionaryUnit, values)
      } else {
        dictionaries.set(dictionaryUnit, { column, group, unit: dictionaryUnit })
        ranges.push(dictionary)
      }
    }
    for (const unit of units) {
      const cached = table[unit]
      if (cached !== undefined) {
        plan.present.push({ unit, content: cached })
      } else if (unit < keyGrid.pages && rowColumn !== undefined) {
        plan.rowPages.push(unit)
        ranges.push(pageRange(rowColumn, unit))
      } else if (unit < keyGrid.pages) {
        plan.keyPages.push(unit)
        for (const column of keyColumns) want(column, unit)
      } else {
        const index = unit - keyGrid.pages
        want(Math.floor(index / typedGrid.pages), index % typedGrid.pages)
      }
    }
    return {
      ...plan,
      ranges: coalesce(ranges),
      columns: [...columns.values()],
      dictionaries: [...dictionaries.values()],
    }
  }

  /** Decodes what a plan asked for and puts it into the cache, all at once. */
  private keep(plan: LoadPlan, loaded: readonly LoadedRange[]): void {
    const { file } = this
    const { places, keyGrid, keyIndex, schema, handle, rowColumn } = file
    const pages: PageToKeep[] = [...plan.present]
    const keepVector = (unit: number, vector: Vector): void => {
      plan.vectors.set(unit, vector)
      pages.push({ unit, content: { rows: undefined, keys: undefined, vector } })
    }
    for (const { column, group, unit } of plan.dictionaries) {
      const { dictionary, codec } = places.columns[column].chunks[group]
      if (dictionary === undefined) continue
      keepVector(unit, dictionaryPage(handle.path, places.columns[column], dictionary, codec, loaded))
    }
    for (const { column, page, group, unit } of plan.columns) {
      const dictionary = plan.vectors.get(this.units.dictionary(column, group))
      const body = dataPage(handle.path, places.columns[column], page, group, loaded, dictionary)
      const sink = new VectorSink(places.columns[column].column, body.rows, body.end - body.start)
      sink.append(body, 0, body.rows)
      keepVector(unit, sink.finish())
    }
    for (const page of plan.keyPages) {
      const rows = keyGrid.firstRows[page + 1] - keyGrid.firstRows[page]
      const vectors = file.keyColumns.map(
        (column) => plan.vectors.get(this.units.column(column, page)) as Vector,
      )
      const keys = sortedKeys(encodeKeyVector(schema, vectors, rows), keyIndex.skip)
      pages.push({ unit: page, content: { rows: undefined, keys, vector: undefined } })
    }
    for (const page of plan.rowPages) {
      if (rowColumn === undefined) continue
      const body = dataPage(handle.path, rowColumn, page, groupOfPage(keyGrid, page), loaded, undefined)
      const bytes = body.bytes.slice(body.start, body.end)
      const rows = decodeRowPage(bytes, body.rows, keyIndex.skip, body.where)
      pages.push({ unit: page, content: { rows, keys: undefined, vector: undefined } })
    }
    this.cache.insert(this.table, pages)
  }
}

function pageRange(places: ColumnPlaces, page: number): ByteRange {
  return { offset: places.offsets[page], length: places.lengths[page] }
}

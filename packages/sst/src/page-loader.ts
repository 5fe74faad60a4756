import { CorruptionError, encodeKeyVector, MeruError, type BytesVector, type Vector } from '@meru/core'
import { coalesce, readRanges, readRangesSync, type ByteRange, type LoadedRange } from './byte-ranges.ts'
import { pageRanges, pageVector } from './column-page.ts'
import { CODEC_NONE } from './compression.ts'
import { sortedKeys } from './key-prefix.ts'
import { checkPage, dataPage, dictionaryPage } from './page-body.ts'
import type { PageCache, PageTable, PageToKeep } from './page-cache.ts'
import { groupOfPage, type ColumnPlaces } from './page-places.ts'
import { PageUnits } from './page-units.ts'
import type { FrameTable } from './row-frames.ts'
import { frameBytes, frameHeadBytes, indexFrame, rowMemory, type RowMemory } from './row-page.ts'
import type { SstFile } from './sst-file.ts'

/** A page of a typed column to load. */
interface WantedColumn {
  readonly column: number
  readonly page: number
  readonly group: number
  readonly unit: number
  /** False if the vector is only wanted to make rows or keys of it. */
  isKept: boolean
}

interface WantedDictionary {
  readonly column: number
  readonly group: number
  readonly unit: number
}

interface LoadPlan {
  readonly ranges: ByteRange[]
  /** Pages that are in the cache already; they must still be there when the others come. */
  readonly present: PageToKeep[]
  readonly rowPages: number[]
  readonly keyPages: number[]
  readonly columns: Map<number, WantedColumn>
  readonly dictionaries: Map<number, WantedDictionary>
  /** Vectors in memory by unit: found in the cache when the plan was made, or loaded since. */
  readonly vectors: Map<number, Vector>
}

/** A frame that is not yet filled. */
interface OpenFrame {
  readonly memory: RowMemory
  readonly at: number
  readonly size: number
  /** True if it lies among the frames of the cache. */
  readonly isShared: boolean
}

/** Brings pages of one file into the cache. Planning and decoding are shared; only the reads are twins. */
export class PageLoader {
  readonly table: PageTable = []
  readonly frames: FrameTable
  readonly units: PageUnits
  private readonly file: SstFile
  readonly cache: PageCache
  private isClosed = false
  /** Pages on their way, so that concurrent readers read them once. */
  private readonly inFlight: Map<number, Promise<void>> = new Map()

  constructor(file: SstFile, cache: PageCache) {
    this.file = file
    this.cache = cache
    this.units = new PageUnits(file)
    this.table.length = this.units.count
    this.frames = cache.frames.join(file.keyGrid.pages)
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
    const { rowColumn } = this.file
    if (units.length === 1 && rowColumn?.chunks[0].codec === CODEC_NONE) {
      const { kind, page } = this.units.describe(units[0])
      if (kind === 'rows') return this.readRowPageSync(rowColumn, page)
    }
    const plan = this.plan(units)
    readRangesSync(this.file.handle, plan.ranges, (loaded) => this.keep(plan, loaded))
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

  /** Throws if the file was closed, so that nothing of it comes into the cache any more. */
  checkOpen(): void {
    if (!this.isClosed) return
    throw new MeruError('CLOSED', `${this.file.handle.path} was closed while a page of it was read`)
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.cache.drop(this.table, this.frames)
  }

  private async start(units: readonly number[]): Promise<void> {
    const plan = this.plan(units)
    await readRanges(this.file.handle, plan.ranges, (loaded) => this.keep(plan, loaded))
  }

  private plan(units: readonly number[]): LoadPlan {
    const { file, table } = this
    const plan: LoadPlan = {
      ranges: [],
      present: [],
      rowPages: [],
      keyPages: [],
      columns: new Map(),
      dictionaries: new Map(),
      vectors: new Map(),
    }
    for (const unit of units) {
      const cached = table[unit]
      if (cached !== undefined) {
        plan.present.push({ unit, content: cached })
        continue
      }
      const { kind, page, column } = this.units.describe(unit)
      if (kind === 'column') {
        this.want(plan, column, page, true)
      } else if (kind === 'keys') {
        plan.keyPages.push(page)
        for (const key of file.keyColumns) this.want(plan, key, page, true)
      } else if (this.frames[page] === 0) {
        plan.rowPages.push(page)
        if (file.rowColumn !== undefined) plan.ranges.push(...pageRanges(file.rowColumn, page))
        else for (let i = 0; i < file.schema.columns.length; i++) this.want(plan, i, page, false)
      }
    }
    return { ...plan, ranges: coalesce(plan.ranges) }
  }

  private want(plan: LoadPlan, column: number, page: number, isKept: boolean): void {
    const { table, units } = this
    const { places, typedGrid } = this.file
    const unit = units.column(column, page)
    const cached = table[unit]?.vector
    if (cached !== undefined) {
      plan.vectors.set(unit, cached)
      return
    }
    const wanted = plan.columns.get(unit)
    if (wanted !== undefined) {
      wanted.isKept ||= isKept
      return
    }
    const group = groupOfPage(typedGrid, page)
    plan.columns.set(unit, { column, page, group, unit, isKept })
    plan.ranges.push(...pageRanges(places.columns[column], page))
    const dictionary = places.columns[column].chunks[group].dictionary
    const dictionaryUnit = units.dictionary(column, group)
    if (dictionary === undefined || plan.dictionaries.has(dictionaryUnit)) return
    const values = this.dictionary(column, group)
    if (values === undefined) {
      plan.dictionaries.set(dictionaryUnit, { column, group, unit: dictionaryUnit })
      plan.ranges.push(dictionary)
    } else {
      plan.vectors.set(dictionaryUnit, values)
    }
  }

  /** Decodes what a plan asked for and puts it into the cache, all at once. */
  private keep(plan: LoadPlan, loaded: readonly LoadedRange[]): void {
    const { file } = this
    const { places, keyIndex, handle } = file
    this.checkOpen()
    const pages: PageToKeep[] = [...plan.present]
    for (const { column, group, unit } of plan.dictionaries.values()) {
      const { dictionary, codec } = places.columns[column].chunks[group]
      if (dictionary === undefined) continue
      const vector = dictionaryPage(handle.path, places.columns[column], dictionary, codec, loaded)
      plan.vectors.set(unit, vector)
      pages.push({ unit, content: { rows: undefined, keys: undefined, vector } })
    }
    for (const { column, page, group, unit, isKept } of plan.columns.values()) {
      const dictionary = plan.vectors.get(this.units.dictionary(column, group))
      const vector = pageVector(handle.path, places.columns[column], { page, group }, loaded, dictionary)
      plan.vectors.set(unit, vector)
      if (isKept) pages.push({ unit, content: { rows: undefined, keys: undefined, vector } })
    }
    for (const page of plan.keyPages) {
      const keys = sortedKeys(this.encodeKeys(page, plan.vectors), keyIndex.skip)
      pages.push({ unit: this.units.keys(page), content: { rows: undefined, keys, vector: undefined } })
    }
    for (const page of plan.rowPages) {
      const frame =
        file.rowColumn === undefined ? this.assemble(page, plan.vectors) : this.copyRows(page, loaded)
      if (frame.isShared) this.cache.frames.add(this.frames, page, frame.at, frame.size)
      else
        pages.push({
          unit: this.units.rows(page),
          content: { rows: frame.memory, keys: undefined, vector: undefined },
        })
    }
    if (pages.length > 0) this.cache.insert(this.table, pages)
  }

  private encodeKeys(page: number, vectors: ReadonlyMap<number, Vector>): BytesVector {
    const { schema, keyGrid, keyColumns } = this.file
    const rows = keyGrid.firstRows[page + 1] - keyGrid.firstRows[page]
    const columns = keyColumns.map((column) => vectors.get(this.units.column(column, page)) as Vector)
    return encodeKeyVector(schema, columns, rows)
  }

  /** Deeper levels: makes rows of the columns of a page. */
  private assemble(page: number, vectors: ReadonlyMap<number, Vector>): OpenFrame {
    const { schema, handle, keyIndex, assembler } = this.file
    const keys = this.encodeKeys(page, vectors)
    const columns = schema.columns.map((_, i) => vectors.get(this.units.column(i, page)) as Vector)
    const rows = assembler.assemble(columns, keys)
    const frame = this.openFrame(keys.length, rows.length)
    const start = frame.at + frameHeadBytes(keys.length)
    frame.memory.bytes.set(rows, start)
    const place = { at: frame.at, rows: keys.length, start, end: start + rows.length }
    indexFrame(frame.memory, place, keyIndex.skip, { file: handle.path, offset: 0 })
    return frame
  }

  /** Level 0: a loaded page of `_row`. */
  private copyRows(page: number, loaded: readonly LoadedRange[]): OpenFrame {
    const { rowColumn, keyGrid, keyIndex, handle } = this.file
    const body = dataPage(
      handle.path,
      rowColumn as ColumnPlaces,
      page,
      groupOfPage(keyGrid, page),
      loaded,
      undefined,
    )
    const bytes = body.end - body.start
    const frame = this.openFrame(body.rows, bytes)
    const start = frame.at + frameHeadBytes(body.rows)
    frame.memory.bytes.set(body.bytes.subarray(body.start, body.end), start)
    indexFrame(
      frame.memory,
      { at: frame.at, rows: body.rows, start, end: start + bytes },
      keyIndex.skip,
      body.where,
    )
    return frame
  }

  /** Level 0, uncompressed: reads a page straight into its frame. */
  private readRowPageSync(places: ColumnPlaces, page: number): void {
    const { handle, keyGrid, keyIndex } = this.file
    if (this.frames[page] !== 0 || this.table[this.units.rows(page)] !== undefined) return
    const rows = keyGrid.firstRows[page + 1] - keyGrid.firstRows[page]
    const offset = places.offsets[page]
    const length = places.lengths[page]
    const frame = this.openFrame(rows, length)
    const { bytes } = frame.memory
    const start = frame.at + frameHeadBytes(rows)
    const count = handle.readSync(bytes.subarray(start, start + length), offset)
    const where = { file: handle.path, offset }
    if (count !== length) throw new CorruptionError(where, `${length} bytes expected, ${count} read`)
    const bodyStart = start + places.headerBytes[page]
    const end = start + length
    checkPage({ bytes, start, bodyStart, end, where }, places.crcs[page], places.column.name)
    indexFrame(frame.memory, { at: frame.at, rows, start: bodyStart, end }, keyIndex.skip, where)
    if (frame.isShared) {
      this.cache.frames.add(this.frames, page, frame.at, frame.size)
    } else {
      const content = { rows: frame.memory, keys: undefined, vector: undefined }
      this.cache.insert(this.table, [{ unit: this.units.rows(page), content }])
    }
  }

  private openFrame(rows: number, bytes: number): OpenFrame {
    const { frames } = this.cache
    const size = frameBytes(rows, bytes)
    const at = frames.reserve(size)
    return at < 0
      ? { memory: rowMemory(size), at: 0, size, isShared: false }
      : { memory: frames.memory, at, size, isShared: true }
  }
}

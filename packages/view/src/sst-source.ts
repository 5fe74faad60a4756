import { concatVectors, gatherVectors, type BytesVector, type Filter, type Vector } from '@meru/core'
import { seek, type RowRange } from '@meru/sst'
import type { LiveFile } from './live-file.ts'
import { CHUNK_ROWS_MAX, type RowSource, type SourceChunk } from './source.ts'

/** Chunks that a source gives before it reads ahead: a short scan reads nothing in vain. */
const CHUNKS_BEFORE_AHEAD = 2

interface SstSourceOptions {
  readonly lower: Uint8Array | undefined
  readonly upper: Uint8Array | undefined
  readonly columnIds: readonly number[]
  readonly reverse: boolean
  readonly filter: Filter | undefined
  readonly signal: AbortSignal | undefined
}

/** The live rows of files that follow one another in key order: one file of level 0, or a deeper level. */
export class SstSource implements RowSource {
  private readonly files: LiveFile[]
  private readonly options: SstSourceOptions
  /** Rows of the file at hand that are still to come: [from, to). */
  private from = 0
  private to = 0
  private live: LiveFile | undefined
  /** More rows of the file at hand, in the order of the scan. */
  private further: RowRange[] = []
  private readonly ahead: { given: number; chunk: Promise<SourceChunk | undefined> | undefined } = {
    given: 0,
    chunk: undefined,
  }

  constructor(files: readonly LiveFile[], options: SstSourceOptions) {
    this.files = options.reverse ? files.toReversed() : [...files]
    this.options = options
  }

  /**
   * While the caller works on a chunk of a long scan the next one of the file is read: no more than one. The search for
   * the place in the next file waits: two searches at once could push each other's pages out of a small cache for ever.
   */
  async next(rows: number, options: { keys: boolean }): Promise<SourceChunk | undefined> {
    const { ahead } = this
    // What was read ahead may have come to the end of its file only.
    const chunk = (await ahead.chunk) ?? (await this.take(rows, { ...options, file: 'any' }))
    ahead.chunk = undefined
    if (chunk !== undefined && ++ahead.given > CHUNKS_BEFORE_AHEAD && this.hasMore) {
      ahead.chunk = this.take(Math.min(rows * 2, CHUNK_ROWS_MAX), { ...options, file: 'this' })
      // Whoever leaves the scan does not hear of what became of it.
      ahead.chunk.catch(() => undefined)
    }
    return chunk
  }

  /** Whether the file at hand has more rows. */
  private get hasMore(): boolean {
    return this.from < this.to || this.further.length > 0
  }

  private async take(
    rows: number,
    options: { keys: boolean; file: 'this' | 'any' },
  ): Promise<SourceChunk | undefined> {
    for (;;) {
      this.options.signal?.throwIfAborted()
      while (this.live === undefined || this.from >= this.to) {
        const range = this.further.shift()
        if (range !== undefined) {
          this.from = range.from
          this.to = range.to
          continue
        }
        if (options.file === 'this') return undefined
        const next = this.files.shift()
        if (next === undefined) return undefined
        await this.enter(next)
      }
      const live = this.live
      const { columnIds, filter } = this.options
      const isCount = columnIds.length === 0 && filter === undefined && !options.keys
      const wanted = isCount ? this.to - this.from : rows
      const from = this.options.reverse ? Math.max(this.from, startOfPage(live, this.to - wanted)) : this.from
      const to = this.options.reverse ? this.to : Math.min(this.to, endOfPage(live, this.from + wanted))
      if (this.options.reverse) this.to = from
      else this.from = to
      const chunk = await this.read(live, from, to, options.keys)
      if (chunk.length > 0) return chunk
    }
  }

  private async enter(live: LiveFile): Promise<void> {
    const { lower, upper, filter, reverse } = this.options
    const from = lower === undefined ? 0 : await seek(live.reader, lower)
    const to = upper === undefined ? live.file.rows : await seek(live.reader, upper)
    // Statistics of an earlier schema speak of other types.
    const isPruned = filter !== undefined && live.projection === undefined
    const ranges = isPruned ? await live.reader.pages.select(filter, from, to) : [{ from, to }]
    this.further = reverse ? ranges.toReversed() : ranges
    this.from = this.to = 0
    this.live = live
  }

  /** The rows among [from, to) that live and match. */
  private async read(live: LiveFile, from: number, to: number, keys: boolean): Promise<SourceChunk> {
    const { columnIds, filter } = this.options
    const deadRows = live.dead.countRange(from, to)
    const length = to - from - deadRows
    if (length === 0) return NOTHING
    if (filter !== undefined) {
      const columns = await readColumns(live, from, to, filter.columnIds)
      const rows = filter.matches(columns, to - from)
      return gatherMatches(live, from, deadRows === 0 ? rows : livingOf(live, from, rows), columnIds, keys)
    }
    if (columnIds.length === 0 && !keys) return { length, keys: undefined, columns: [] }
    const rows = await readAll(live, from, to, columnIds, keys)
    return deadRows === 0 ? rows : pick(rows, liveRowsOf(live, from, to, length))
  }
}

const NOTHING: SourceChunk = { length: 0, keys: undefined, columns: [] }

/** Rows [from, to), dead ones too, with the columns that the scan asks for. */
async function readAll(
  live: LiveFile,
  from: number,
  to: number,
  columnIds: readonly number[],
  keys: boolean,
): Promise<SourceChunk> {
  const projected = live.projection?.columns(columnIds)
  const ids = projected?.sourceIds ?? columnIds
  const rows = await live.reader.readRows(from, to, ids, { keys, cached: true })
  const columns = projected === undefined ? rows.columns : projected.project(rows.columns, rows.length)
  return { length: rows.length, keys: rows.keys, columns }
}

async function readColumns(
  live: LiveFile,
  from: number,
  to: number,
  columnIds: readonly number[],
): Promise<readonly Vector[]> {
  return (await readAll(live, from, to, columnIds, false)).columns
}

/** Reads the columns of the rows `from + rows[i]`, of pages that hold one of them only. */
async function gatherMatches(
  live: LiveFile,
  from: number,
  rows: Uint32Array,
  columnIds: readonly number[],
  keys: boolean,
): Promise<SourceChunk> {
  const { length } = rows
  if (length === 0) return NOTHING
  if (columnIds.length === 0 && !keys) return { length, keys: undefined, columns: [] }
  const parts: SourceChunk[] = []
  for (let first = 0; first < length;) {
    // Matches on one page or on the next one are read together; pages without any are passed over.
    let last = first
    let end = endOfPage(live, from + rows[first] + 1)
    for (; last + 1 < length && from + rows[last + 1] < endOfPage(live, end + 1); last++) {
      if (from + rows[last + 1] >= end) end = endOfPage(live, end + 1)
    }
    const start = from + rows[first]
    const chunk = await readAll(live, start, from + rows[last] + 1, columnIds, keys)
    parts.push(
      pick(
        chunk,
        rows.slice(first, last + 1).map((row) => from + row - start),
      ),
    )
    first = last + 1
  }
  const keyParts = parts.map((part) => part.keys).filter((part) => part !== undefined)
  return {
    length,
    keys: keyParts.length === parts.length ? (concatVectors(keyParts) as BytesVector) : undefined,
    columns: columnIds.map((_, column) => concatVectors(parts.map((part) => part.columns[column]))),
  }
}

/** The given rows of a chunk, which has no slots. */
function pick(chunk: SourceChunk, rowOf: Uint32Array): SourceChunk {
  const { length } = rowOf
  if (length === chunk.length) return chunk
  const sourceOf = new Uint8Array(length)
  const keep = (vector: Vector): Vector => gatherVectors([vector], sourceOf, rowOf, length)
  return {
    length,
    keys: chunk.keys === undefined ? undefined : (keep(chunk.keys) as BytesVector),
    columns: chunk.columns.map(keep),
  }
}

/** Those of the rows that are not dead. */
function livingOf(live: LiveFile, from: number, rows: Uint32Array): Uint32Array {
  return rows.filter((row) => !live.dead.has(from + row))
}

/** The first row of the page that holds a row; rows before the file count as its first. */
function startOfPage({ reader }: LiveFile, row: number): number {
  return reader.pages.starts[pageAt(reader.pages.starts, Math.max(0, row))]
}

/** The end of the page that holds the row before `end`, so that no page is read twice. */
function endOfPage({ reader, file }: LiveFile, end: number): number {
  return end >= file.rows ? file.rows : reader.pages.starts[pageAt(reader.pages.starts, end - 1) + 1]
}

/** The last page that starts at or before a row. */
function pageAt(starts: Uint32Array, row: number): number {
  let low = 0
  let high = starts.length - 1
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (starts[middle] <= row) low = middle
    else high = middle
  }
  return low
}

function liveRowsOf(live: LiveFile, from: number, to: number, length: number): Uint32Array {
  const rowOf = new Uint32Array(length)
  let count = 0
  for (let position = from; position < to; position++) {
    if (!live.dead.has(position)) rowOf[count++] = position - from
  }
  return rowOf
}

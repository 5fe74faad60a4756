import { gatherVectors, type BytesVector, type Vector } from '@meru/core'
import { seek } from '@meru/sst'
import type { LiveFile } from './live-file.ts'
import { CHUNK_ROWS_MAX, type RowSource, type SourceChunk } from './source.ts'

/** Chunks that a source gives before it reads ahead: a short scan reads nothing in vain. */
const CHUNKS_BEFORE_AHEAD = 2

interface SstSourceOptions {
  readonly lower: Uint8Array | undefined
  readonly upper: Uint8Array | undefined
  readonly columnIds: readonly number[]
  readonly reverse: boolean
}

/** The live rows of files that follow one another in key order: one file of level 0, or a deeper level. */
export class SstSource implements RowSource {
  private readonly files: LiveFile[]
  private readonly options: SstSourceOptions
  /** Rows of the file at hand that are still to come: [from, to). */
  private from = 0
  private to = 0
  private live: LiveFile | undefined
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
    const chunk = await (ahead.chunk ?? this.take(rows, options))
    ahead.chunk = undefined
    if (chunk !== undefined && ++ahead.given > CHUNKS_BEFORE_AHEAD && this.from < this.to) {
      ahead.chunk = this.take(Math.min(rows * 2, CHUNK_ROWS_MAX), options)
      // Whoever leaves the scan does not hear of what became of it.
      ahead.chunk.catch(() => undefined)
    }
    return chunk
  }

  private async take(rows: number, options: { keys: boolean }): Promise<SourceChunk | undefined> {
    for (;;) {
      while (this.live === undefined || this.from >= this.to) {
        const next = this.files.shift()
        if (next === undefined) return undefined
        await this.enter(next)
      }
      const live = this.live
      const wanted = this.options.columnIds.length === 0 && !options.keys ? this.to - this.from : rows
      const from = this.options.reverse ? Math.max(this.from, startOfPage(live, this.to - wanted)) : this.from
      const to = this.options.reverse ? this.to : Math.min(this.to, endOfPage(live, this.from + wanted))
      if (this.options.reverse) this.to = from
      else this.from = to
      const chunk = await this.read(live, from, to, options.keys)
      if (chunk.length > 0) return chunk
    }
  }

  private async enter(live: LiveFile): Promise<void> {
    const { lower, upper } = this.options
    const from = lower === undefined ? 0 : await seek(live.reader, lower)
    this.to = upper === undefined ? live.file.rows : await seek(live.reader, upper)
    this.from = from
    this.live = live
  }

  private async read(live: LiveFile, from: number, to: number, keys: boolean): Promise<SourceChunk> {
    const { projection } = live
    if (projection === undefined) return this.readStored(live, from, to, keys, this.options.columnIds)
    const columns = projection.columns(this.options.columnIds)
    const chunk = await this.readStored(live, from, to, keys, columns.sourceIds)
    if (chunk.length === 0) return chunk
    return { ...chunk, columns: columns.project(chunk.columns, chunk.length) }
  }

  /** Rows as the file holds them: columns by the ids of its own schema. */
  private async readStored(
    live: LiveFile,
    from: number,
    to: number,
    keys: boolean,
    columnIds: readonly number[],
  ): Promise<SourceChunk> {
    const deadRows = live.dead.countRange(from, to)
    const length = to - from - deadRows
    if (length === 0) return { length, keys: undefined, columns: [] }
    if (columnIds.length === 0 && !keys) return { length, keys: undefined, columns: [] }
    const rows = await live.reader.readRows(from, to, columnIds, { keys, cached: true })
    if (deadRows === 0) return { length, keys: rows.keys, columns: rows.columns }
    const rowOf = liveRowsOf(live, from, to, length)
    const sourceOf = new Uint8Array(length)
    const keep = (vector: Vector): Vector => gatherVectors([vector], sourceOf, rowOf, length)
    return {
      length,
      keys: rows.keys === undefined ? undefined : (keep(rows.keys) as BytesVector),
      columns: rows.columns.map(keep),
    }
  }
}

/** The first row of the page that holds a row; rows before the file count as its first. */
function startOfPage({ reader }: LiveFile, row: number): number {
  return reader.pageStarts[pageAt(reader.pageStarts, Math.max(0, row))]
}

/** The end of the page that holds the row before `end`, so that no page is read twice. */
function endOfPage({ reader, file }: LiveFile, end: number): number {
  return end >= file.rows ? file.rows : reader.pageStarts[pageAt(reader.pageStarts, end - 1) + 1]
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

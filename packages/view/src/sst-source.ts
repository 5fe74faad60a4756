import {
  gatherVectors,
  type BytesVector,
  type SchemaProjection,
  type TableSchema,
  type Vector,
} from '@meru/core'
import { seek } from '@meru/sst'
import { CachedRows, readCached } from './cached-rows.ts'
import type { LiveFile } from './live-file.ts'
import type { RowSource, SourceChunk } from './source.ts'

/** A chunk of at most this many rows is taken from cached pages; a longer one is read past the cache. */
const CACHED_ROWS_MAX = 512

interface SstSourceOptions {
  readonly lower: Uint8Array | undefined
  readonly upper: Uint8Array | undefined
  readonly schema: TableSchema
  readonly columnIds: readonly number[]
  readonly reverse: boolean
}

/** The live rows of files that follow one another in key order: one file of level 0, or a deeper level. */
export class SstSource implements RowSource {
  private readonly files: LiveFile[]
  private readonly options: SstSourceOptions
  private cached: CachedRows
  /** What `cached` collects rows under: undefined is the schema of the scan. */
  private cachedFor: SchemaProjection | undefined
  /** Rows of the file at hand that are still to come: [from, to). */
  private from = 0
  private to = 0
  private live: LiveFile | undefined

  constructor(files: readonly LiveFile[], options: SstSourceOptions) {
    this.files = options.reverse ? files.toReversed() : [...files]
    this.options = options
    this.cached = new CachedRows(options.schema, options.columnIds)
  }

  async next(rows: number, options: { keys: boolean }): Promise<SourceChunk | undefined> {
    for (;;) {
      while (this.live === undefined || this.from >= this.to) {
        const next = this.files.shift()
        if (next === undefined) return undefined
        await this.enter(next)
      }
      const live = this.live
      const wanted = this.options.columnIds.length === 0 && !options.keys ? this.to - this.from : rows
      const from = this.options.reverse ? Math.max(this.from, this.to - wanted) : this.from
      const to = this.options.reverse ? this.to : Math.min(this.to, this.from + wanted)
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
    if (to - from <= CACHED_ROWS_MAX) {
      const chunk = await readCached(live, from, to, this.cachedRows(live, columnIds), keys)
      if (chunk !== undefined) return chunk
    }
    const rows = await live.reader.readRows(from, to, columnIds, { keys })
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

  private cachedRows({ projection }: LiveFile, columnIds: readonly number[]): CachedRows {
    if (this.cachedFor !== projection) {
      this.cachedFor = projection
      this.cached = new CachedRows(projection?.from ?? this.options.schema, columnIds)
    }
    return this.cached
  }
}

function liveRowsOf(live: LiveFile, from: number, to: number, length: number): Uint32Array {
  const rowOf = new Uint32Array(length)
  let count = 0
  for (let position = from; position < to; position++) {
    if (!live.dead.has(position)) rowOf[count++] = position - from
  }
  return rowOf
}

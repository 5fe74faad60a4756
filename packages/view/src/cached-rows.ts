import {
  BytesBuilder,
  concatVectors,
  gatherVectors,
  Shredder,
  type TableSchema,
  type Vector,
} from '@meru/core'
import { PAGE_MISS, type RowRef } from '@meru/sst'
import type { LiveFile } from './live-file.ts'
import type { SourceChunk } from './source.ts'

/** A cache so small that it never holds what was just loaded is given up after so many tries. */
const TRIES_MAX = 3

/** Collects rows of cached pages, which come as encoded rows or as columns of a page. */
export class CachedRows {
  private readonly schema: TableSchema
  private readonly columnIds: readonly number[]
  private shredder: Shredder | undefined
  private readonly keys: BytesBuilder = new BytesBuilder()
  /** Columns of rows in their order: encoded rows that followed one another, or rows of one page. */
  private readonly parts: Vector[][] = []

  constructor(schema: TableSchema, columnIds: readonly number[]) {
    this.schema = schema
    this.columnIds = columnIds
  }

  get ids(): readonly number[] {
    return this.columnIds
  }

  /** Copies an encoded row. */
  addRow(row: RowRef): void {
    this.shredder ??= new Shredder(this.schema)
    this.shredder.append(row.bytes, row.keyStart, row.keyEnd, row.valueStart, row.valueEnd)
    this.keys.append(row.bytes, row.keyStart, row.keyEnd)
  }

  /** Copies rows of a page; `rowOf` says which. */
  addPage(vectors: readonly Vector[], rowOf: Uint32Array): void {
    this.endRows()
    const sourceOf = new Uint8Array(rowOf.length)
    this.parts.push(vectors.map((vector) => gatherVectors([vector], sourceOf, rowOf, rowOf.length)))
  }

  /** What was added, as one chunk; starts anew. It has keys if only encoded rows were added. */
  finish(length: number): SourceChunk {
    this.endRows()
    const parts = this.parts.splice(0)
    const keys = this.keys.finish()
    const columns = this.columnIds.map((_, column) => concatVectors(parts.map((part) => part[column])))
    return { length, keys: keys.length === length ? keys : undefined, columns }
  }

  /** Forgets what was added. */
  clear(): void {
    this.shredder?.finish()
    this.keys.finish()
    this.parts.length = 0
  }

  private endRows(): void {
    if (this.shredder === undefined || this.shredder.length === 0) return
    const all = this.shredder.finish()
    this.parts.push(
      this.columnIds.map((id) => all[this.schema.columns.findIndex((column) => column.id === id)]),
    )
  }
}

/**
 * The live rows [from, to) of a file through the page cache: for few rows much cheaper than reading and
 * unpacking pages anew. Undefined if the cache cannot serve it: it is too small, or keys are wanted of
 * pages that hold columns.
 */
export async function readCached(
  live: LiveFile,
  from: number,
  to: number,
  rows: CachedRows,
  wantsKeys: boolean,
): Promise<SourceChunk | undefined> {
  let length = 0
  let tries = 0
  for (let position = from; position < to;) {
    if (live.dead.has(position)) {
      position++
      continue
    }
    const row = live.reader.row(position, rows.ids)
    if (row === PAGE_MISS) {
      if (++tries > TRIES_MAX) return abandon(rows)
      await live.reader.loadMissing()
      continue
    }
    tries = 0
    if (row.bytes.length > 0) {
      rows.addRow(row)
      length++
      position++
      continue
    }
    if (wantsKeys || row.vectors.length === 0) return abandon(rows)
    const end = Math.min(to, position + row.vectors[0].length - row.index)
    const rowOf = livePlaces(live, position, end, row.index)
    rows.addPage(row.vectors, rowOf)
    length += rowOf.length
    position = end
  }
  return rows.finish(length)
}

function abandon(rows: CachedRows): undefined {
  rows.clear()
  return undefined
}

/** Where the live rows among [from, to) lie in a page that has row `from` at `index`. */
function livePlaces(live: LiveFile, from: number, to: number, index: number): Uint32Array {
  const rowOf = new Uint32Array(to - from)
  let length = 0
  live.dead.liveRuns(from, to, (start, end) => {
    for (let position = start; position < end; position++) rowOf[length++] = index + position - from
  })
  return rowOf.subarray(0, length)
}

import {
  type Filter,
  gatherVectors,
  KeyMerger,
  sliceVector,
  type ColumnBatch,
  type TableSchema,
  type Vector,
} from '@meru/core'
import type { LiveFile } from './live-file.ts'
import type { ReadView } from './read-view.ts'
import { MemtableSource } from './memtable-source.ts'
import { CHUNK_ROWS_MAX, type RowSource, type SourceChunk } from './source.ts'
import { SstSource } from './sst-source.ts'
import { filesInRange, overlaps } from './table-version.ts'

/** Rows of the first chunk of each source: small, so that a short scan reads little. */
const CHUNK_ROWS_FIRST = 128

export interface ScanRequest {
  readonly schema: TableSchema
  /** Field ids of the columns to read, in the order wanted. May be empty: then only counts come. */
  readonly columnIds: readonly number[]
  /** Encoded key, inclusive. */
  readonly lower?: Uint8Array | undefined
  /** Encoded key, exclusive. */
  readonly upper?: Uint8Array | undefined
  /** From the last key to the first. */
  readonly reverse?: boolean
  readonly limit?: number | undefined
  /** Which rows to give; all without it. */
  readonly filter?: Filter | undefined
  /** Rows of the first chunk of each source: more for a scan that is known to be long. */
  readonly chunkRows?: number | undefined
  /** Looked at before each read of rows. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The visible rows of a key range in key order, as column batches. Memory is bounded by a few chunks per
 * source. Throws the signal's reason when aborted, `CorruptionError` for damaged files.
 */
export async function* scanView(
  view: ReadView,
  request: ScanRequest,
): AsyncGenerator<ColumnBatch, void, undefined> {
  const { signal, columnIds } = request
  signal?.throwIfAborted()
  const sources = sourcesOf(view, request)
  let remaining = request.limit ?? Number.POSITIVE_INFINITY
  if (remaining <= 0) return
  for await (const batch of mergeSources(sources, request)) {
    const length = Math.min(batch.length, remaining)
    remaining -= length
    yield {
      length,
      columnIds,
      columns: length === batch.length ? batch.columns : firstRows(batch.columns, length),
    }
    if (remaining <= 0) return
  }
}

function sourcesOf(view: ReadView, request: ScanRequest): RowSource[] {
  const lower = request.lower
  const upper = request.upper
  const reverse = request.reverse ?? false
  const { schema, columnIds, filter, signal } = request
  const options = { lower, upper, schema, columnIds, reverse, filter, signal }
  const sources: RowSource[] = []
  const memtables = view.memtables.filter((memtable) => memtable.entries > 0)
  if (memtables.length > 0) {
    sources.push(
      new MemtableSource(memtables, { ...options, seqno: view.seqno, projections: view.projections }),
    )
  }
  for (const live of view.version.level0) {
    if (overlaps(live, lower, upper) && mayMatch(live, filter)) sources.push(new SstSource([live], options))
  }
  for (const level of view.version.sorted) {
    const files = filesInRange(level, lower, upper).filter((live) => mayMatch(live, filter))
    if (files.length > 0) sources.push(new SstSource(files, options))
  }
  return sources
}

/** False if the statistics of a file leave no row for the filter. Those of earlier schemas are not looked at. */
function mayMatch({ file, projection }: LiveFile, filter: Filter | undefined): boolean {
  return filter === undefined || projection !== undefined || filter.mayMatch(file.columns)
}

interface Rows {
  readonly length: number
  readonly columns: readonly Vector[]
}

/** Merges while more than one source has rows; hands the chunks of the last one on as they are. */
async function* mergeSources(
  sources: RowSource[],
  request: ScanRequest,
): AsyncGenerator<Rows, void, undefined> {
  const reverse = request.reverse ?? false
  const merger = new KeyMerger(sources.length, { reverse })
  const chunks: (SourceChunk | undefined)[] = sources.map(() => undefined)
  const active = new Set(sources.keys())
  const sourceOf = new Uint16Array(CHUNK_ROWS_MAX)
  const rowOf = new Uint32Array(CHUNK_ROWS_MAX)
  let rows = firstChunkRows(request)
  while (active.size > 0) {
    request.signal?.throwIfAborted()
    const count = merger.fill(sourceOf, rowOf, CHUNK_ROWS_MAX)
    if (count > 0) yield gatherRows(chunks, sourceOf, rowOf, count, request.columnIds.length)
    const source = merger.wanting
    if (source < 0) {
      if (count === 0) return
      continue
    }
    const alone = active.size === 1
    const chunk = await sources[source].next(rows, { keys: !alone })
    rows = Math.min(rows * 2, CHUNK_ROWS_MAX)
    chunks[source] = chunk
    if (chunk === undefined) {
      active.delete(source)
      merger.end(source)
    } else if (alone) {
      const passed = passThrough(chunk, reverse)
      if (passed.length > 0) yield passed
    } else {
      if (chunk.keys === undefined)
        throw new TypeError('a source gave no keys although it was asked for them')
      merger.supply(source, chunk.keys, chunk.hidden)
    }
  }
}

function firstChunkRows(request: ScanRequest): number {
  // With a filter nobody knows how many rows make so many matches.
  const limit =
    (request.filter === undefined ? request.limit : undefined) ?? request.chunkRows ?? CHUNK_ROWS_FIRST
  return Math.max(1, Math.min(CHUNK_ROWS_MAX, limit))
}

/** The rows of a chunk that nothing else can shadow. */
function passThrough(chunk: SourceChunk, reverse: boolean): Rows {
  if (chunk.hidden === undefined && !reverse) return { length: chunk.length, columns: chunk.columns }
  const rowOf = new Uint32Array(chunk.length)
  let length = 0
  for (let i = 0; i < chunk.length; i++) {
    const row = reverse ? chunk.length - 1 - i : i
    if (chunk.hidden === undefined || chunk.hidden[row] === 0) {
      rowOf[length++] = chunk.slots === undefined ? row : chunk.slots[row]
    }
  }
  const sourceOf = new Uint8Array(length)
  return { length, columns: chunk.columns.map((column) => gatherVectors([column], sourceOf, rowOf, length)) }
}

function gatherRows(
  chunks: readonly (SourceChunk | undefined)[],
  sourceOf: Uint16Array,
  rowOf: Uint32Array,
  length: number,
  columnCount: number,
): Rows {
  chunks.forEach((chunk, source) => {
    const slots = chunk?.slots
    if (slots === undefined) return
    for (let i = 0; i < length; i++) if (sourceOf[i] === source) rowOf[i] = slots[rowOf[i]]
  })
  const present = chunks.find((chunk) => chunk !== undefined)
  const columns: Vector[] = []
  for (let column = 0; column < columnCount; column++) {
    // A source that has ended is never referred to; any vector of the column keeps the numbering dense.
    const vectors = chunks.map((chunk): Vector => (chunk ?? present)!.columns[column])
    columns.push(gatherVectors(vectors, sourceOf, rowOf, length))
  }
  return { length, columns }
}

function firstRows(columns: readonly Vector[], length: number): Vector[] {
  return columns.map((column) => sliceVector(column, 0, length))
}

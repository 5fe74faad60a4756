import type { BytesVector } from '@meru/core'
import { readAhead, type ByteRange, type LoadedRange } from './byte-ranges.ts'
import { keyPrefix } from './key-prefix.ts'
import { dataPage } from './page-body.ts'
import { groupOfPage, pageOfRow, type ColumnPlaces } from './page-places.ts'
import { integerKeyId, wordAt } from './row-keys.ts'
import type { SstFile } from './sst-file.ts'
import { checkWidth, type PageBody } from './vector-sink.ts'

/** Pages that are read together take at most so many bytes, unless one page is larger. */
const BATCH_BYTES_MAX = 512 * 1024
/** At most so many reads wait side by side. */
const BATCH_READS_MAX = 64
/** To read so many bytes too many costs less than another read. */
const GAP_BYTES_MAX = 32 * 1024

/** The key column if it is the only one and its pages hold nothing but integers, one after the other. */
export function plainIntegers({ schema, keyColumns, places }: SstFile): ColumnPlaces | undefined {
  if (integerKeyId(schema) === undefined) return undefined
  const column = places.columns[keyColumns[0]]
  return column.chunks.every(({ dictionary }) => dictionary === undefined) ? column : undefined
}

/** Pages of the key column, ascending, and which candidates each may hold. */
interface Visits {
  count: number
  readonly pages: Uint32Array
  /** Indexes into the candidates: [first, end). */
  readonly first: Uint32Array
  readonly end: Uint32Array
}

/** Visits that are read together. */
interface Batch {
  readonly from: number
  readonly to: number
  readonly ranges: readonly ByteRange[]
}

/**
 * As `locateKeys`, for integers: they are searched in the bytes of the page, without making a vector of them.
 * `candidates` are indexes of keys, ascending.
 */
export async function locateIntegers(
  file: SstFile,
  column: ColumnPlaces,
  keys: BytesVector,
  candidates: Uint32Array,
  hit: (keyIndex: number, position: number) => void,
): Promise<void> {
  const visits = planVisits(file, keys, candidates)
  const search = new IntegerSearch(column.column.width)
  await readAhead(file.handle, batchesOf(column, visits), (batch, loaded) => {
    for (let visit = batch.from; visit < batch.to; visit++) {
      const page = visits.pages[visit]
      search.open(pageOf(file, column, page, loaded))
      const first = column.grid.firstRows[page]
      const end = visits.end[visit]
      for (let i = visits.first[visit]; i < end; i++) {
        const key = candidates[i]
        const row = search.find(keys.bytes, keys.offsets[key], end - i)
        if (row >= 0) hit(key, first + row)
      }
    }
  })
}

function pageOf(
  { handle }: SstFile,
  column: ColumnPlaces,
  page: number,
  loaded: readonly LoadedRange[],
): PageBody {
  const body = dataPage(handle.path, column, page, groupOfPage(column.grid, page), loaded, undefined)
  checkWidth(body, body.start, body.rows, column.column.width)
  return body
}

/** A page of the key index may lie in several of the column's pages, where these are those of `_row`. */
function planVisits(file: SstFile, { bytes, offsets }: BytesVector, candidates: Uint32Array): Visits {
  const { keyIndex, keyGrid, typedGrid } = file
  const isSame = keyGrid === typedGrid
  const capacity = isSame ? Math.min(candidates.length, typedGrid.pages) : typedGrid.pages
  const visits: Visits = {
    count: 0,
    pages: new Uint32Array(capacity),
    first: new Uint32Array(capacity),
    end: new Uint32Array(capacity),
  }
  const { pages, first, end } = visits
  const sought = { bytes, start: 0, end: 0, prefix: 0 }
  for (let i = 0; i < candidates.length; i++) {
    sought.start = offsets[candidates[i]]
    sought.end = offsets[candidates[i] + 1]
    sought.prefix = keyPrefix(bytes, sought.start + keyIndex.skip, sought.end)
    const keyPage = keyIndex.pageOf(sought)
    const firstPage = isSame ? keyPage : pageOfRow(typedGrid, keyGrid.firstRows[keyPage])
    const lastPage = isSame ? keyPage : pageOfRow(typedGrid, keyGrid.firstRows[keyPage + 1] - 1)
    for (let page = firstPage; page <= lastPage; page++) {
      const { count } = visits
      // The last visits are of adjacent pages if several may hold the candidate before.
      const back = count === 0 ? -1 : pages[count - 1] - page
      if (back >= 0) {
        end[count - 1 - back] = i + 1
        continue
      }
      pages[count] = page
      first[count] = i
      end[count] = i + 1
      visits.count++
    }
  }
  return visits
}

function* batchesOf({ offsets, lengths }: ColumnPlaces, { count, pages }: Visits): Iterable<Batch> {
  let from = 0
  while (from < count) {
    const ranges: ByteRange[] = []
    let start = offsets[pages[from]]
    let stop = start
    let before = 0
    let to = from
    for (; to < count; to++) {
      const offset = offsets[pages[to]]
      const end = offset + lengths[pages[to]]
      const isNear = offset >= stop && offset - stop <= GAP_BYTES_MAX
      const bytes = isNear ? before + end - start : before + stop - start + end - offset
      if (to > from && bytes > BATCH_BYTES_MAX) break
      if (!isNear) {
        if (ranges.length === BATCH_READS_MAX - 1) break
        ranges.push({ offset: start, length: stop - start })
        before += stop - start
        start = offset
      }
      stop = end
    }
    ranges.push({ offset: start, length: stop - start })
    yield { from, to, ranges }
    from = to
  }
}

/**
 * Searches pages of ascending integers of 4 or 8 bytes, little-endian, for encoded keys: those are big-endian with the
 * sign bit inverted. Within a page the keys ascend too, so each search starts where the last one ended.
 */
class IntegerSearch {
  private readonly width: number
  private view: DataView = new DataView(new ArrayBuffer(0))
  private start = 0
  private rows = 0
  private low = 0

  constructor(width: number) {
    this.width = width
  }

  open({ bytes, start, rows }: PageBody): void {
    const { buffer, byteOffset } = bytes
    if (this.view.buffer !== buffer) this.view = new DataView(buffer)
    this.start = byteOffset + start
    this.rows = rows
    this.low = 0
  }

  /** The row of the page with the key, or −1. `left` is how many keys are sought in the page from this one on. */
  find(bytes: Uint8Array, at: number, left: number): number {
    const { view, start, rows, width } = this
    const high = wordAt(bytes, at) ^ 0x80000000
    const low = width === 8 ? wordAt(bytes, at + 4) >>> 0 : 0
    // Steps as far as the keys are apart, twice as far each time until the key is passed, then halves.
    let from = this.low
    let step = Math.max(1, Math.floor((rows - from) / left))
    let to = from + step
    while (to < rows && compareAt(view, start + to * width, width, high, low) < 0) {
      from = to + 1
      step *= 2
      to = from + step
    }
    if (to > rows) to = rows
    while (from < to) {
      const middle = (from + to) >>> 1
      if (compareAt(view, start + middle * width, width, high, low) < 0) from = middle + 1
      else to = middle
    }
    this.low = from
    return from < rows && compareAt(view, start + from * width, width, high, low) === 0 ? from : -1
  }
}

/** Below zero if the integer at `at` is below the one sought, zero if it is that one. */
function compareAt(view: DataView, at: number, width: number, high: number, low: number): number {
  if (width === 4) return view.getInt32(at, true) - high
  const found = view.getInt32(at + 4, true)
  return found === high ? view.getUint32(at, true) - low : found - high
}

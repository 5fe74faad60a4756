import type { BytesVector } from '@meru/core'
import { readAhead, type ByteRange } from './byte-ranges.ts'
import { IntegerPage } from './integer-page.ts'
import { newSearchKey } from './key-prefix.ts'
import { dataPage } from './page-body.ts'
import { groupOfPage, pageOfRow, type ColumnPlaces } from './page-places.ts'
import { seekRow } from './row-keys.ts'
import type { SstFile } from './sst-file.ts'
import { TextPage } from './text-page.ts'

/** Pages that are read together take at most so many bytes, unless one page is larger. */
const BATCH_BYTES_MAX = 512 * 1024
/** At most so many reads wait side by side. */
const BATCH_READS_MAX = 64
/** To read so many bytes too many costs less than another read. */
const GAP_BYTES_MAX = 32 * 1024

/** The key column if it is the only one and its pages hold its values, one after the other. */
export function plainKeys({ keyColumns, places }: SstFile): ColumnPlaces | undefined {
  const column = places.columns[keyColumns[0]]
  if (keyColumns.length > 1 || column.chunks.some(({ dictionary }) => dictionary !== undefined))
    return undefined
  const { physical } = column.column
  return physical === 'i32' || physical === 'i64' || physical === 'bytes' ? column : undefined
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
 * As `locateKeys`, for plain keys: they are searched in the bytes of the page, without making a vector of them.
 * `candidates` are indexes of keys, ascending.
 */
export async function locatePlain(
  file: SstFile,
  column: ColumnPlaces,
  keys: BytesVector,
  candidates: Uint32Array,
  hit: (keyIndex: number, position: number) => void,
): Promise<void> {
  const { grid } = column
  const { physical, width } = column.column
  const visits = planVisits(file, keys, candidates)
  const found = physical === 'bytes' ? new TextPage() : new IntegerPage(width)
  await readAhead(file.handle, batchesOf(column, visits), (batch, loaded) => {
    for (let visit = batch.from; visit < batch.to; visit++) {
      const page = visits.pages[visit]
      const group = groupOfPage(grid, page)
      found.open(dataPage(file.handle.path, column, page, group, loaded, undefined))
      const end = visits.end[visit]
      let row = 0
      for (let i = visits.first[visit]; i < end; i++) {
        const key = candidates[i]
        found.seek(keys.bytes, keys.offsets[key], keys.offsets[key + 1])
        row = seekRow(found, row, end - i)
        if (row < found.length && found.compare(row) === 0) hit(key, grid.firstRows[page] + row)
      }
    }
  })
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
  const sought = newSearchKey()
  sought.bytes = bytes
  for (let i = 0; i < candidates.length; i++) {
    sought.start = offsets[candidates[i]]
    sought.end = offsets[candidates[i] + 1]
    keyIndex.aim(sought)
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

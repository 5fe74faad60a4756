import type { LiveFile } from './manifest-rules.ts'
import type { Report } from './report.ts'

/** What a data file keeps of the lineage of its rows, by position. */
export interface StoredLineage {
  readonly rowIds: readonly (bigint | undefined)[]
  readonly updated: readonly (bigint | undefined)[]
}

interface Snapshot {
  readonly list: string
  readonly data: readonly LiveFile[]
  /** Row ids below were given out. */
  readonly endOfRowIds: bigint
  readonly sequence: bigint
}

/**
 * Row lineage where rows were moved between files: an id that a file keeps is of no other row, deleted or not, and
 * was given out; no row is newer than the snapshot.
 */
export function checkLineage(
  { list, data, endOfRowIds, sequence }: Snapshot,
  storedOf: ReadonlyMap<string, StoredLineage>,
  report: Report,
): void {
  const seen = new Map<bigint, string>()
  const inherited: { path: string; first: bigint; end: bigint }[] = []
  for (const { path, firstRowId, records, sequence: fileSequence } of data) {
    if (firstRowId === undefined) continue
    const stored = storedOf.get(path)
    if (stored === undefined) {
      inherited.push({ path, first: firstRowId, end: firstRowId + records })
      continue
    }
    for (const [position, kept] of stored.rowIds.entries()) {
      const id = kept ?? firstRowId + BigInt(position)
      const updated = stored.updated[position] ?? fileSequence
      const place = `row ${position} of ${path}`
      const other = seen.get(id)
      report.require(other === undefined, 'row-id', list, `${place} has the row id ${id} of ${other}`)
      report.require(
        id >= 0n && id < endOfRowIds,
        'row-id',
        list,
        `${place} has row id ${id}, never given out`,
      )
      report.require(
        updated <= sequence,
        'row-id',
        list,
        `${place} was updated with sequence number ${updated}, after the snapshot`,
      )
      seen.set(id, place)
    }
  }
  inherited.sort((a, b) => (a.first < b.first ? -1 : 1))
  for (const [id, place] of seen) {
    const owner = inherited[lastAtOrBelow(inherited, id)]
    const isFree = owner === undefined || id >= owner.end
    report.require(isFree, 'row-id', list, `${place} has the row id ${id} of a row of ${owner?.path}`)
  }
}

/** Place of the last range that begins at `id` or before; -1 if none does. */
function lastAtOrBelow(ranges: readonly { readonly first: bigint }[], id: bigint): number {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ranges[middle].first <= id) low = middle + 1
    else high = middle
  }
  return low - 1
}

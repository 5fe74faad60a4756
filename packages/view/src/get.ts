import { KIND_DELETE } from '@meru/core'
import { ABSENT, PAGE_MISS, type RowRef, type SstReader } from '@meru/sst'
import type { EntryPlace } from './entry-place.ts'
import type { LiveFile } from './live-file.ts'
import { projectedEntry, projectRow } from './project-row.ts'
import type { ReadView } from './read-view.ts'
import { fileForKey } from './table-version.ts'

/** What `findRow` says. */
export const NOT_FOUND = 0
export const IN_MEMTABLE = 1
export const IN_SST = 2
export const NEEDS_PAGE = 3

/** Where a row was found. Made once and used again: `findRow` overwrites it. */
export class RowHit {
  /** Set after `IN_MEMTABLE`. */
  readonly entry: EntryPlace = {
    bytes: new Uint8Array(0),
    keyStart: 0,
    keyEnd: 0,
    valueStart: 0,
    valueEnd: 0,
  }
  /** After `IN_SST`: the row, valid until the next read of the same file. */
  row: RowRef | undefined
  /** After `NEEDS_PAGE`: the file whose missing page must be loaded before asking again. */
  reader: SstReader | undefined
  /**
   * Files that are known not to hold the row, in the order of looking. Zero at the start of a search, and
   * left alone when asking again: however small the cache, each page is then needed once.
   */
  passed = 0
  /** Loads for the file that is looked into. */
  private loads = 0

  /** Starts a search. */
  begin(): void {
    this.passed = 0
    this.loads = 0
  }

  /** Goes on to the next file. */
  pass(): void {
    this.passed++
    this.loads = 0
  }

  /** After `NEEDS_PAGE`: loads the page. What it returns must be awaited before asking again; without, ask at once. */
  load(): Promise<void> | undefined {
    return this.reader?.loadMissing(this.loads++)
  }
}

/**
 * Finds the row of a key without waiting: the memtables newest first, then the at most one live position
 * in the SSTs. Answers `NEEDS_PAGE` if a page is not in the cache; load it through the hit and ask
 * again with the same view, key and hit. With `columnIds` undefined only presence is looked up.
 */
export function findRow(
  view: ReadView,
  key: Uint8Array,
  start: number,
  end: number,
  columnIds: readonly number[] | undefined,
  hit: RowHit,
): number {
  for (const memtable of view.memtables) {
    const ref = memtable.find(key, start, end, view.seqno)
    if (ref === 0) continue
    if (memtable.kindOf(ref) === KIND_DELETE) return NOT_FOUND
    const { entry } = hit
    entry.bytes = memtable.bytes
    entry.keyStart = memtable.keyStartOf(ref)
    entry.keyEnd = memtable.keyEndOf(ref)
    entry.valueStart = memtable.valueStartOf(ref)
    entry.valueEnd = memtable.valueEndOf(ref)
    const projection = view.projections?.get(memtable)
    if (projection !== undefined) Object.assign(entry, projectedEntry(projection, entry))
    return IN_MEMTABLE
  }
  const { level0, sorted } = view.version
  while (hit.passed < level0.length + sorted.length) {
    const level = hit.passed - level0.length
    const live = level < 0 ? level0[hit.passed] : fileForKey(sorted[level], key, start, end)
    const answer = live === undefined ? NOT_FOUND : findInFile(live, key, start, end, columnIds, hit)
    if (answer !== NOT_FOUND) return answer
    hit.pass()
  }
  return NOT_FOUND
}

function findInFile(
  live: LiveFile,
  key: Uint8Array,
  start: number,
  end: number,
  columnIds: readonly number[] | undefined,
  hit: RowHit,
): number {
  const position = live.reader.find(key, start, end)
  if (position === ABSENT) return NOT_FOUND
  if (position === PAGE_MISS) {
    hit.reader = live.reader
    return NEEDS_PAGE
  }
  if (live.dead.has(position)) return NOT_FOUND
  if (columnIds === undefined) return IN_SST
  const { projection } = live
  const ids = projection === undefined ? columnIds : projection.columns(columnIds).sourceIds
  const row = live.reader.row(position, ids)
  if (row === PAGE_MISS) {
    hit.reader = live.reader
    return NEEDS_PAGE
  }
  hit.row = projection === undefined ? row : projectRow(projection, row, columnIds)
  return IN_SST
}

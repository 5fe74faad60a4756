import type { DeadPositions } from '@meru/sst'
import type { SstFile } from '@meru/manifest'
import type { FormatVersion } from './format.ts'
import type { LiveEntry } from './manifest-entry.ts'

/** A data file collects this many delete files before they become one. Each costs a reader one request. */
const FOLD_AT = 4

/** An SST and the URI under which readers find it. */
export interface WantedFile {
  readonly sst: SstFile
  readonly uri: string
}

/** Rows that a delete file is about, by data file; what its entry alone cannot tell if it is about several. */
export type ScopedCounts = ReadonlyMap<string, ReadonlyMap<string, number>>

/** What is known of the delete files of the last snapshot. */
export interface DeleteKnowledge {
  readonly formatVersion: FormatVersion
  /** By URI of a delete file that is about several data files, where it is known. One that is not is replaced. */
  readonly scoped: ScopedCounts
  /** By URI of a data file: the dead positions that the last snapshot shows, where they are known. */
  readonly shown: ReadonlyMap<string, DeadPositions>
}

/** A data file whose dead positions have to be written. */
export interface DeadWork {
  readonly file: WantedFile
  /** Positions that other delete files hold already and keep; all have to be written without it. */
  readonly covered: DeadPositions | undefined
}

export interface DeletePlan {
  readonly written: readonly DeadWork[]
  readonly removed: readonly LiveEntry[]
}

/**
 * Decides which delete files stay. Dead positions only grow, so those of a data file are current while
 * their number is the engine's. Version 2 adds a file with the new positions, and folds all into one once
 * there are a few; version 3 replaces the deletion vector. A file about several data files stays while it
 * is current for all of them.
 */
export function planDeletes(
  entries: readonly LiveEntry[],
  wanted: readonly WantedFile[],
  knowledge: DeleteKnowledge,
): DeletePlan {
  const byUri = new Map(wanted.map((file) => [file.uri, file]))
  const about = entriesByTarget(entries, knowledge.scoped)
  const isUnknown = ({ data_file: file }: LiveEntry): boolean =>
    file.referenced_data_file === null && !knowledge.scoped.has(file.file_path)
  const removed = new Set<LiveEntry>(entries.filter(isUnknown))
  const written = new Map<string, DeadWork>()
  const rewrite = (uri: string): void => {
    for (const entry of about.get(uri)?.keys() ?? []) removed.add(entry)
    const file = byUri.get(uri)
    if (file?.sst.dead !== undefined) written.set(uri, { file, covered: undefined })
  }
  for (const [uri, counts] of about) {
    if (byUri.get(uri)?.sst.dead === undefined) for (const entry of counts.keys()) removed.add(entry)
  }
  for (const file of wanted) {
    if (file.sst.dead === undefined) continue
    const counts = about.get(file.uri)
    const shown = sum(counts?.values() ?? [])
    if (shown === file.sst.dead.cardinality) continue
    const covered = knowledge.shown.get(file.uri)
    const isDelta =
      knowledge.formatVersion === 2 &&
      shown > 0 &&
      shown < file.sst.dead.cardinality &&
      covered?.cardinality === shown &&
      (counts?.size ?? 0) < FOLD_AT
    if (isDelta) written.set(file.uri, { file, covered })
    else rewrite(file.uri)
  }
  // A removed file takes along what it says of other data files, so that has to be written anew.
  for (let before = -1; before !== removed.size;) {
    before = removed.size
    for (const entry of [...removed]) {
      for (const uri of knowledge.scoped.get(entry.data_file.file_path)?.keys() ?? []) rewrite(uri)
    }
  }
  return { written: [...written.values()], removed: [...removed] }
}

/** For each data file: the delete files about it, and how many of its rows each names. */
function entriesByTarget(
  entries: readonly LiveEntry[],
  scoped: ScopedCounts,
): Map<string, Map<LiveEntry, number>> {
  const about = new Map<string, Map<LiveEntry, number>>()
  const add = (uri: string, entry: LiveEntry, rows: number): void => {
    const counts = about.get(uri) ?? new Map<LiveEntry, number>()
    about.set(uri, counts.set(entry, rows))
  }
  for (const entry of entries) {
    const { referenced_data_file: target, file_path: path, record_count: rows } = entry.data_file
    if (target !== null) add(target, entry, rows)
    else for (const [uri, count] of scoped.get(path) ?? []) add(uri, entry, count)
  }
  return about
}

function sum(counts: Iterable<number>): number {
  let total = 0
  for (const count of counts) total += count
  return total
}

import { compareBytes, compareKeys } from '@meru/core'
import type { LiveFile } from './live-file.ts'

/**
 * The SSTs of one table at one version, arranged for reading. Immutable.
 * Level 0 files may overlap and are held newest first; a deeper level is sorted and does not overlap.
 */
export class TableVersion {
  static readonly empty: TableVersion = new TableVersion([])
  readonly level0: readonly LiveFile[]
  /** Levels from 1 up that have files, each sorted by key. */
  readonly sorted: readonly (readonly LiveFile[])[]

  constructor(files: readonly LiveFile[]) {
    this.level0 = files
      .filter((live) => live.file.level === 0)
      .toSorted((a, b) => b.file.maxSeqno - a.file.maxSeqno)
    const levels = new Map<number, LiveFile[]>()
    for (const live of files) {
      if (live.file.level === 0) continue
      const level = levels.get(live.file.level)
      if (level === undefined) levels.set(live.file.level, [live])
      else level.push(live)
    }
    this.sorted = [...levels.entries()]
      .toSorted(([a], [b]) => a - b)
      .map(([, level]) => level.toSorted((a, b) => compareKeys(a.file.minKey, b.file.minKey)))
  }

  /** All files, level 0 first. */
  get files(): readonly LiveFile[] {
    return [...this.level0, ...this.sorted.flat()]
  }

  /** Rows that are not dead, over all files. */
  get liveRows(): number {
    let rows = 0
    for (const live of this.level0) rows += live.file.rows - live.dead.cardinality
    for (const level of this.sorted) for (const live of level) rows += live.file.rows - live.dead.cardinality
    return rows
  }
}

/** The only file of a sorted level that can hold a key, or `undefined`. */
export function fileForKey(
  level: readonly LiveFile[],
  bytes: Uint8Array,
  start: number,
  end: number,
): LiveFile | undefined {
  // A file knows at once what lies outside of it.
  if (level.length === 1) return level[0]
  let low = 0
  let high = level.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const max = level[middle].file.maxKey
    if (compareBytes(max, 0, max.length, bytes, start, end) < 0) low = middle + 1
    else high = middle
  }
  return level[low]
}

/** The files of a sorted level that may hold keys in [lower, upper). */
export function filesInRange(
  level: readonly LiveFile[],
  lower: Uint8Array | undefined,
  upper: Uint8Array | undefined,
): LiveFile[] {
  return level.filter((live) => overlaps(live, lower, upper))
}

/** True if a file may hold keys in [lower, upper). */
export function overlaps(
  live: LiveFile,
  lower: Uint8Array | undefined,
  upper: Uint8Array | undefined,
): boolean {
  if (lower !== undefined && compareKeys(live.file.maxKey, lower) < 0) return false
  return upper === undefined || compareKeys(live.file.minKey, upper) < 0
}

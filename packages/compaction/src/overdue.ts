import type { SstFile } from '@meru/manifest'
import { spanOf } from './key-range.ts'
import { LevelFiles } from './level-files.ts'
import { bytesOf, deadFraction, liveRows, type LevelSettings } from './score.ts'

/** Files to be written anew on a level. */
export interface OverdueFiles {
  /** Above 1. */
  readonly score: number
  readonly inputs: readonly SstFile[]
  readonly level: number
}

/** How overdue level 0 is; due from 1 on. Pure. */
export function scoreOfLevel0(files: readonly SstFile[], { l0CompactionFiles }: LevelSettings): number {
  return files.filter((file) => file.level === 0).length / l0CompactionFiles
}

/**
 * Files with too many dead rows, and lowest files with too many rows above them; with a lowest file goes what lies above
 * it. Level 0 counts for nothing. Pure.
 */
export function overdueFiles(
  free: ReadonlySet<SstFile>,
  levels: LevelFiles,
  { deadFractionMax, levelRatio }: LevelSettings,
): OverdueFiles[] {
  const due: OverdueFiles[] = []
  for (const file of free) {
    if (file.level === 0) continue
    const above = levels.isLowest(file) ? levels.above(file).filter((upper) => free.has(upper)) : []
    const inner = above.filter((upper) => {
      const [from, to] = levels.placeOf(file.level, upper)
      return to - from === 1
    })
    const alone = Math.max(deadFraction(file) / deadFractionMax, (liveRows(inner) * levelRatio) / file.rows)
    if (alone > 1) {
      // Not with files that reach over its neighbors: all of those would be written anew for this one.
      due.push({ score: alone, inputs: [...inner, file], level: file.level })
      continue
    }
    if (inner.length === above.length) continue
    // What lies above a file may reach over its neighbors, which then come along.
    const span = spanOf([...above, file])
    const score = (liveRows(above) * levelRatio) / levels.rowsIn(file.level, span)
    if (score <= 1) continue
    due.push({ score, inputs: [...above, ...levels.overlapping(file.level, span)], level: file.level })
  }
  return due
}

/** Bytes of the files that are due, and of what is small below level 0 where that is due. Pure. */
export function pendingBytes(files: readonly SstFile[], settings: LevelSettings): number {
  const pending = new Set<SstFile>()
  const levels = new LevelFiles(files)
  if (scoreOfLevel0(files, settings) >= 1) {
    const level0 = files.filter((file) => file.level === 0)
    const below = levels.below(spanOf(level0)).flat()
    for (const file of level0) pending.add(file)
    if (isSmallBeside(below, level0, settings)) for (const file of below) pending.add(file)
  }
  for (const { inputs } of overdueFiles(new Set(files), levels, settings)) {
    for (const file of inputs) pending.add(file)
  }
  return bytesOf([...pending])
}

/** Whether files are so small beside those above them that one merge may write all of them anew. */
export function isSmallBeside(
  files: readonly SstFile[],
  upper: readonly SstFile[],
  { levelRatio }: LevelSettings,
): boolean {
  return liveRows(files) <= liveRows(upper) * levelRatio
}

import { compareKeys } from '@meru/core'
import type { SstFile } from '@meru/manifest'
import { meet, type KeyRange } from './key-range.ts'
import { LEVEL_MAX } from './score.ts'

/** The files of a version by level, those of a level from 1 up in key order: ranges are found by halving. */
export class LevelFiles {
  /** The deepest level in use; 0 if there is none. */
  readonly deepest: number
  private readonly levels: SstFile[][] = []

  constructor(files: readonly SstFile[]) {
    for (const file of files) (this.levels[file.level] ??= []).push(file)
    for (const level of this.levels) level?.sort((a, b) => compareKeys(a.minKey, b.minKey))
    this.deepest = Math.max(0, this.levels.length - 1)
  }

  /** The files of a level that overlap a range, in key order. */
  overlapping(level: number, range: KeyRange): SstFile[] {
    const files = this.levels[level] ?? []
    if (level === 0) return files.filter((file) => meet(file, range))
    let low = 0
    let high = files.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys(files[middle].maxKey, range.minKey) < 0) low = middle + 1
      else high = middle
    }
    const found: SstFile[] = []
    for (; low < files.length && compareKeys(files[low].minKey, range.maxKey) <= 0; low++)
      found.push(files[low])
    return found
  }

  /** The deepest level that a file could lie on without passing a file that it overlaps. */
  fallOf(file: SstFile): number {
    let level = file.level
    while (level < LEVEL_MAX && this.overlapping(level + 1, file).length === 0) level++
    return level
  }

  /** Whether a file overlaps none of a deeper level. */
  isLowest(file: SstFile): boolean {
    return this.fallOf(file) === LEVEL_MAX
  }

  /** The files of the levels between 0 and the file's own that overlap it. */
  above(file: SstFile): SstFile[] {
    const found: SstFile[] = []
    for (let level = 1; level < file.level; level++) found.push(...this.overlapping(level, file))
    return found
  }
}

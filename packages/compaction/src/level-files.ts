import { compareKeys } from '@meru/core'
import type { SstFile } from '@meru/manifest'
import type { KeyRange } from './key-range.ts'
import { LEVEL_MAX } from './score.ts'

/** The files of a version by level, those of a level from 1 up in key order: ranges are found by halving. */
export class LevelFiles {
  private readonly levels: SstFile[][] = []
  /** By level: rows of the files before each place. */
  private readonly rowSums: Float64Array[] = []

  constructor(files: readonly SstFile[]) {
    for (const file of files) (this.levels[file.level] ??= []).push(file)
    for (const level of this.levels) level?.sort((a, b) => compareKeys(a.minKey, b.minKey))
  }

  /** The files of a level from 1 up that overlap a range, in key order. */
  overlapping(level: number, range: KeyRange): SstFile[] {
    const [from, to] = this.placeOf(level, range)
    return this.levels[level]?.slice(from, to) ?? []
  }

  /** The files that overlap a range, by level from 1 down, without levels that have none. */
  below(range: KeyRange): SstFile[][] {
    const found: SstFile[][] = []
    for (let level = 1; level < this.levels.length; level++) {
      const files = this.overlapping(level, range)
      if (files.length > 0) found.push(files)
    }
    return found
  }

  /** Which files of a level from 1 up overlap a range, as two places in its order: from the first to before the second. */
  placeOf(level: number, { minKey, maxKey }: KeyRange): [from: number, to: number] {
    const files = this.levels[level] ?? []
    const from = firstOf(files, (file) => compareKeys(file.maxKey, minKey) >= 0)
    const to = firstOf(files, (file) => compareKeys(file.minKey, maxKey) > 0)
    return [from, Math.max(from, to)]
  }

  /** Rows of the files of a level from 1 up that overlap a range. */
  rowsIn(level: number, range: KeyRange): number {
    const sums = (this.rowSums[level] ??= sumsOf(this.levels[level] ?? []))
    const [from, to] = this.placeOf(level, range)
    return sums[to] - sums[from]
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

/** The place of the first file that is so; all after it must be so too. */
function firstOf(files: readonly SstFile[], isSo: (file: SstFile) => boolean): number {
  let low = 0
  let high = files.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isSo(files[middle])) high = middle
    else low = middle + 1
  }
  return low
}

function sumsOf(files: readonly SstFile[]): Float64Array {
  const sums = new Float64Array(files.length + 1)
  for (let i = 0; i < files.length; i++) sums[i + 1] = sums[i] + files[i].rows
  return sums
}

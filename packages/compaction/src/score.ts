import type { SstFile } from '@meru/manifest'

/** What decides which level is overdue. */
export interface LevelSettings {
  /** Files at level 0 that make a compaction due. */
  readonly l0CompactionFiles: number
  /** Target size of level 1; each deeper level may hold `levelRatio` times more. */
  readonly level1BytesTarget: number
  readonly levelRatio: number
  /** A file whose dead rows exceed this share is rewritten. */
  readonly deadFractionMax: number
}

/** The deepest level there may be. */
export const LEVEL_MAX = 6

export interface LevelScore {
  readonly level: number
  /** At least 1: overdue. */
  readonly score: number
}

/** How many bytes a level from 1 up may hold. */
export function levelBytesTarget(level: number, settings: LevelSettings): number {
  return settings.level1BytesTarget * settings.levelRatio ** (level - 1)
}

/** The share of dead rows in a file. */
export function deadFraction(file: SstFile): number {
  return (file.dead?.cardinality ?? 0) / file.rows
}

/** How overdue each level is, most overdue first. The deepest level is never overdue by size. Pure. */
export function scoreLevels(files: readonly SstFile[], settings: LevelSettings): LevelScore[] {
  const scores: LevelScore[] = []
  const level0 = files.filter((file) => file.level === 0).length
  scores.push({ level: 0, score: level0 / settings.l0CompactionFiles })
  for (let level = 1; level < LEVEL_MAX; level++) {
    const bytes = files.reduce((sum, file) => (file.level === level ? sum + file.bytes : sum), 0)
    scores.push({ level, score: bytes / levelBytesTarget(level, settings) })
  }
  return scores.toSorted((a, b) => b.score - a.score)
}

/**
 * Bytes that compactions would have to read and write until no level is overdue: each byte above a level's target takes
 * its share of the level below along. An estimate. Pure.
 */
export function pendingBytes(files: readonly SstFile[], settings: LevelSettings): number {
  const held: number[] = Array.from({ length: LEVEL_MAX + 1 }, () => 0)
  for (const file of files) held[Math.min(file.level, LEVEL_MAX)] += file.bytes
  const level0 = files.filter((file) => file.level === 0).length
  let arriving = level0 >= settings.l0CompactionFiles ? held[0] : 0
  let pending = arriving === 0 ? 0 : arriving + held[1]
  for (let level = 1; level < LEVEL_MAX; level++) {
    const excess = held[level] + arriving - levelBytesTarget(level, settings)
    if (excess <= 0) {
      arriving = 0
      continue
    }
    pending += excess * (1 + Math.min(settings.levelRatio, held[level + 1] / (held[level] + arriving)))
    arriving = excess
  }
  return pending
}

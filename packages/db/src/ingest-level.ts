import { compareKeys } from '@meru/core'
import { LEVEL_MAX, levelBytesTarget, type LevelSettings } from '@meru/compaction'
import type { Claim } from './level-claims.ts'

/** What matters here of a file: where it stands and which keys it spans. */
export interface Span {
  readonly level: number
  readonly bytes: number
  readonly minKey: Uint8Array
  readonly maxKey: Uint8Array
}

/** What decides where loaded files go. */
export type PlacementSettings = LevelSettings & { readonly l0SlowdownFiles: number }

/**
 * The level for new files, which do not overlap each other: the deepest in use if they fit between its files, so that
 * they are never rewritten on their way down; else a level above it with room; else level 0, or, where so many files
 * there would hold writers up, a level below all others. Pure.
 */
export function placeFiles(
  incoming: readonly Span[],
  table: { readonly files: readonly Span[]; readonly claims: readonly Omit<Claim, 'inputs'>[] },
  settings: PlacementSettings,
): number {
  const bytes = bytesOf(incoming)
  const taken = [...table.files, ...table.claims]
  const isFree = (level: number): boolean =>
    taken.every((span) => span.level !== level || incoming.every((file) => !overlap(file, span)))
  const deepest = Math.max(0, ...taken.map((span) => span.level))
  const bottom = deepest === 0 ? levelFor(bytes, settings) : deepest
  if (isFree(bottom)) return bottom
  for (let level = bottom - 1; level >= 1; level--) {
    const held = bytesOf(table.files.filter((file) => file.level === level))
    if (held + bytes <= levelBytesTarget(level, settings) && isFree(level)) return level
  }
  const level0 = table.files.filter((file) => file.level === 0).length
  const wouldHold = level0 + incoming.length >= settings.l0SlowdownFiles
  return wouldHold && bottom < LEVEL_MAX ? bottom + 1 : 0
}

/** The first level whose target holds so many bytes. */
function levelFor(bytes: number, settings: LevelSettings): number {
  let level = 1
  while (level < LEVEL_MAX && levelBytesTarget(level, settings) < bytes) level++
  return level
}

/** Whether two ranges share a key. Both ends belong to them. */
export function overlap(a: Pick<Span, 'minKey' | 'maxKey'>, b: Pick<Span, 'minKey' | 'maxKey'>): boolean {
  return compareKeys(a.minKey, b.maxKey) <= 0 && compareKeys(b.minKey, a.maxKey) <= 0
}

function bytesOf(files: readonly Span[]): number {
  return files.reduce((sum, file) => sum + file.bytes, 0)
}

import { LEVEL_MAX, meet, type KeyRange } from '@meru/compaction'
import type { Claim } from './level-claims.ts'

/** What matters here of a file: where it stands and which keys it spans. */
export interface Span extends KeyRange {
  readonly level: number
}

/**
 * The level for new files, which do not overlap each other: the lowest where they fit between its files, so that none is
 * written anew; level 0 if they fit nowhere. Pure.
 */
export function placeFiles(
  incoming: readonly Span[],
  table: { readonly files: readonly Span[]; readonly claims: readonly Omit<Claim, 'inputs'>[] },
): number {
  const taken = [...table.files, ...table.claims]
  const isFree = (level: number): boolean =>
    taken.every((span) => span.level !== level || incoming.every((file) => !meet(file, span)))
  let level = LEVEL_MAX
  while (level > 0 && !isFree(level)) level--
  return level
}

import { compareKeys } from '@meru/core'
import type { SstFile } from '@meru/manifest'

/** Keys between two, both of which belong to the range. */
export type KeyRange = Pick<SstFile, 'minKey' | 'maxKey'>

/** The least range that holds all of them; there must be one. */
export function spanOf(ranges: readonly KeyRange[]): KeyRange {
  return {
    minKey: ranges.map((range) => range.minKey).reduce((a, b) => (compareKeys(a, b) <= 0 ? a : b)),
    maxKey: ranges.map((range) => range.maxKey).reduce((a, b) => (compareKeys(a, b) >= 0 ? a : b)),
  }
}

/** Whether two ranges share a key. */
export function meet(a: KeyRange, b: KeyRange): boolean {
  return compareKeys(a.maxKey, b.minKey) >= 0 && compareKeys(a.minKey, b.maxKey) <= 0
}

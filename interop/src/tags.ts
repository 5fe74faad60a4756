import type { Tags } from '@meru/db'
import type { Random } from '@meru/testkit'

const NAMES = ['audit', 'month end', 'öffentlich'] as const

/**
 * Names for an export to give, now and then: a new name or one that another snapshot has, for the snapshot that it shows
 * or for one of those that are there, or a name to take away.
 */
export function randomTags(random: Random, snapshots: readonly number[]): Tags {
  if (random.oneIn(2)) return {}
  const what = random.weighted([
    [3, 'current' as const],
    [snapshots.length === 0 ? 0 : 2, 'earlier' as const],
    [1, null],
  ])
  return { [random.pick(NAMES)]: what === 'earlier' ? random.pick(snapshots) : what }
}

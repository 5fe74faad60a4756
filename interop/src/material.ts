import { makeAppended } from './appends.ts'
import { makeFiltered } from './conditions.ts'
import { runDeletes } from './deletes.ts'
import { runChanges, runEvolution } from './evolution.ts'
import type { Appended, Exported } from './exported.ts'
import { runExpiry, runHistory } from './histories.ts'
import type { Material } from './matrix.ts'

/** Of so many histories one has snapshots that expire. */
const EXPIRY_EVERY = 5

/** How much there is to be. */
export interface Extent {
  readonly seeds: number
  readonly operations: number
  readonly conditions: number
}

/** Everything that the readers are asked about, published below `root`. */
export async function makeMaterial(
  root: string,
  { seeds, operations, conditions }: Extent,
): Promise<Material> {
  const exported: Exported[] = [...(await runDeletes(root)), ...(await runChanges(root))]
  const appended: Appended[] = []
  for (let seed = 1; seed <= seeds; seed++) {
    exported.push(...(await runHistory(root, seed, operations)))
    exported.push(...(await runEvolution(root, seed, operations)))
    appended.push(...(await makeAppended(root, seed)))
    if (seed % EXPIRY_EVERY === 1) exported.push(...(await runExpiry(root, seed, 2 * operations)))
  }
  return { exported, appended, filtered: await makeFiltered(root, conditions) }
}

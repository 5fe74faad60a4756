import type { BytesVector } from '@meru/core'
import type { DeadPositions, SstReader } from '@meru/sst'

/** An open SST whose rows newer keys may make dead. */
export interface ResolveTarget {
  readonly id: string
  readonly reader: SstReader
  readonly dead: DeadPositions
}

/** Rows of one SST that became dead. */
export interface DeadRows {
  readonly id: string
  /** Ascending. */
  readonly positions: Uint32Array
}

/**
 * Finds the live row of each key: at most one over all targets (I1), so a key that was found is not
 * looked up again. `keys` are sorted and unique. Targets with no such row are left out.
 * Give the targets newest first: keys written lately are the likeliest to be written again.
 */
export async function resolveDead(
  keys: BytesVector,
  targets: Iterable<ResolveTarget> | AsyncIterable<ResolveTarget>,
): Promise<DeadRows[]> {
  const found: DeadRows[] = []
  const positions = new Uint32Array(keys.length)
  const isFound = new Uint8Array(keys.length)
  let wanted = keys.length
  for await (const target of targets) {
    if (wanted === 0) break
    let count = 0
    const hit = (keyIndex: number, position: number): void => {
      if (target.dead.has(position)) return
      positions[count++] = position
      isFound[keyIndex] = 1
    }
    await target.reader.locate(keys, hit, isFound)
    if (count > 0) found.push({ id: target.id, positions: positions.slice(0, count) })
    wanted -= count
  }
  return found
}

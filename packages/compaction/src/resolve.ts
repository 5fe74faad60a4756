import { BytesBuilder, type BytesVector } from '@meru/core'
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
  readonly positions: Uint32Array
}

/**
 * Finds the live row of each key: at most one over all targets (I1), so a key that was found is not
 * looked up again. `keys` are sorted and unique. Targets with no such row are left out.
 * Give the targets newest first: keys written lately are the likeliest to be written again.
 */
export async function resolveDead(keys: BytesVector, targets: readonly ResolveTarget[]): Promise<DeadRows[]> {
  const found: DeadRows[] = []
  let remaining = keys
  for (const target of targets) {
    if (remaining.length === 0) break
    const positions: number[] = []
    const hits = new Set<number>()
    await target.reader.locate(remaining, (keyIndex, position) => {
      if (target.dead.has(position)) return
      positions.push(position)
      hits.add(keyIndex)
    })
    if (positions.length === 0) continue
    found.push({ id: target.id, positions: Uint32Array.from(positions) })
    remaining = without(remaining, hits)
  }
  return found
}

function without(keys: BytesVector, hits: ReadonlySet<number>): BytesVector {
  const kept = new BytesBuilder()
  for (let i = 0; i < keys.length; i++) {
    if (!hits.has(i)) kept.append(keys.bytes, keys.offsets[i], keys.offsets[i + 1])
  }
  return kept.finish()
}

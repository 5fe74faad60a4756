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
  let remaining = keys
  if (remaining.length === 0) return found
  const positions = new Uint32Array(keys.length)
  const hits = new Uint32Array(keys.length)
  for await (const target of targets) {
    let count = 0
    await target.reader.locate(remaining, (keyIndex, position) => {
      if (target.dead.has(position)) return
      positions[count] = position
      hits[count++] = keyIndex
    })
    if (count === 0) continue
    found.push({ id: target.id, positions: positions.slice(0, count) })
    if (count === remaining.length) break
    remaining = without(remaining, hits, count)
  }
  return found
}

/** The keys but for those at the first `count` of `hits`, which ascend. */
function without(keys: BytesVector, hits: Uint32Array, count: number): BytesVector {
  const kept = new BytesBuilder()
  let next = 0
  for (let i = 0; i < keys.length; i++) {
    if (next < count && hits[next] === i) next++
    else kept.append(keys.bytes, keys.offsets[i], keys.offsets[i + 1])
  }
  return kept.finish()
}

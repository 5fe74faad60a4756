import { BytesBuilder, gatherVectors, KeyMerger, type BytesVector } from '@meru/core'
import type { DeadPositions } from '@meru/sst'
import type { MergeInput } from './merge-source.ts'
import { resolveDead, type DeadRows, type ResolveTarget } from './resolve.ts'

/** Positions read together when keys of dead rows are looked up. */
const READ_ROWS = 4096

/**
 * Carries deaths that happened during a compaction over to its outputs. The inputs hold the positions
 * that were dead when the job began; `now` gives those of the current version, or `undefined` for an
 * input that has left it because every row died. The caller keeps flushes out until the commit.
 */
export async function carryOver(
  inputs: readonly MergeInput[],
  now: (id: string) => DeadPositions | undefined,
  outputs: Iterable<ResolveTarget> | AsyncIterable<ResolveTarget>,
): Promise<DeadRows[]> {
  const late: BytesVector[] = []
  for (const input of inputs) {
    const keys = await lateKeys(input, now(input.id))
    if (keys.length > 0) late.push(keys)
  }
  return late.length === 0 ? [] : resolveDead(mergeKeys(late), outputs)
}

/** The keys of the rows that were live when the job began and are not any more, ascending. */
async function lateKeys(input: MergeInput, now: DeadPositions | undefined): Promise<BytesVector> {
  const keys = new BytesBuilder()
  if (now !== undefined && now.cardinality === input.dead.cardinality) return keys.finish()
  for (let from = 0; from < input.rows; from += READ_ROWS) {
    const to = Math.min(input.rows, from + READ_ROWS)
    const deadNow = now === undefined ? to - from : now.countRange(from, to)
    if (deadNow === input.dead.countRange(from, to)) continue
    const rows = await input.reader.readRows(from, to, [], { keys: true })
    const vector = rows.keys as BytesVector
    for (let position = from; position < to; position++) {
      const isLate = !input.dead.has(position) && (now === undefined || now.has(position))
      if (!isLate) continue
      const row = position - from
      keys.append(vector.bytes, vector.offsets[row], vector.offsets[row + 1])
    }
  }
  return keys.finish()
}

/** One ascending list of several. A key is in one at most: it was live in one input (I1). */
function mergeKeys(lists: readonly BytesVector[]): BytesVector {
  if (lists.length === 1) return lists[0]
  const length = lists.reduce((sum, list) => sum + list.length, 0)
  const merger = new KeyMerger(lists.length, { reverse: false })
  const sourceOf = new Uint16Array(length)
  const rowOf = new Uint32Array(length)
  for (const [source, list] of lists.entries()) merger.supply(source, list)
  let count = 0
  while (count < length) {
    count += merger.fill(sourceOf.subarray(count), rowOf.subarray(count), length - count)
    if (merger.wanting >= 0) merger.end(merger.wanting)
  }
  return gatherVectors(lists, sourceOf, rowOf, length) as BytesVector
}

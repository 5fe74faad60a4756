import { BytesBuilder, compareBytes, type BytesVector } from '@meru/core'
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
  outputs: readonly ResolveTarget[],
): Promise<DeadRows[]> {
  const keys: Uint8Array[] = []
  for (const input of inputs) await addLateKeys(input, now(input.id), keys)
  if (keys.length === 0) return []
  keys.sort((a, b) => compareBytes(a, 0, a.length, b, 0, b.length))
  const sorted = new BytesBuilder()
  for (const key of keys) sorted.append(key, 0, key.length)
  return resolveDead(sorted.finish(), outputs)
}

/** Adds the keys of the rows that were live when the job began and are not any more. */
async function addLateKeys(
  input: MergeInput,
  now: DeadPositions | undefined,
  keys: Uint8Array[],
): Promise<void> {
  if (now !== undefined && now.cardinality === input.dead.cardinality) return
  for (let from = 0; from < input.rows; from += READ_ROWS) {
    const to = Math.min(input.rows, from + READ_ROWS)
    const deadNow = now === undefined ? to - from : now.countRange(from, to)
    if (deadNow === input.dead.countRange(from, to)) continue
    const rows = await input.reader.readRows(from, to, [], { keys: true })
    const vector = rows.keys as BytesVector
    for (let position = from; position < to; position++) {
      const late = !input.dead.has(position) && (now === undefined || now.has(position))
      if (!late) continue
      const row = position - from
      keys.push(vector.bytes.slice(vector.offsets[row], vector.offsets[row + 1]))
    }
  }
}

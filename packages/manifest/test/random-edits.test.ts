import { MeruError } from '@meru/core'
import { expect, test } from 'vitest'
import {
  applyEdit,
  compareFiles,
  compareWalFloors,
  emptyState,
  stateProblem,
  type DatabaseState,
  type VersionEdit,
} from '../src/index.ts'
import { decodeManifest, encodeManifest } from '../src/manifest-codec.ts'
import { randomEdit } from './random-edits.ts'
import { randomFrom } from './samples.ts'

const SEEDS = 30
const EDITS = 250

function expectSuccessor(before: DatabaseState, after: DatabaseState): void {
  expect(stateProblem(after)).toBeUndefined()
  expect(after.lastSeqno).toBeGreaterThanOrEqual(before.lastSeqno)
  expect(after.nextTableId).toBeGreaterThanOrEqual(before.nextTableId)
  expect(compareWalFloors(after.walFloor, before.walFloor)).toBeGreaterThanOrEqual(0)
  for (const [id, table] of after.tables) {
    const old = before.tables.get(id)
    expect(table.files).toEqual(table.files.toSorted(compareFiles))
    if (old === undefined) continue
    expect(table.flushedSeqno).toBeGreaterThanOrEqual(old.flushedSeqno)
    expect(table.schemas.slice(0, old.schemas.length)).toEqual(old.schemas)
    const deadBefore = new Map(old.files.map((file) => [file.id, file.dead?.cardinality ?? 0]))
    for (const { id: fileId, dead, rows } of table.files) {
      expect(dead?.cardinality ?? 0).toBeGreaterThanOrEqual(deadBefore.get(fileId) ?? 0)
      expect(dead?.cardinality ?? 0).toBeLessThan(rows)
    }
  }
}

/** The state after an edit, or `undefined` if it was refused as it should be. */
function attempt(state: DatabaseState, edit: VersionEdit): DatabaseState | undefined {
  try {
    return applyEdit(state, edit)
  } catch (error) {
    if (error instanceof MeruError && error.code === 'INVALID') return undefined
    throw error
  }
}

test('random edits keep every invariant or are refused, and read back as they were written', () => {
  let applied = 0
  let refused = 0
  let files = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = randomFrom(seed)
    let state: DatabaseState = { ...emptyState(), epoch: 3, owner: 'w', manifestId: 1 }
    for (let i = 0; i < EDITS; i++) {
      const edit = randomEdit(state, random)
      const after = attempt(state, edit)
      if (after === undefined) {
        refused++
        continue
      }
      const next = { ...after, manifestId: state.manifestId + 1 }
      expectSuccessor(state, next)
      const { manifestId } = next
      const header = { manifestId, epoch: 3, owner: 'w', previous: 7, noLinks: false }
      const bytes = encodeManifest({ kind: 'edit', ...header, base: 1, edit })
      expect(decodeManifest(bytes, 'm', manifestId).file).toEqual({ kind: 'edit', ...header, base: 1, edit })
      state = next
      applied++
    }
    const { manifestId } = state
    const header = { manifestId, epoch: 3, owner: 'w', previous: 7, noLinks: true }
    const bytes = encodeManifest({ kind: 'state', ...header, base: manifestId, state })
    expect(decodeManifest(bytes, 'm', manifestId).file).toEqual({
      kind: 'state',
      ...header,
      base: manifestId,
      state,
    })
    for (const table of state.tables.values()) files += table.files.length
  }
  // Both sorts are common, and there is something in the states, or the test would show little.
  expect(applied).toBeGreaterThan((SEEDS * EDITS) / 4)
  expect(refused).toBeGreaterThan((SEEDS * EDITS) / 10)
  expect(files).toBeGreaterThan(SEEDS * 5)
})

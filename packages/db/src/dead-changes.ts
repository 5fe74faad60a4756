import { type DeadUpdate, type TaskFile, writeDeadPositions } from '@meru/compaction'
import type { Environment, FileSystem } from '@meru/fs'
import { puffinPath, type Change, type SstFile } from '@meru/manifest'
import type { DeadPositions } from '@meru/sst'

/** Positions added to a set in one stretch of the calling thread. */
const STRETCH = 32_768

/** What a commit must say so that new dead positions take effect. */
export interface DeadChange {
  readonly changes: readonly Change[]
  /** The new set of each file that stays in the version. */
  readonly dead: ReadonlyMap<string, DeadPositions>
  /** The file they are in, if there are any: of no use if the commit does not happen. */
  readonly path?: string
}

/**
 * Makes changes of a version of what a job found dead. A file without a live row left is taken out of the
 * version (I5). `files` are those that the job looked into.
 */
export async function deadChanges(
  env: Pick<Environment, 'yield'>,
  job: {
    readonly table: { readonly id: number; readonly name: string }
    readonly puffinId: string
    readonly files: readonly TaskFile[]
  },
  updates: readonly DeadUpdate[],
): Promise<DeadChange> {
  const tableId = job.table.id
  const changes: Change[] = []
  const sets = new Map<string, DeadPositions>()
  const before = new Map(job.files.map(({ file, dead }) => [file.id, dead]))
  for (const { id: fileId, ref: dead, ...update } of updates) {
    if (dead === undefined) {
      changes.push({ kind: 'removeFile', tableId, fileId })
      continue
    }
    changes.push({ kind: 'setDead', tableId, fileId, dead })
    sets.set(fileId, update.dead ?? (await grow(env, before.get(fileId) as DeadPositions, update.positions)))
  }
  return sets.size === 0
    ? { changes, dead: sets }
    : { changes, dead: sets, path: puffinPath(job.table.name, job.puffinId) }
}

/** Writes dead sets that are known already, and makes changes of them as `deadChanges` does. */
export async function writeDeadChange(
  parts: { readonly fs: FileSystem; readonly env: Environment },
  table: { readonly id: number; readonly name: string },
  updates: readonly { readonly file: SstFile; readonly dead: DeadPositions }[],
): Promise<DeadChange> {
  const puffinId = parts.env.uuid()
  const grown = updates.map(({ file, dead }) => ({ id: file.id, rows: file.rows, dead }))
  const refs = await writeDeadPositions(parts.fs, { table: table.name, puffinId }, grown)
  const positions = new Uint32Array(0)
  const done = grown.map(({ id, dead }, index) => ({ id, positions, dead, ref: refs[index] }))
  return deadChanges(parts.env, { table, puffinId, files: [] }, done)
}

/** The set with more positions, made in stretches that hold nobody up. */
async function grow(
  env: Pick<Environment, 'yield'>,
  dead: DeadPositions,
  positions: Uint32Array,
): Promise<DeadPositions> {
  let grown = dead
  for (let from = 0; from < positions.length; from += STRETCH) {
    if (from > 0) await env.yield()
    grown = grown.with(positions.subarray(from, from + STRETCH))
  }
  return grown
}

/** After a commit that failed: removes its dead positions, unless they may have become part of a version. */
export async function discardDeadPositions(
  versions: { readonly fs: FileSystem; readonly outcomeUnknown: boolean },
  written: DeadChange,
): Promise<void> {
  if (written.path === undefined || versions.outcomeUnknown) return
  await versions.fs.remove(written.path).catch(() => undefined)
}

import { MeruError } from '@meru/core'
import { createIfAbsent, type Environment, type FileSystem } from '@meru/fs'
import { EPOCH_DIRECTORY, epochPath, parseEpochName } from './file-names.ts'

/** What `claimEpoch` takes. */
export interface ClaimOptions {
  readonly fs: FileSystem
  readonly env: Environment
  /** The claimed epoch will be above this one: the epoch of the newest manifest, or 0. */
  readonly above: number
}

/**
 * Makes the caller the writer: claims an epoch above every other and returns it. Must come before the
 * manifest and the log are read, so that whatever an older writer acknowledges is found there.
 * Throws `LOCKED` if another claim won, `FENCED` if one came later.
 */
export async function claimEpoch({ fs, env, above }: ClaimOptions): Promise<number> {
  const highest = highestEpoch(await fs.list(EPOCH_DIRECTORY))
  const epoch = Math.max(highest, above) + 1
  if (!(await createIfAbsent(fs, env, epochPath(epoch), new Uint8Array(0)))) {
    throw new MeruError(
      'LOCKED',
      `${fs.root}: another writer is opening it (it claimed epoch ${epoch} first)`,
    )
  }
  const names = await fs.list(EPOCH_DIRECTORY)
  requireHighest(fs, names, epoch)
  for (const name of names) {
    const other = parseEpochName(name)
    if (other !== undefined && other < epoch) await fs.remove(epochPath(other))
  }
  return epoch
}

/**
 * Throws `FENCED` unless the epoch is still the highest. To be called after the record was handed to the
 * operating system and before anything is acknowledged: if no higher epoch is seen then, the next writer
 * will find the record, synced or not, for it claims before it reads.
 */
export async function checkEpoch(fs: FileSystem, epoch: number): Promise<void> {
  requireHighest(fs, await fs.list(EPOCH_DIRECTORY), epoch)
}

/** `checkEpoch` without a promise. */
export function checkEpochSync(fs: FileSystem, epoch: number): void {
  requireHighest(fs, fs.listSync(EPOCH_DIRECTORY), epoch)
}

function highestEpoch(names: readonly string[]): number {
  let highest = 0
  for (const name of names) highest = Math.max(highest, parseEpochName(name) ?? 0)
  return highest
}

function requireHighest(fs: FileSystem, names: readonly string[], epoch: number): void {
  const highest = highestEpoch(names)
  if (highest > epoch) {
    throw new MeruError(
      'FENCED',
      `${fs.root}: a writer with epoch ${highest} took it over from this one, which has epoch ${epoch}; open it again`,
    )
  }
  // Only a higher epoch removes a lower one, so the whole directory was removed or replaced.
  if (highest < epoch) {
    throw new MeruError(
      'FENCED',
      `${fs.root}: ${epochPath(epoch)} is gone; the database was removed or replaced under its writer`,
    )
  }
}

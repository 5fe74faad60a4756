import type { FileSystem } from '@meru/fs'
import { checkEpoch } from './epoch.ts'
import {
  dataDirectory,
  deletesDirectory,
  EPOCH_DIRECTORY,
  isTableName,
  isTemporaryName,
  MANIFEST_DIRECTORY,
  parsePuffinName,
  parseSstName,
  TABLES_DIRECTORY,
} from './file-names.ts'
import { filePaths, type DatabaseState } from './state.ts'

/**
 * Files that a crash left behind: SSTs and Puffin files that neither the state nor `keep` (what Iceberg
 * snapshots still refer to) names, and temporary files. Names of any other form are not ours, and left
 * alone. Only the writer may ask, after it took the manifest over and before it writes a file of its own:
 * a file that is being written is in no state yet.
 */
export async function findOrphans(
  fs: FileSystem,
  state: DatabaseState,
  keep: ReadonlySet<string>,
): Promise<string[]> {
  const named = filePaths(state)
  const orphans: string[] = []
  const visit = async (directory: string, isOurs: (name: string) => boolean): Promise<void> => {
    for (const name of await fs.list(directory)) {
      const path = directory === '' ? name : `${directory}/${name}`
      if (isTemporaryName(name) || (isOurs(name) && !named.has(path) && !keep.has(path))) orphans.push(path)
    }
  }
  for (const directory of ['', MANIFEST_DIRECTORY, EPOCH_DIRECTORY]) await visit(directory, () => false)
  for (const table of await fs.list(TABLES_DIRECTORY)) {
    if (!isTableName(table)) continue
    await visit(dataDirectory(table), (name) => parseSstName(name) !== undefined)
    await visit(deletesDirectory(table), (name) => parsePuffinName(name) !== undefined)
  }
  return orphans.sort()
}

/**
 * Removes the orphans and returns their paths. Throws `FENCED`, with nothing removed, if the epoch is not
 * the highest any more.
 */
export async function sweepOrphans(options: {
  readonly fs: FileSystem
  readonly epoch: number
  readonly state: DatabaseState
  readonly keep: ReadonlySet<string>
}): Promise<string[]> {
  const { fs, epoch, state, keep } = options
  const orphans = await findOrphans(fs, state, keep)
  await checkEpoch(fs, epoch)
  for (const path of orphans) await fs.remove(path)
  return orphans
}

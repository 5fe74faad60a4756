import { createIfAbsent, type Environment, type FileSystem } from '@meru/fs'
import { MANIFEST_DIRECTORY, manifestPath } from './file-names.ts'
import { hasHardLinks } from './hard-links.ts'
import { encodeManifest } from './manifest-codec.ts'
import { readHead } from './manifest-chain.ts'
import type { DatabaseState } from './state.ts'

/**
 * Makes a copy of a database's files into a database: writes its state as a manifest file, durably, under the id that it
 * has in the original. To be called last, when every file that the state names is durable. False if the name is taken.
 */
export async function writeCopiedState(
  fs: FileSystem,
  env: Environment,
  state: DatabaseState,
): Promise<boolean> {
  const noLinks = !(await hasHardLinks(fs, env, MANIFEST_DIRECTORY))
  const head = await readHead(fs, { noLinks })
  const { manifestId, epoch, owner } = state
  const previous = head?.checksum ?? 0
  const bytes = encodeManifest({
    kind: 'state',
    manifestId,
    epoch,
    owner,
    base: manifestId,
    previous,
    noLinks,
    state,
  })
  return createIfAbsent(fs, env, manifestPath(manifestId), bytes)
}

import { parentOf } from './file-path.ts'
import type { Environment, FileSystem } from './file-system.ts'
import { isExists } from './io-error.ts'
import { writeDurably } from './write-durably.ts'

/**
 * Creates a file with all its bytes, durably, unless the name is taken: then it returns `false` and
 * changes nothing. Of several callers one wins. The file appears whole or not at all, because its bytes
 * are durable under a temporary name (`<path>.<uuid>.tmp`) before the name is made. A crash can leave the
 * temporary file behind.
 *
 * Where a file system has no hard links (see `FileSystem.link`), exclusion holds but wholeness does not:
 * a crash can leave a part of the bytes under the name. So readers check what they read, and treat a
 * damaged newest file as one that was never made.
 *
 * When it throws, the file may or may not be there. When it returns `false`, the file is there but, until
 * the one who made it is done, a crash may still take it back.
 */
export async function createIfAbsent(
  fs: FileSystem,
  env: Environment,
  path: string,
  bytes: Uint8Array,
): Promise<boolean> {
  if (fs.wholeFiles === true) return await createWhole(fs, path, bytes)
  const temporary = `${path}.${env.uuid()}.tmp`
  await writeDurably(fs, temporary, bytes)
  let isMade: boolean
  try {
    isMade = await linkIfAbsent(fs, temporary, path)
  } catch (error) {
    // The first failure is the one to tell; the temporary file is rubbish that a sweep removes.
    await fs.remove(temporary).catch(() => undefined)
    throw error
  }
  await fs.remove(temporary)
  if (isMade) await fs.syncDirectory(parentOf(path))
  return isMade
}

/** Where files appear whole, that is the creation itself. */
async function createWhole(fs: FileSystem, path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    await writeDurably(fs, path, bytes)
    return true
  } catch (error) {
    if (isExists(error)) return false
    throw error
  }
}

async function linkIfAbsent(fs: FileSystem, from: string, to: string): Promise<boolean> {
  try {
    await fs.link(from, to)
    return true
  } catch (error) {
    if (isExists(error)) return false
    throw error
  }
}

import { parentOf } from './file-path.ts'
import type { Environment, FileSystem } from './file-system.ts'
import { isExists } from './io-error.ts'

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
 * When it throws, the file may or may not be there; a name once seen may also be lost in a crash.
 */
export async function createIfAbsent(
  fs: FileSystem,
  env: Environment,
  path: string,
  bytes: Uint8Array,
): Promise<boolean> {
  const temporary = `${path}.${env.uuid()}.tmp`
  let taken = false
  try {
    const handle = await fs.create(temporary, { exclusive: true })
    try {
      await handle.write(bytes, 0)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await fs.link(temporary, path)
  } catch (error) {
    await fs.remove(temporary).catch(() => undefined)
    if (!isExists(error)) throw error
    taken = true
  }
  if (taken) return false
  await fs.remove(temporary)
  await fs.syncDirectory(parentOf(path))
  return true
}

import { open, readFile, unlink } from 'node:fs/promises'

/**
 * Stands in for a hard link where the system has none: fails with `EEXIST` if the target is there. Both
 * places are absolute. Unlike a link it can leave a part of the bytes when it is cut short.
 */
export async function copyExclusive(source: string, target: string): Promise<void> {
  const bytes = await readFile(source)
  const handle = await open(target, 'wx')
  try {
    await handle.writeFile(bytes)
    await handle.datasync()
  } catch (error) {
    await unlink(target)
    throw error
  } finally {
    await handle.close()
  }
}

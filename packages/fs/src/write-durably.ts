import type { FileSystem } from './file-system.ts'

/**
 * Creates a file with these bytes, which are durable afterwards; its name is not until the directory is synced.
 * Throws if the name is taken, and leaves that file alone. After any other failure it removes what it made; where that
 * fails too, a part of the file stays. Where files appear whole nothing is removed: after a failure the whole file may be
 * there, and others may have seen it.
 */
export async function writeDurably(fs: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const handle = await fs.create(path, { exclusive: true })
  try {
    try {
      await handle.write(bytes, 0)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    // The first failure is the one to tell.
    if (fs.wholeFiles !== true) await fs.remove(path).catch(() => undefined)
    throw error
  }
}

import type { FileSystem } from './file-system.ts'

/**
 * Creates a file with these bytes, which are durable afterwards; its name is not until the directory is synced.
 * Throws if the name is taken. When it throws after that, a part of the file may be there.
 */
export async function writeDurably(fs: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const handle = await fs.create(path, { exclusive: true })
  try {
    await handle.write(bytes, 0)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

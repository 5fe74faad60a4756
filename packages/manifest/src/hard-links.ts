import type { Environment, FileSystem } from '@meru/fs'

/**
 * Whether a second name given to a file in this directory is that of the same file, or of a copy, as
 * `FileSystem.link` makes where there are no hard links.
 */
export async function hasHardLinks(fs: FileSystem, env: Environment, directory: string): Promise<boolean> {
  const first = `${directory}/${env.uuid()}.tmp`
  const second = `${directory}/${env.uuid()}.tmp`
  try {
    const handle = await fs.create(first, { exclusive: true })
    try {
      await handle.write(Uint8Array.of(1), 0)
      await fs.link(first, second)
      await handle.write(Uint8Array.of(2), 0)
    } finally {
      await handle.close()
    }
    const bytes = await fs.readFile(second)
    return bytes?.[0] === 2
  } finally {
    await fs.remove(first)
    await fs.remove(second)
  }
}

import type { Environment, FileSystem } from '@meru/fs'
import { claimEpoch, makeDatabaseDirectories, Manifest, type ManifestOptions } from '../src/index.ts'
import { sampleEnvironment } from './samples.ts'

export interface WriterOptions extends Partial<Omit<ManifestOptions, 'fs' | 'env' | 'epoch'>> {
  readonly env?: Environment
}

/** Opens a directory as a writer does: directories, claim, takeover. */
export async function openWriter(
  fs: FileSystem,
  { env = sampleEnvironment(), owner = 'writer', editsPerState = 4, statesKept = 1 }: WriterOptions = {},
): Promise<Manifest> {
  await makeDatabaseDirectories(fs)
  const above = (await Manifest.load(fs))?.epoch ?? 0
  const epoch = await claimEpoch({ fs, env, above })
  return Manifest.open({ fs, env, epoch, owner, editsPerState, statesKept })
}

/** The bytes of a file, changed where it lies. */
export async function overwrite(fs: FileSystem, path: string, bytes: Uint8Array | undefined): Promise<void> {
  await fs.remove(path)
  if (bytes === undefined) return
  const handle = await fs.create(path, { exclusive: true })
  await handle.write(bytes, 0)
  await handle.close()
}

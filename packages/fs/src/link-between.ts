import { link } from 'node:fs/promises'
import { DirectoryFs } from './directory-fs.ts'
import type { FileSystem } from './file-system.ts'
import { errnoOf, ioError } from './io-error.ts'
import { NodeFs } from './node-fs.ts'

/** How systems say that they cannot make a hard link between two places. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK'])

interface Place {
  readonly fs: FileSystem
  readonly path: string
}

/**
 * Gives a file of one file system a second name in another. False, with nothing done, where there can be no hard link:
 * on two devices, for example. Fails with `EEXIST` (see `isExists`) if the name is taken.
 */
export async function linkBetween(from: Place, to: Place): Promise<boolean> {
  const [source, target] = [inWhole(from), inWhole(to)]
  if (source.fs === target.fs && source.fs.wholeFiles !== true && !(source.fs instanceof NodeFs)) {
    await source.fs.link(source.path, target.path)
    return true
  }
  if (!(source.fs instanceof NodeFs && target.fs instanceof NodeFs)) return false
  try {
    await link(`${source.fs.root}/${source.path}`, `${target.fs.root}/${target.path}`)
    return true
  } catch (error) {
    if (NO_LINKS.has(errnoOf(error) ?? '')) return false
    throw ioError('link', `${source.path} to ${target.fs.root}/${target.path}`, error)
  }
}

function inWhole({ fs, path }: Place): Place {
  return fs instanceof DirectoryFs ? { fs: fs.whole, path: fs.pathOf(path) } : { fs, path }
}

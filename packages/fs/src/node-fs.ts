import { constants, fstat, fstatSync, open, openSync, readdirSync, type Stats } from 'node:fs'
import {
  link,
  mkdir,
  open as openHandle,
  readFile,
  readdir,
  rename,
  rmdir,
  stat,
  unlink,
} from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { copyExclusive } from './copy-exclusive.ts'
import { Descriptor } from './descriptor.ts'
import { checkFilePath, checkPath } from './file-path.ts'
import type { FileSystem, ReadHandle, WriteHandle } from './file-system.ts'
import { errnoError, errnoOf, ioError } from './io-error.ts'
import { NodeReadHandle, NodeWriteHandle } from './node-handles.ts'

const CREATE = constants.O_WRONLY | constants.O_CREAT
const CREATE_EXCLUSIVE = CREATE | constants.O_EXCL
const CREATE_OR_EMPTY = CREATE | constants.O_TRUNC

// How systems say that they cannot make hard links here.
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK'])
// How Windows refuses to open or sync a directory. It has no call for it, and journals names by itself.
const NO_DIRECTORY_SYNC: ReadonlySet<string> = new Set(['EPERM', 'EISDIR', 'EACCES', 'EBADF'])
// No such file: the name, or a directory on the way to it, is missing or not a directory.
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR'])

/** The files below a directory of the operating system. */
export class NodeFs implements FileSystem {
  readonly root: string

  constructor(root: string) {
    const absolute = resolve(root)
    this.root = process.platform === 'win32' ? absolute.replaceAll('\\', '/') : absolute
  }

  open(path: string): Promise<ReadHandle> {
    return new Promise((done, fail) => {
      open(this.#file(path), constants.O_RDONLY, (openError, fd) => {
        if (openError !== null) return fail(ioError('open', path, openError))
        const descriptor = new Descriptor(fd, path)
        fstat(fd, (error, stats) => {
          try {
            if (error !== null) throw ioError('open', path, error)
            done(readHandle(descriptor, stats))
          } catch (refusal) {
            descriptor.closeSync()
            fail(refusal)
          }
        })
      })
    })
  }

  openSync(path: string): ReadHandle {
    const place = this.#file(path)
    let descriptor: Descriptor | undefined
    try {
      const fd = openSync(place, constants.O_RDONLY)
      descriptor = new Descriptor(fd, path)
      return readHandle(descriptor, fstatSync(fd))
    } catch (error) {
      descriptor?.closeSync()
      throw ioError('open', path, error)
    }
  }

  create(path: string, options: { exclusive: boolean }): Promise<WriteHandle> {
    const flags = options.exclusive ? CREATE_EXCLUSIVE : CREATE_OR_EMPTY
    return new Promise((done, fail) => {
      open(this.#file(path), flags, (error, fd) => {
        if (error === null) done(new NodeWriteHandle(new Descriptor(fd, path)))
        else fail(ioError('create', path, error))
      })
    })
  }

  createSync(path: string, options: { exclusive: boolean }): WriteHandle {
    const place = this.#file(path)
    try {
      const fd = openSync(place, options.exclusive ? CREATE_EXCLUSIVE : CREATE_OR_EMPTY)
      return new NodeWriteHandle(new Descriptor(fd, path))
    } catch (error) {
      throw ioError('create', path, error)
    }
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    const bytes = await attempt('read', path, readFile(this.#file(path)), ABSENT)
    return bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  async list(path: string): Promise<string[]> {
    return (await attempt('list', path, readdir(this.#place(path)), ABSENT)) ?? []
  }

  listSync(path: string): string[] {
    const place = this.#place(path)
    try {
      return readdirSync(place)
    } catch (error) {
      if (ABSENT.has(errnoOf(error) ?? '')) return []
      throw ioError('list', path, error)
    }
  }

  async size(path: string): Promise<number | undefined> {
    const stats = await attempt('stat', path, stat(this.#file(path)), ABSENT)
    return stats?.isFile() ? stats.size : undefined
  }

  async makeDirectory(path: string): Promise<void> {
    const first = await attempt('make directory', path, mkdir(this.#place(path), { recursive: true }))
    // Callers can only name directories below the root, so the names of the root and of those above it
    // are made durable here.
    if (first === undefined || !this.#place('').startsWith(first)) return
    for (let made = this.#place(''); made.length >= first.length; made = dirname(made)) {
      await attempt('sync directory above', path, syncPlace(dirname(made)))
    }
  }

  async link(from: string, to: string): Promise<void> {
    const source = this.#file(from)
    const target = this.#file(to)
    try {
      await link(source, target)
    } catch (error) {
      if (!NO_LINKS.has(errnoOf(error) ?? '')) throw ioError('link', `${from} to ${to}`, error)
      await attempt('copy', `${from} to ${to}`, copyExclusive(source, target))
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await attempt('rename', `${from} to ${to}`, rename(this.#file(from), this.#file(to)))
  }

  async remove(path: string): Promise<void> {
    await attempt('remove', path, unlink(this.#file(path)), ABSENT)
  }

  async removeDirectory(path: string): Promise<void> {
    const kept: ReadonlySet<string> = new Set([...ABSENT, 'ENOTEMPTY', 'EEXIST'])
    await attempt('remove directory', path, rmdir(this.#file(path)), kept)
  }

  async syncDirectory(path: string): Promise<void> {
    await attempt('sync directory', path, syncPlace(this.#place(path)))
  }

  #place(path: string): string {
    checkPath(path)
    return join(this.root, path)
  }

  #file(path: string): string {
    checkFilePath(path)
    return join(this.root, path)
  }
}

function readHandle(descriptor: Descriptor, stats: Stats): ReadHandle {
  if (!stats.isFile()) throw ioError('open', descriptor.path, errnoError('EISDIR', 'not a regular file'))
  return new NodeReadHandle(descriptor, stats.size)
}

/** The outcome of a call; `undefined` where it failed in one of the ways that `ignored` names. */
async function attempt<T>(
  operation: string,
  path: string,
  outcome: Promise<T>,
  ignored?: ReadonlySet<string>,
): Promise<T | undefined> {
  try {
    return await outcome
  } catch (error) {
    if (ignored?.has(errnoOf(error) ?? '')) return undefined
    throw ioError(operation, path, error)
  }
}

async function syncPlace(place: string): Promise<void> {
  try {
    const handle = await openHandle(place, constants.O_RDONLY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (process.platform === 'win32' && NO_DIRECTORY_SYNC.has(errnoOf(error) ?? '')) return
    throw error
  }
}

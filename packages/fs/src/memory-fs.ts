import { checkFilePath, checkPath, nameOf, parentOf } from './file-path.ts'
import type { FileSystem, ReadHandle, WriteHandle } from './file-system.ts'
import { errnoError, ioError } from './io-error.ts'
import { crashImage, type CrashMode, type RandomBelow } from './memory-crash.ts'
import { MemoryDirectory, type MemoryNode } from './memory-directory.ts'
import { MemoryFile } from './memory-file.ts'
import { MemoryReadHandle, MemoryWriteHandle, Power } from './memory-handles.ts'

/**
 * Files in memory that know what is durable, so that a test can pull the plug at any call and look at
 * what is left. Stricter than a disk: nothing becomes durable before its sync, a file's name needs the
 * sync of its directory, and a directory's name that of the directory above.
 */
export class MemoryFs implements FileSystem {
  readonly root = 'memory:/files'
  readonly #power = new Power()
  #tree = new MemoryDirectory()

  /** A file system with these files, by path, all durable. Their directories are made. */
  static from(files: Iterable<readonly [path: string, bytes: Uint8Array]>): MemoryFs {
    const fs = new MemoryFs()
    for (const [path, bytes] of files) {
      checkFilePath(path)
      const directory = makeDirectories(fs.#tree, parentOf(path))
      directory.change([nameOf(path), new MemoryFile(bytes.slice())])
    }
    // All names survive this crash, and the files have no bytes that could be lost.
    fs.#tree = crashImage(fs.#tree, 'grown', neverRandom)
    return fs
  }

  /** The bytes of all files by path, as they are read now. Copies. */
  snapshotFiles(): Map<string, Uint8Array> {
    const files = new Map<string, Uint8Array>()
    const visit = (directory: MemoryDirectory, prefix: string): void => {
      for (const [name, node] of directory.names) {
        if (node instanceof MemoryFile) files.set(prefix + name, node.view().slice())
        else visit(node, `${prefix}${name}/`)
      }
    }
    visit(this.#tree, '')
    return files
  }

  /**
   * The file system as found after a power failure at this moment; this one goes on as if nothing had
   * happened. So one run of a script can be checked at every call. `random` is needed by all modes but
   * `drop` and `grown`.
   */
  crashImage(mode: CrashMode, random: RandomBelow = neverRandom): MemoryFs {
    const found = new MemoryFs()
    found.#tree = crashImage(this.#tree, mode, random)
    return found
  }

  /** Cuts the power: calls on this file system fail from now on. Returns what is found afterwards. */
  crash(mode: CrashMode, random?: RandomBelow): MemoryFs {
    this.#power.cut()
    return this.crashImage(mode, random)
  }

  /**
   * Ends the process: calls on this file system fail from now on. Returns what the next process finds,
   * which is all that was written, with no more of it durable than before.
   */
  kill(): MemoryFs {
    this.#power.cut()
    const found = new MemoryFs()
    found.#tree = this.#tree
    return found
  }

  /**
   * What a failed sync of a file or a directory may do: its unsynced changes still read as made, but no
   * later sync brings them to the disk.
   */
  loseUnsynced(path: string): void {
    checkPath(path)
    this.#find(path)?.lose()
  }

  async open(path: string): Promise<ReadHandle> {
    await this.#turn('open', path)
    return this.openSync(path)
  }

  openSync(path: string): ReadHandle {
    checkFilePath(path)
    this.#power.require('open', path)
    const node = this.#find(path)
    if (node === undefined) throw ioError('open', path, absent())
    if (node instanceof MemoryDirectory) throw ioError('open', path, isDirectory())
    return new MemoryReadHandle(path, node, this.#power)
  }

  async create(path: string, options: { exclusive: boolean }): Promise<WriteHandle> {
    await this.#turn('create', path)
    return this.createSync(path, options)
  }

  createSync(path: string, options: { exclusive: boolean }): WriteHandle {
    checkFilePath(path)
    this.#power.require('create', path)
    const directory = this.#directoryOf('create', path)
    const name = nameOf(path)
    let file = directory.names.get(name)
    if (file !== undefined && options.exclusive) throw ioError('create', path, taken())
    if (file instanceof MemoryDirectory) throw ioError('create', path, isDirectory())
    if (file === undefined) {
      file = new MemoryFile()
      directory.change([name, file])
    } else {
      file.truncate()
    }
    return new MemoryWriteHandle(path, file, this.#power)
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    checkFilePath(path)
    await this.#turn('read', path)
    const node = this.#find(path)
    if (node instanceof MemoryDirectory) throw ioError('read', path, isDirectory())
    return node?.view().slice()
  }

  async list(path: string): Promise<string[]> {
    await this.#turn('list', path)
    return this.listSync(path)
  }

  listSync(path: string): string[] {
    checkPath(path)
    this.#power.require('list', path)
    const node = this.#find(path)
    // Newest first, for a listing has no order that a caller may count on.
    return node instanceof MemoryDirectory ? [...node.names.keys()].toReversed() : []
  }

  async size(path: string): Promise<number | undefined> {
    checkFilePath(path)
    await this.#turn('stat', path)
    const node = this.#find(path)
    return node instanceof MemoryFile ? node.length : undefined
  }

  async makeDirectory(path: string): Promise<void> {
    checkPath(path)
    await this.#turn('make directory', path)
    makeDirectories(this.#tree, path)
  }

  async link(from: string, to: string): Promise<void> {
    checkFilePath(from)
    checkFilePath(to)
    const both = `${from} to ${to}`
    await this.#turn('link', both)
    const file = this.#fileAt('link', from, both)
    const directory = this.#directoryOf('link', to)
    if (directory.names.has(nameOf(to))) throw ioError('link', both, taken())
    directory.change([nameOf(to), file])
  }

  async rename(from: string, to: string): Promise<void> {
    checkFilePath(from)
    checkFilePath(to)
    const both = `${from} to ${to}`
    await this.#turn('rename', both)
    const file = this.#fileAt('rename', from, both)
    const source = this.#directoryOf('rename', from)
    const target = this.#directoryOf('rename', to)
    const replaced = target.names.get(nameOf(to))
    if (replaced instanceof MemoryDirectory) throw ioError('rename', both, isDirectory())
    // Two names of one file stay two names, as POSIX has it.
    if (replaced === file) return
    if (source === target) {
      source.change([nameOf(from), undefined], [nameOf(to), file])
      return
    }
    target.change([nameOf(to), file])
    source.change([nameOf(from), undefined])
  }

  async remove(path: string): Promise<void> {
    checkFilePath(path)
    await this.#turn('remove', path)
    const node = this.#find(path)
    if (node instanceof MemoryDirectory) throw ioError('remove', path, isDirectory())
    if (node !== undefined) this.#directoryOf('remove', path).change([nameOf(path), undefined])
  }

  async removeDirectory(path: string): Promise<void> {
    checkFilePath(path)
    await this.#turn('remove directory', path)
    const node = this.#find(path)
    if (node === undefined || (node instanceof MemoryDirectory && node.names.size > 0)) return
    if (node instanceof MemoryFile) throw ioError('remove directory', path, notDirectory())
    this.#directoryOf('remove directory', path).change([nameOf(path), undefined])
  }

  async syncDirectory(path: string): Promise<void> {
    checkPath(path)
    this.#power.require('sync directory', path)
    const node = this.#find(path)
    if (node === undefined) throw ioError('sync directory', path, absent())
    if (node instanceof MemoryFile) throw ioError('sync directory', path, notDirectory())
    const mark = node.mark()
    await this.#turn('sync directory', path)
    node.sync(mark)
  }

  /** Asynchronous calls take effect one turn after they were made, if the power is still on. */
  async #turn(operation: string, path: string): Promise<void> {
    this.#power.require(operation, path)
    await Promise.resolve()
    this.#power.require(operation, path)
  }

  #find(path: string): MemoryNode | undefined {
    let node: MemoryNode | undefined = this.#tree
    if (path === '') return node
    for (const name of path.split('/')) {
      if (!(node instanceof MemoryDirectory)) return undefined
      node = node.names.get(name)
    }
    return node
  }

  #directoryOf(operation: string, path: string): MemoryDirectory {
    const node = this.#find(parentOf(path))
    if (node === undefined) throw ioError(operation, path, absent())
    if (node instanceof MemoryFile) throw ioError(operation, path, notDirectory())
    return node
  }

  #fileAt(operation: string, path: string, both: string): MemoryFile {
    const node = this.#find(path)
    if (node === undefined) throw ioError(operation, both, absent())
    if (node instanceof MemoryDirectory) throw ioError(operation, both, isDirectory())
    return node
  }
}

function makeDirectories(tree: MemoryDirectory, path: string): MemoryDirectory {
  let directory = tree
  for (const name of path === '' ? [] : path.split('/')) {
    let next = directory.names.get(name)
    if (next instanceof MemoryFile) throw ioError('make directory', path, notDirectory())
    if (next === undefined) {
      next = new MemoryDirectory()
      directory.change([name, next])
    }
    directory = next
  }
  return directory
}

function neverRandom(): never {
  throw new TypeError('this crash mode needs a random source')
}

const absent = (): Error => errnoError('ENOENT', 'no such file or directory')
const taken = (): Error => errnoError('EEXIST', 'file already exists')
const isDirectory = (): Error => errnoError('EISDIR', 'illegal operation on a directory')
const notDirectory = (): Error => errnoError('ENOTDIR', 'not a directory')

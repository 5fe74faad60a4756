import { checkFilePath, checkPath } from './file-path.ts'
import type { FileSystem, ReadHandle, WriteHandle } from './file-system.ts'

/** A directory of a file system as a file system of its own. Errors name paths of the whole one. */
export class DirectoryFs implements FileSystem {
  readonly root: string
  /** The whole file system, never itself a `DirectoryFs`. */
  readonly whole: FileSystem
  /** Path of the directory in it. */
  readonly directory: string

  constructor(fs: FileSystem, directory: string) {
    checkPath(directory)
    this.whole = fs instanceof DirectoryFs ? fs.whole : fs
    this.directory = fs instanceof DirectoryFs ? fs.pathOf(directory) : directory
    this.root = this.directory === '' ? this.whole.root : `${this.whole.root}/${this.directory}`
  }

  get wholeFiles(): boolean {
    return this.whole.wholeFiles === true
  }

  /** The path in the whole file system. */
  pathOf(path: string): string {
    checkPath(path)
    if (path === '') return this.directory
    return this.directory === '' ? path : `${this.directory}/${path}`
  }

  async open(path: string): Promise<ReadHandle> {
    return readHandle(await this.whole.open(this.#fileOf(path)), path)
  }

  openSync(path: string): ReadHandle {
    return readHandle(this.whole.openSync(this.#fileOf(path)), path)
  }

  async create(path: string, options: { exclusive: boolean }): Promise<WriteHandle> {
    return writeHandle(await this.whole.create(this.#fileOf(path), options), path)
  }

  createSync(path: string, options: { exclusive: boolean }): WriteHandle {
    return writeHandle(this.whole.createSync(this.#fileOf(path), options), path)
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    return await this.whole.readFile(this.#fileOf(path))
  }

  async list(path: string): Promise<string[]> {
    return await this.whole.list(this.pathOf(path))
  }

  listSync(path: string): string[] {
    return this.whole.listSync(this.pathOf(path))
  }

  async size(path: string): Promise<number | undefined> {
    return await this.whole.size(this.#fileOf(path))
  }

  async makeDirectory(path: string): Promise<void> {
    await this.whole.makeDirectory(this.pathOf(path))
    // The port promises that the root is durable once a directory was made; here names on the way to it may be new.
    const names = this.directory === '' ? [] : this.directory.split('/')
    for (let depth = names.length - 1; depth >= 0; depth--) {
      await this.whole.syncDirectory(names.slice(0, depth).join('/'))
    }
  }

  async link(from: string, to: string): Promise<void> {
    await this.whole.link(this.#fileOf(from), this.#fileOf(to))
  }

  async rename(from: string, to: string): Promise<void> {
    await this.whole.rename(this.#fileOf(from), this.#fileOf(to))
  }

  async remove(path: string): Promise<void> {
    await this.whole.remove(this.#fileOf(path))
  }

  async removeDirectory(path: string): Promise<void> {
    await this.whole.removeDirectory(this.#fileOf(path))
  }

  async syncDirectory(path: string): Promise<void> {
    await this.whole.syncDirectory(this.pathOf(path))
  }

  #fileOf(path: string): string {
    checkFilePath(path)
    return this.pathOf(path)
  }
}

/** A handle under the name that its file has here. */
function readHandle(handle: ReadHandle, path: string): ReadHandle {
  return {
    path,
    size: handle.size,
    read: (into, offset) => handle.read(into, offset),
    readSync: (into, offset) => handle.readSync(into, offset),
    close: () => handle.close(),
    closeSync: () => handle.closeSync(),
  }
}

function writeHandle(handle: WriteHandle, path: string): WriteHandle {
  return {
    path,
    write: (bytes, offset) => handle.write(bytes, offset),
    writeSync: (bytes, offset) => handle.writeSync(bytes, offset),
    sync: () => handle.sync(),
    syncSync: () => handle.syncSync(),
    close: () => handle.close(),
    closeSync: () => handle.closeSync(),
  }
}

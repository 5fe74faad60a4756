import { createIfAbsent, replaceDurably, writeDurably, type Environment, type FileSystem } from '@meru/fs'
import { pathIn, type TablePlace } from './destination.ts'
import { VERSION_HINT, versionName } from './file-names.ts'

const encoder = new TextEncoder()

/** The files of one attempt to publish a snapshot. None of them is named by anything yet. */
export class NewFiles {
  readonly #fs: FileSystem
  readonly #directory: string
  readonly #paths: string[] = []

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs
    this.#directory = directory
  }

  /** Writes a file under a name never used before. Its bytes are durable afterwards, its name is not. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    const path = `${this.#directory}/${name}`
    this.#paths.push(path)
    await writeDurably(this.#fs, path, bytes)
  }

  /** Removes what was written. Failures leave files behind, which a sweep finds. */
  async discard(): Promise<void> {
    for (const path of this.#paths) await this.#fs.remove(path).catch(() => undefined)
  }
}

/** Makes a directory of a table, its name durable. */
export async function makeDirectoryIn(place: TablePlace, name: string): Promise<void> {
  await place.fs.makeDirectory(pathIn(place, name))
  await place.fs.syncDirectory(place.directory)
}

/**
 * Makes a version public, unless another writer took its number: then it returns `false`. All that the
 * metadata names must have durable bytes; this makes their names durable first.
 */
export async function publishVersion(
  fs: FileSystem,
  env: Environment,
  directory: string,
  version: number,
  metadata: string,
): Promise<boolean> {
  await fs.syncDirectory(directory)
  return await createIfAbsent(fs, env, `${directory}/${versionName(version)}`, encoder.encode(metadata))
}

/** Points the hint at a version: digits and nothing else, for some readers take a newline as part of it. */
export async function writeHint(
  fs: FileSystem,
  env: Environment,
  directory: string,
  version: number,
): Promise<void> {
  await replaceDurably(fs, env, `${directory}/${VERSION_HINT}`, encoder.encode(String(version)))
}

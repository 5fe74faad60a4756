import { CorruptionError } from '@meru/core'
import type { FileSystem } from '@meru/fs'
import { pathIn, placeText, type TablePlace } from './destination.ts'
import { METADATA, parseVersionName, VERSION_HINT, versionName } from './file-names.ts'
import { liveEntries, type LoadedManifest, type ManifestEntry, type ManifestRow } from './manifest-entry.ts'
import { decodeManifest } from './manifest-file.ts'
import { decodeManifestList } from './manifest-list.ts'
import { pathBelow } from './location.ts'
import { parseTableMetadata, type IcebergSnapshot, type TableMetadata } from './table-metadata.ts'

const HINT = /^\d{1,15}$/

/** The newest metadata file of a table. */
export interface PublishedVersion {
  readonly version: number
  readonly uri: string
  readonly metadata: TableMetadata
}

/** What lies in a metadata directory. */
export interface MetadataDirectory {
  /** Path of the directory. */
  readonly path: string
  /** Of all files in it, in no order. */
  readonly names: readonly string[]
  /** Versions that have a file, in no order. */
  readonly versions: readonly number[]
  /** What the hint says, if it says a number. */
  readonly hint: number | undefined
  readonly published: PublishedVersion | undefined
}

/**
 * Reads the newest metadata of a table. The directory decides, not the hint: that may be one step
 * behind. A newest file that is cut short was never published, for the hint is written after it.
 */
export async function readMetadataDirectory(place: TablePlace): Promise<MetadataDirectory> {
  const { fs } = place
  const path = pathIn(place, METADATA)
  const names = await fs.list(path)
  const versions = names.map(parseVersionName).filter((version) => version !== undefined)
  const hint = names.includes(VERSION_HINT) ? await readHint(fs, path) : undefined
  const published = await readNewest(fs, path, versions, hint)
  return { path, names, versions, hint, published }
}

async function readHint(fs: FileSystem, path: string): Promise<number | undefined> {
  const bytes = await fs.readFile(`${path}/${VERSION_HINT}`)
  const text = bytes === undefined ? '' : new TextDecoder().decode(bytes)
  return HINT.test(text) ? Number(text) : undefined
}

async function readNewest(
  fs: FileSystem,
  path: string,
  versions: readonly number[],
  hint: number | undefined,
): Promise<PublishedVersion | undefined> {
  for (const version of versions.toSorted((a, b) => b - a)) {
    const file = `${path}/${versionName(version)}`
    const bytes = await fs.readFile(file)
    if (bytes === undefined) continue
    try {
      const metadata = parseTableMetadata(new TextDecoder().decode(bytes), file)
      return { version, metadata, uri: versionUri(metadata.location, version) }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      if (hint !== undefined && version <= hint) {
        throw new CorruptionError({ file }, 'Iceberg table metadata: no JSON', { cause: error })
      }
    }
  }
  return undefined
}

/** Where readers find a version of a table that lies in a directory. */
export function versionUri(location: string, version: number): string {
  return `${location}/${METADATA}/${versionName(version)}`
}

/** Reads files that metadata names by URI. */
export class TableFiles {
  readonly #place: TablePlace
  readonly #location: string

  /** `location` is that of the metadata that names the files. */
  constructor(place: TablePlace, location: string) {
    this.#place = place
    this.#location = location
  }

  /** The path of a file, or `undefined` if it does not lie in the directory of the table. */
  readonly pathOf = (uri: string): string | undefined => {
    const path = pathBelow(this.#location, uri)
    return path === undefined ? undefined : pathIn(this.#place, path)
  }

  /** The bytes of a file, and its path. Throws `CORRUPT` if it is absent. */
  read(uri: string): Promise<{ path: string; bytes: Uint8Array }> {
    return this.#read(uri)
  }

  async manifestRows(snapshot: IcebergSnapshot): Promise<readonly ManifestRow[]> {
    const { path, bytes } = await this.#read(snapshot['manifest-list'])
    return decodeManifestList(bytes, path)
  }

  async entries(row: ManifestRow): Promise<readonly ManifestEntry[]> {
    const { path, bytes } = await this.#read(row.manifest_path)
    if (bytes.length !== row.manifest_length) {
      throw new CorruptionError(
        { file: path },
        `${bytes.length} bytes, where the manifest list says ${row.manifest_length}`,
      )
    }
    return decodeManifest(bytes, path)
  }

  async loadManifest(row: ManifestRow): Promise<LoadedManifest> {
    return { row, live: liveEntries(await this.entries(row), row) }
  }

  async loadManifests(snapshot: IcebergSnapshot): Promise<LoadedManifest[]> {
    const manifests: LoadedManifest[] = []
    for (const row of await this.manifestRows(snapshot)) manifests.push(await this.loadManifest(row))
    return manifests
  }

  async #read(uri: string): Promise<{ path: string; bytes: Uint8Array }> {
    const path = this.pathOf(uri)
    const bytes = path === undefined ? undefined : await this.#place.fs.readFile(path)
    if (path === undefined || bytes === undefined) {
      throw new CorruptionError(
        { file: path ?? uri },
        'named by the Iceberg metadata and absent; restore it, or remove the metadata directory ' +
          `${placeText(this.#place)}/${METADATA} to publish the table anew`,
      )
    }
    return { path, bytes }
  }
}

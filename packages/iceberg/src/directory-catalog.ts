import { MeruError } from '@meru/core'
import type { Environment } from '@meru/fs'
import type { Catalog, Found } from './catalog.ts'
import { pathIn, placeText, type Destination } from './destination.ts'
import { METADATA, versionName } from './file-names.ts'
import { formatJson } from './json.ts'
import { makeDirectoryIn, publishVersion, writeHint } from './new-files.ts'
import {
  readMetadataDirectory,
  versionUri,
  type MetadataDirectory,
  type PublishedVersion,
} from './published-table.ts'
import { obsoleteVersions } from './retention.ts'
import type { TableMetadata } from './table-metadata.ts'

/** How catalogs name metadata files. */
const CATALOG_METADATA = /^\d+-.*\.metadata\.json$/

/** The catalog that needs no server: the newest file `v<N>.metadata.json`, made if absent, is the table. */
export class DirectoryCatalog implements Catalog {
  readonly #place: Destination
  readonly #env: Environment
  #directory: MetadataDirectory | undefined

  constructor(place: Destination, env: Environment) {
    this.#place = place
    this.#env = env
  }

  async load(): Promise<Found> {
    const directory = await readMetadataDirectory(this.#place)
    const { published, hint, path } = directory
    // A crash may have kept the last export from moving the hint.
    if (published !== undefined && published.version !== hint) {
      await writeHint(this.#place.fs, this.#env, path, published.version)
    }
    this.#directory = directory
    return { published, isNew: directory.versions.length === 0 }
  }

  async prepare({ isNew }: Found): Promise<void> {
    if (!isNew) return
    if (this.#directory?.names.some((name) => CATALOG_METADATA.test(name)) === true) {
      throw new MeruError(
        'INVALID',
        `${placeText(this.#place)} holds an Iceberg table that is in a catalog; name the catalog, or export to another ` +
          'directory: two lines of snapshots would remove files of each other',
      )
    }
    await makeDirectoryIn(this.#place, METADATA)
  }

  async commit(_base: Found, metadata: TableMetadata): Promise<PublishedVersion | undefined> {
    const version = Math.max(0, ...(this.#directory?.versions ?? [])) + 1
    const path = pathIn(this.#place, METADATA)
    const isMade = await publishVersion(this.#place.fs, this.#env, path, version, formatJson(metadata))
    return isMade ? { version, metadata, uri: versionUri(metadata.location, version) } : undefined
  }

  async finish(published: PublishedVersion): Promise<void> {
    const { fs } = this.#place
    const path = pathIn(this.#place, METADATA)
    await writeHint(fs, this.#env, path, published.version)
    if (this.#directory === undefined) return
    for (const version of obsoleteVersions(this.#directory, published)) {
      await fs.remove(`${path}/${versionName(version)}`)
    }
  }
}

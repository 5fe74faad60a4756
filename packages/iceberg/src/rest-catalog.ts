import { MeruError } from '@meru/core'
import type { Environment } from '@meru/fs'
import type { Catalog, Found } from './catalog.ts'
import { pathIn, placeText, type Destination } from './destination.ts'
import { METADATA, parseVersionName } from './file-names.ts'
import { MAIN_BRANCH } from './format.ts'
import { isObject, type Json } from './json.ts'
import { changes, creation, type CatalogCommit } from './metadata-updates.ts'
import { makeDirectoryIn } from './new-files.ts'
import type { PublishedVersion } from './published-table.ts'
import { refusal, RestClient, unreachable, type RestAnswer, type RestCatalogOptions } from './rest-client.ts'
import { answerOf, ATTEMPTS_MAX, publishedIn, settle, tablePaths, type TablePaths } from './rest-table.ts'
import type { TableMetadata } from './table-metadata.ts'

/** A table in a catalog with Iceberg's REST protocol: the server keeps the metadata, and decides who commits. */
export class RestCatalog implements Catalog {
  readonly #place: Destination
  readonly #client: RestClient
  readonly #uri: string
  readonly #name: string
  readonly #paths: TablePaths

  constructor(options: RestCatalogOptions, place: Destination, env: Environment, table: string) {
    this.#place = place
    this.#client = new RestClient(options, env)
    this.#uri = options.uri
    this.#name = options.table ?? table
    this.#paths = tablePaths(options, this.#name)
  }

  async load(): Promise<Found> {
    const { table } = this.#paths
    const answer = await this.#client.get(`${table}?snapshots=all`)
    if (answer.status === 404) return { published: undefined, isNew: true }
    if (answer.status !== 200) throw refusal(`GET ${table}`, answer)
    return { published: this.#published(answer), isNew: false }
  }

  /** Throws `INVALID` if the directory has a table already that needs no catalog: there is one line of snapshots. */
  async prepare({ isNew }: Found): Promise<void> {
    if (!isNew) return
    const names = await this.#place.fs.list(pathIn(this.#place, METADATA))
    if (names.some((name) => parseVersionName(name) !== undefined)) {
      throw new MeruError(
        'INVALID',
        `${placeText(this.#place)} holds an Iceberg table that is in no catalog; register it there, or export to ` +
          'another directory: two lines of snapshots would remove files of each other',
      )
    }
    await makeDirectoryIn(this.#place, METADATA)
  }

  async commit({ published }: Found, next: TableMetadata): Promise<PublishedVersion | undefined> {
    if (published !== undefined) return await this.#commit(changes(published.metadata, next), next)
    const uuid = await this.#stage(next)
    return uuid === undefined ? undefined : await this.#commit(creation(next, uuid), next)
  }

  async finish(): Promise<void> {
    return Promise.resolve()
  }

  /** Announces a table, so that the server says where it may lie; its UUID. `undefined` if there is one by now. */
  async #stage(next: TableMetadata): Promise<string | undefined> {
    const { tables } = this.#paths
    const current = next.schemas.find((schema) => idOf(schema) === next['current-schema-id'])
    const answer = await settle(this.#client, () =>
      this.#client.post(tables, {
        name: this.#name,
        location: next.location,
        schema: current ?? null,
        properties: { ...next.properties, 'format-version': String(next['format-version']) },
        'stage-create': true,
      }),
    )
    if (answer?.status === 409) return undefined
    if (answer?.status !== 200) {
      throw answer === undefined ? this.#silent(`POST ${tables}`) : refusal(`POST ${tables}`, answer)
    }
    const metadata = isObject(answer.body?.['metadata']) ? answer.body['metadata'] : {}
    const { location, 'table-uuid': uuid } = metadata
    if (location !== next.location) {
      throw new MeruError(
        'INVALID',
        `the catalog at ${this.#uri} wants the table ${this.#name} at ${typeof location === 'string' ? location : 'a place of its own'}, not at ${next.location}; ` +
          'export to a directory with that location',
      )
    }
    return typeof uuid === 'string' ? uuid : next['table-uuid']
  }

  /**
   * Sends a commit until it is known what became of it. One that is sent again asserts the same as before, so of all
   * copies at most one takes effect, and once another commit came first none can any more.
   */
  async #commit(commit: CatalogCommit, next: TableMetadata): Promise<PublishedVersion | undefined> {
    const { table } = this.#paths
    let last: RestAnswer | undefined
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const answer = await answerOf(() =>
        this.#client.post(table, {
          identifier: { namespace: this.#paths.levels, name: this.#name },
          requirements: commit.requirements,
          updates: commit.updates,
        }),
      )
      last = answer ?? last
      if (answer?.status === 200) return this.#published(answer)
      const isOpen = answer === undefined || answer.status >= 500
      if (!isOpen && answer.status !== 409) throw refusal(`POST ${table}`, answer)
      const { published } = await this.load()
      if (published !== undefined && hasSnapshotOf(published.metadata, next)) return published
      if (!isOpen) return undefined
      await this.#client.pause(attempt)
    }
    throw last === undefined
      ? this.#silent(`POST ${table}`)
      : new MeruError('IO', `${refusal(`POST ${table}`, last).message}; whether it took effect is not known`)
  }

  #silent(what: string): MeruError {
    return unreachable(this.#uri, what, new Error('asked several times'))
  }

  #published(answer: RestAnswer): PublishedVersion {
    return publishedIn(answer, `${this.#uri}: ${this.#name}`)
  }
}

/** Whether a commit is in: its snapshot is there. One without a new snapshot is known by its shape, next time. */
function hasSnapshotOf(metadata: TableMetadata, next: TableMetadata): boolean {
  const id = next['current-snapshot-id']
  return (
    metadata.snapshots.some((snapshot) => snapshot['snapshot-id'] === id) &&
    metadata.schemas.length === next.schemas.length &&
    Object.entries(next.properties).every(([name, value]) => metadata.properties[name] === value) &&
    metadata['format-version'] === next['format-version'] &&
    metadata['current-schema-id'] === next['current-schema-id'] &&
    Object.entries(next.refs).every(
      ([name, ref]) => name === MAIN_BRANCH || metadata.refs[name]?.['snapshot-id'] === ref['snapshot-id'],
    )
  )
}

function idOf(schema: Json): Json | undefined {
  return isObject(schema) ? schema['schema-id'] : undefined
}

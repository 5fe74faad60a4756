import type { PublishedVersion } from './published-table.ts'
import type { TableMetadata } from './table-metadata.ts'

/** What a catalog has under the name of the table. */
export interface Found {
  /** `undefined` if there is no table that readers could see. */
  readonly published: PublishedVersion | undefined
  /** True if nothing was ever published there. */
  readonly isNew: boolean
}

/**
 * Decides which metadata is the table: the one place where a publication becomes visible. One object serves one
 * attempt at a time.
 */
export interface Catalog {
  load(): Promise<Found>
  /** Makes ready for files in the table's metadata directory. */
  prepare(found: Found): Promise<void>
  /**
   * Publishes metadata that builds on what `load` found last; `undefined` if another writer came first. All that the
   * metadata names must have durable bytes. When it throws, the outcome may be open; what it names must stay then.
   */
  commit(base: Found, metadata: TableMetadata): Promise<PublishedVersion | undefined>
  /** After a commit: whatever readers need besides, and the removal of what nobody needs. */
  finish(published: PublishedVersion): Promise<void>
}

import { CorruptionError, MeruError, type TableSchema } from '@meru/core'
import type { Environment, FileSystem } from '@meru/fs'
import { liveRows, type TableState } from '@meru/manifest'
import { chooseBase, type Base, type ExportCache } from './base.ts'
import type { Catalog, Found } from './catalog.ts'
import { changeSet, isEmpty, type ChangeSet } from './change-set.ts'
import type { DeadPositions } from '@meru/sst'
import {
  destinationOf,
  ownsData,
  pathIn,
  requireApart,
  type Destination,
  type ExportTarget,
} from './destination.ts'
import { DirectoryCatalog } from './directory-catalog.ts'
import { DATA, dataFileName, METADATA } from './file-names.ts'
import { checkOldRows } from './iceberg-schema.ts'
import type { DeleteKnowledge, ScopedCounts, WantedFile } from './delete-coverage.ts'
import { DEFAULT_FORMAT_VERSION, FORMAT_VERSIONS, type FormatVersion } from './format.ts'
import type { LoadedManifest } from './manifest-entry.ts'
import { NewFiles } from './new-files.ts'
import { hasShape, hasTags, nextMetadata, tableShape, type TableShape, type Tags } from './next-metadata.ts'
import { placeData } from './place-data.ts'
import { RestCatalog } from './rest-catalog.ts'
import type { RestCatalogOptions } from './rest-client.ts'
import { TableFiles, type PublishedVersion } from './published-table.ts'
import { expiredFiles, ownFiles, strays } from './retention.ts'
import { requireOwnRowIds } from './row-lineage.ts'
import { writeSnapshot, type SnapshotInput, type WrittenSnapshot } from './snapshot-writer.ts'
import { totalsOf, type Contents } from './summary.ts'
import { currentSnapshot, type IcebergSnapshot, type TableMetadata } from './table-metadata.ts'

/** A writer that loses this often to others is not going to win. */
const ATTEMPTS_MAX = 8

/** The part of a table's state that is exported. */
export type ExportedTable = Pick<TableState, 'id' | 'name' | 'schemas' | 'schemaId' | 'files'>

export interface ExportOptions {
  readonly fs: FileSystem
  readonly env: Environment
  readonly table: ExportedTable
  /** The dead positions of an SST that has some. */
  readonly dead: (fileId: string) => DeadPositions | undefined
  /** Every write up to this one is in the files, none after it. */
  readonly seqno: number
  /** Snapshots that stay readable, at least 2. More of them hold more files on disk. */
  readonly snapshotsKept: number
  /** URI under which readers find the table's own directory; by default its place. */
  readonly location?: string | undefined
  /** Another place for the Iceberg table; without it the table's own directory. One cache for each. */
  readonly target?: ExportTarget | undefined
  /** A catalog that is to have the table; only with a target. Without it the target's directory is the table. */
  readonly catalog?: RestCatalogOptions | undefined
  /**
   * Names for snapshots, which stay while they have one: `current` is the one that this export shows, a number is the id
   * of an earlier one, `null` takes the name away. Names that are not mentioned stay as they are.
   */
  readonly tags?: Tags | undefined
  /** Asked when all is written and the version is about to be published. If it throws, nothing is. */
  readonly beforePublish?: (() => Promise<void>) | undefined
  /** Told how many bytes of data files were copied to the target since it was told last. */
  readonly onBytes?: ((bytes: number) => void) | undefined
  /**
   * The Iceberg format version to publish in: 3 upgrades the table, for ever. Without it the table keeps
   * its version; a new one gets version 2.
   */
  readonly formatVersion?: FormatVersion
  /** Saves reading the last export's manifests. One for each table; see `createExportCache`. */
  readonly cache?: ExportCache
  readonly signal?: AbortSignal
}

/** What readers see after an export. */
export interface IcebergExport {
  /** URI of the metadata file. */
  readonly metadataFile: string
  readonly version: number
  readonly snapshotId: number
  readonly sequenceNumber: number
  /** Files that the snapshot shows. */
  readonly dataFiles: number
  readonly deleteFiles: number
  readonly liveRows: number
  /** True if readers saw this version already; nothing was written then. */
  readonly unchanged: boolean
}

/**
 * Makes a version of a table readable as an Iceberg table: the SSTs are the data files, only metadata and delete files
 * are written; to a target SSTs are linked or copied that it does not have. Until it returns, readers see the snapshot
 * before. Throws `INVALID` for what cannot be exported, `CONFLICT` if other writers keep publishing.
 */
export async function exportIceberg(options: ExportOptions): Promise<IcebergExport> {
  if (!(options.snapshotsKept >= 2)) {
    throw new TypeError(`snapshotsKept is ${options.snapshotsKept}; at least 2 snapshots must be kept`)
  }
  const place = destinationOf(options)
  if (options.target !== undefined) requireApart(options.fs, place.fs)
  const catalog = catalogOf(options, place)
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    options.signal?.throwIfAborted()
    const done = await attemptExport(options, place, catalog)
    if (done !== undefined) return done
  }
  throw new MeruError(
    'CONFLICT',
    `table ${options.table.name}: another writer published first, ${ATTEMPTS_MAX} times; try again`,
  )
}

function catalogOf({ catalog, target, env, table }: ExportOptions, place: Destination): Catalog {
  if (catalog === undefined) return new DirectoryCatalog(place, env)
  if (target === undefined) throw new TypeError('an export to a catalog needs a target: a directory apart')
  return new RestCatalog(catalog, place, env, table.name)
}

/** What one attempt found and wants. */
interface Attempt {
  readonly options: ExportOptions
  readonly place: Destination
  readonly catalog: Catalog
  readonly found: Found
  readonly base: Base
  readonly formatVersion: FormatVersion
  readonly manifests: readonly LoadedManifest[]
  readonly wanted: readonly WantedFile[]
  readonly scoped: ScopedCounts
  readonly changes: ChangeSet
  readonly contents: Contents
  readonly shape: TableShape
}

/** `undefined` if another writer took the version. */
async function attemptExport(
  options: ExportOptions,
  place: Destination,
  catalog: Catalog,
): Promise<IcebergExport | undefined> {
  const { table } = options
  const found = await catalog.load()
  const { published } = found
  const base = chooseBase(published, { ...table, location: place.location, seqno: options.seqno })
  const formatVersion = formatVersionOf(options, base)
  const manifests = await manifestsOf({ options, place }, base, published)
  const wanted = wantedFiles(table, place)
  if (formatVersion === 2) {
    checkOldRows(
      table.name,
      table.schemas,
      schemaOf(table),
      wanted.map(({ sst }) => sst),
    )
  }
  const last = cacheOf(options.cache, published)
  const knowledge: DeleteKnowledge = {
    formatVersion,
    scoped: last?.scoped ?? new Map(),
    shown: last?.dead ?? new Map(),
  }
  const changes = changeSet(manifests, wanted, knowledge)
  if (formatVersion === 3 && place.mode !== undefined)
    await requireOwnRowIds(options.fs, table, { metadata: base.metadata, added: changes.added })
  const attempt: Attempt = {
    options,
    place,
    catalog,
    found,
    base,
    formatVersion,
    manifests,
    wanted,
    scoped: knowledge.scoped,
    changes,
    contents: { seqno: options.seqno, liveRecords: liveRecords(wanted) },
    shape: tableShape(table, { snapshotsKept: options.snapshotsKept, formatVersion }, base.metadata),
  }
  const isShown = base.snapshot !== undefined && isEmpty(attempt.changes)
  const isCurrent =
    published !== undefined &&
    hasShape(published.metadata, attempt.shape) &&
    hasTags(published.metadata, options.tags)
  if (isShown && isCurrent) {
    if (options.cache)
      options.cache.last = { published, manifests, scoped: knowledge.scoped, dead: shownDead(attempt) }
    return resultOf(published, manifests, attempt.contents, true)
  }
  return await publish(attempt, !isShown)
}

/** Publishes the next version, with a new snapshot or with a new shape alone. */
async function publish(attempt: Attempt, needsSnapshot: boolean): Promise<IcebergExport | undefined> {
  const { options, place, catalog, found, changes, contents } = attempt
  const { fs, env, table, signal, onBytes, cache } = options
  const withData = ownsData(place)
  const isSwept = place.mode === undefined || cache?.isSwept === true
  const old = isSwept ? [] : await strays(place, { withData })
  await catalog.prepare(found)
  if (withData) {
    const source = { fs, table: table.name, env, signal, onBytes }
    await placeData(
      source,
      place,
      changes.added.map(({ sst }) => sst),
    )
  }
  const files = new NewFiles(place.fs, pathIn(place, METADATA))
  let written: WrittenSnapshot | undefined
  try {
    if (needsSnapshot) written = await writeSnapshot(snapshotInput(attempt, files))
    signal?.throwIfAborted()
    await options.beforePublish?.()
  } catch (error) {
    await files.discard()
    throw error
  }
  const next = await catalog.commit(found, metadataAfter(attempt, written?.snapshot))
  if (next === undefined) {
    await files.discard()
    return undefined
  }
  const manifests = written?.manifests ?? attempt.manifests
  const scoped = written?.scoped ?? attempt.scoped
  if (cache) cache.last = { published: next, manifests, scoped, dead: shownDead(attempt) }
  await catalog.finish(next)
  await removeExpired(attempt, next.metadata)
  if (!isSwept) await sweepTarget(place, next.metadata, old)
  if (cache) cache.isSwept = true
  return resultOf(next, manifests, contents, false)
}

/**
 * Removes what attempts that never published left in a target. The files were there before a version was published
 * that does not name them, so whoever wrote them can publish them no more: that attempt has lost.
 */
async function sweepTarget(
  place: Destination,
  metadata: TableMetadata,
  old: readonly string[],
): Promise<void> {
  if (old.length === 0) return
  const named = await ownFiles(place, metadata, { withData: ownsData(place) })
  for (const path of old) if (!named.has(path)) await place.fs.remove(path)
}

function snapshotInput(attempt: Attempt, files: NewFiles): SnapshotInput {
  const { options, base, formatVersion, manifests, wanted, changes, contents, scoped } = attempt
  const { location } = attempt.place
  const { env, table, dead, signal } = options
  const schema = schemaOf(table)
  const place = { env, files, table: table.name, location, schema, formatVersion }
  return { ...place, base, manifests, wanted, changes, contents, scoped, dead, signal }
}

function metadataAfter(attempt: Attempt, snapshot: IcebergSnapshot | undefined): TableMetadata {
  const { options, base, shape } = attempt
  const { env, table, snapshotsKept } = options
  return nextMetadata({
    uuid: env.uuid(),
    location: attempt.place.location,
    shape,
    schema: schemaOf(table),
    now: env.now(),
    snapshotsKept,
    tags: options.tags,
    snapshot,
    previous: base.metadata,
    previousUri: base.uri,
  })
}

/** What is remembered of the last export, if the snapshot that readers see is still that one. */
function cacheOf(
  cache: ExportCache | undefined,
  published: PublishedVersion | undefined,
): ExportCache['last'] {
  const last = cache?.last
  if (last === undefined || published === undefined) return undefined
  const [a, b] = [last.published.metadata, published.metadata]
  const isSame = a['table-uuid'] === b['table-uuid'] && a['current-snapshot-id'] === b['current-snapshot-id']
  return isSame ? last : undefined
}

function formatVersionOf({ table, formatVersion }: ExportOptions, base: Base): FormatVersion {
  const published = base.metadata?.['format-version'] ?? DEFAULT_FORMAT_VERSION
  if (formatVersion === undefined) return published
  if (!FORMAT_VERSIONS.includes(formatVersion)) {
    throw new TypeError(`formatVersion is ${String(formatVersion)}; ${FORMAT_VERSIONS.join(' or ')} expected`)
  }
  if (formatVersion < published) {
    throw new MeruError(
      'INVALID',
      `table ${table.name} is published in Iceberg format version ${published}, and there is no way back to ` +
        `${formatVersion}; leave formatVersion out, or move the metadata directory away to publish it anew`,
    )
  }
  return formatVersion
}

/** The dead positions that readers see once the version is published. */
function shownDead({ options, wanted }: Attempt): ReadonlyMap<string, DeadPositions> {
  const shown = new Map<string, DeadPositions>()
  for (const { sst, uri } of wanted) {
    const dead = sst.dead === undefined ? undefined : options.dead(sst.id)
    if (dead !== undefined) shown.set(uri, dead)
  }
  return shown
}

/** The manifests of the base, from the cache if that is of the same version. */
async function manifestsOf(
  { options, place }: Pick<Attempt, 'options' | 'place'>,
  base: Base,
  published: PublishedVersion | undefined,
): Promise<readonly LoadedManifest[]> {
  if (base.snapshot === undefined || published === undefined) return []
  const last = cacheOf(options.cache, published)
  if (last !== undefined) return last.manifests
  const files = new TableFiles(place, published.metadata.location)
  const manifests = await files.loadManifests(base.snapshot)
  const totals = totalsOf(manifests)
  const { summary } = base.snapshot
  if (
    summary['total-records'] !== String(totals.records) ||
    summary['total-data-files'] !== String(totals.dataFiles)
  ) {
    throw new CorruptionError(
      { file: published.uri },
      `snapshot ${base.snapshot['snapshot-id']} has ${totals.records} records in ${totals.dataFiles} files, ` +
        `its summary says ${summary['total-records']} in ${summary['total-data-files']}`,
    )
  }
  return manifests
}

/** The SSTs that readers are to see. One without live rows is left out: Iceberg has no use for it. */
function wantedFiles(table: ExportedTable, { dataLocation }: Destination): WantedFile[] {
  return table.files
    .filter((sst) => liveRows(sst) > 0)
    .map((sst) => ({ sst, uri: `${dataLocation}/${DATA}/${dataFileName(sst.id)}` }))
}

function liveRecords(wanted: readonly WantedFile[]): number {
  return wanted.reduce((rows, { sst }) => rows + liveRows(sst), 0)
}

function schemaOf(table: ExportedTable): TableSchema {
  const schema = table.schemas.find((candidate) => candidate.schemaId === table.schemaId)
  if (schema === undefined) throw new TypeError(`table ${table.name} has no schema ${table.schemaId}`)
  return schema
}

/** Removes files that only readers of expired snapshots could have opened. */
async function removeExpired({ place, found }: Attempt, after: TableMetadata): Promise<void> {
  const before = found.published?.metadata
  if (before === undefined) return
  const removable = await expiredFiles(place, { before, after }, { withData: ownsData(place) })
  for (const file of removable) await place.fs.remove(file)
}

function resultOf(
  { version, metadata, uri }: PublishedVersion,
  manifests: readonly LoadedManifest[],
  contents: Contents,
  unchanged: boolean,
): IcebergExport {
  const snapshot = currentSnapshot(metadata)
  const totals = totalsOf(manifests)
  return {
    metadataFile: uri,
    version,
    snapshotId: Number(snapshot?.['snapshot-id']),
    sequenceNumber: snapshot?.['sequence-number'] ?? 0,
    dataFiles: totals.dataFiles,
    deleteFiles: totals.deleteFiles,
    liveRows: contents.liveRecords,
    unchanged,
  }
}

import { CorruptionError, MeruError, type TableSchema } from '@meru/core'
import type { Environment, FileSystem } from '@meru/fs'
import { liveRows, sstPath, tableDirectory, type TableState } from '@meru/manifest'
import { chooseBase, type Base, type ExportCache } from './base.ts'
import { changeSet, isEmpty, type ChangeSet } from './change-set.ts'
import type { DeadPositions } from '@meru/sst'
import { METADATA, versionName } from './file-names.ts'
import { checkOldRows } from './iceberg-schema.ts'
import { formatJson } from './json.ts'
import { tableLocation } from './location.ts'
import type { DeleteKnowledge, ScopedCounts, WantedFile } from './delete-coverage.ts'
import { DEFAULT_FORMAT_VERSION, FORMAT_VERSIONS, type FormatVersion } from './format.ts'
import type { LoadedManifest } from './manifest-entry.ts'
import { makeMetadataDirectory, NewFiles, publishVersion, writeHint } from './new-files.ts'
import { hasShape, nextMetadata, tableShape, type TableShape } from './next-metadata.ts'
import {
  readMetadataDirectory,
  TableFiles,
  type MetadataDirectory,
  type PublishedVersion,
} from './published-table.ts'
import { expiredFiles, obsoleteVersions } from './retention.ts'
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
  /** URI under which readers find the table; by default the place of its directory. */
  readonly location?: string
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
 * Makes a version of a table readable as an Iceberg table, in place: the SSTs are the data files, only
 * metadata and delete files are written. Until it returns, readers see the snapshot before. Throws
 * `INVALID` for what cannot be exported, `CONFLICT` if other writers keep publishing.
 */
export async function exportIceberg(options: ExportOptions): Promise<IcebergExport> {
  if (!(options.snapshotsKept >= 2)) {
    throw new TypeError(`snapshotsKept is ${options.snapshotsKept}; at least 2 snapshots must be kept`)
  }
  const location = tableLocation(options.fs.root, options.table.name, options.location)
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    options.signal?.throwIfAborted()
    const done = await attemptExport(options, location)
    if (done !== undefined) return done
  }
  throw new MeruError(
    'CONFLICT',
    `table ${options.table.name}: another writer published first, ${ATTEMPTS_MAX} times; try again`,
  )
}

/** What one attempt found and wants. */
interface Attempt {
  readonly options: ExportOptions
  readonly location: string
  readonly directory: MetadataDirectory
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
async function attemptExport(options: ExportOptions, location: string): Promise<IcebergExport | undefined> {
  const { fs, env, table } = options
  const directory = await readMetadataDirectory(fs, table.name)
  const { published } = directory
  // A crash may have kept the last export from moving the hint.
  if (published !== undefined && published.version !== directory.hint) {
    await writeHint(fs, env, directory.path, published.version)
  }
  const base = chooseBase(published, { ...table, location, seqno: options.seqno })
  const formatVersion = formatVersionOf(options, base)
  const manifests = await manifestsOf(options, base, published)
  const wanted = wantedFiles(table, location)
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
  const attempt: Attempt = {
    options,
    location,
    directory,
    base,
    formatVersion,
    manifests,
    wanted,
    scoped: knowledge.scoped,
    changes: changeSet(manifests, wanted, knowledge),
    contents: { seqno: options.seqno, liveRecords: liveRecords(wanted) },
    shape: tableShape(table, { snapshotsKept: options.snapshotsKept, formatVersion }, base.metadata),
  }
  const isShown = base.snapshot !== undefined && isEmpty(attempt.changes)
  if (isShown && published !== undefined && hasShape(published.metadata, attempt.shape)) {
    if (options.cache)
      options.cache.last = { published, manifests, scoped: knowledge.scoped, dead: shownDead(attempt) }
    return resultOf(published, manifests, attempt.contents, true)
  }
  return await publish(attempt, !isShown)
}

/** Publishes the next version, with a new snapshot or with a new shape alone. */
async function publish(attempt: Attempt, needsSnapshot: boolean): Promise<IcebergExport | undefined> {
  const { options, directory, contents } = attempt
  const { fs, env, table, cache } = options
  if (directory.versions.length === 0) await makeMetadataDirectory(fs, table.name)
  const files = new NewFiles(fs, directory.path)
  let written: WrittenSnapshot | undefined
  try {
    if (needsSnapshot) written = await writeSnapshot(snapshotInput(attempt, files))
    options.signal?.throwIfAborted()
  } catch (error) {
    await files.discard()
    throw error
  }
  const next: PublishedVersion = {
    version: Math.max(0, ...directory.versions) + 1,
    metadata: metadataAfter(attempt, written?.snapshot),
  }
  if (!(await publishVersion(fs, env, directory.path, next.version, formatJson(next.metadata)))) {
    await files.discard()
    return undefined
  }
  const manifests = written?.manifests ?? attempt.manifests
  const scoped = written?.scoped ?? attempt.scoped
  if (cache) cache.last = { published: next, manifests, scoped, dead: shownDead(attempt) }
  await writeHint(fs, env, directory.path, next.version)
  await removeObsolete(fs, table.name, directory, next)
  return resultOf(next, manifests, contents, false)
}

function snapshotInput(attempt: Attempt, files: NewFiles): SnapshotInput {
  const { options, location, base, formatVersion, manifests, changes, contents, scoped } = attempt
  const { env, table, dead, signal } = options
  const schema = schemaOf(table)
  const place = { env, files, table: table.name, location, schema, formatVersion }
  return { ...place, base, manifests, changes, contents, scoped, dead, signal }
}

function metadataAfter(attempt: Attempt, snapshot: IcebergSnapshot | undefined): TableMetadata {
  const { options, location, base, shape } = attempt
  const { env, table, snapshotsKept } = options
  return nextMetadata({
    uuid: env.uuid(),
    location,
    shape,
    schema: schemaOf(table),
    now: env.now(),
    snapshotsKept,
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
  options: ExportOptions,
  base: Base,
  published: PublishedVersion | undefined,
): Promise<readonly LoadedManifest[]> {
  if (base.snapshot === undefined || published === undefined) return []
  const last = cacheOf(options.cache, published)
  if (last !== undefined) return last.manifests
  const files = new TableFiles(options.fs, options.table.name, published.metadata.location)
  const manifests = await files.loadManifests(base.snapshot)
  const totals = totalsOf(manifests)
  const { summary } = base.snapshot
  if (
    summary['total-records'] !== String(totals.records) ||
    summary['total-data-files'] !== String(totals.dataFiles)
  ) {
    throw new CorruptionError(
      {
        file: `${options.fs.root}/${tableDirectory(options.table.name)}/${METADATA}/${versionName(published.version)}`,
      },
      `snapshot ${base.snapshot['snapshot-id']} has ${totals.records} records in ${totals.dataFiles} files, ` +
        `its summary says ${summary['total-records']} in ${summary['total-data-files']}`,
    )
  }
  return manifests
}

/** The SSTs that readers are to see. One without live rows is left out: Iceberg has no use for it. */
function wantedFiles(table: ExportedTable, location: string): WantedFile[] {
  const directory = tableDirectory(table.name)
  return table.files
    .filter((sst) => liveRows(sst) > 0)
    .map((sst) => ({ sst, uri: `${location}${sstPath(table.name, sst.id).slice(directory.length)}` }))
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
async function removeObsolete(
  fs: FileSystem,
  table: string,
  directory: MetadataDirectory,
  next: PublishedVersion,
): Promise<void> {
  const { published, path } = directory
  if (published === undefined) return
  const removable = await expiredFiles(fs, table, published.metadata, next.metadata)
  for (const version of obsoleteVersions(directory, next)) removable.add(`${path}/${versionName(version)}`)
  for (const file of removable) await fs.remove(file)
}

function resultOf(
  { version, metadata }: PublishedVersion,
  manifests: readonly LoadedManifest[],
  contents: Contents,
  unchanged: boolean,
): IcebergExport {
  const snapshot = currentSnapshot(metadata)
  const totals = totalsOf(manifests)
  return {
    metadataFile: `${metadata.location}/${METADATA}/${versionName(version)}`,
    version,
    snapshotId: Number(snapshot?.['snapshot-id']),
    sequenceNumber: snapshot?.['sequence-number'] ?? 0,
    dataFiles: totals.dataFiles,
    deleteFiles: totals.deleteFiles,
    liveRows: contents.liveRecords,
    unchanged,
  }
}

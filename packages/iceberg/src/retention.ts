import type { FileSystem } from '@meru/fs'
import { tableDirectory } from '@meru/manifest'
import type { ExportCache } from './base.ts'
import { destinationOf, pathIn, type Destination, type TablePlace } from './destination.ts'
import {
  DATA,
  isPlacedFile,
  isSnapshotFile,
  isTemporary,
  METADATA,
  parseVersionName,
  versionName,
} from './file-names.ts'
import { MANIFEST_DELETES } from './format.ts'
import { pathBelow } from './location.ts'
import type { ManifestRow } from './manifest-entry.ts'
import { readMetadataDirectory, TableFiles, type MetadataDirectory } from './published-table.ts'
import type { IcebergSnapshot, TableMetadata } from './table-metadata.ts'

type FilesCache = Pick<ExportCache, 'lists' | 'files'>

/**
 * Paths of the data and delete files that readers of the published Iceberg table may still open, through
 * any snapshot that its metadata keeps. Empty if the table was never exported. With the cache of the
 * exports only what the last one wrote is read.
 */
export async function retainedFiles(
  fs: FileSystem,
  table: string,
  cache: FilesCache = { lists: new Map(), files: new Map() },
): Promise<Set<string>> {
  const place = { fs, directory: tableDirectory(table) }
  const { published } = await readMetadataDirectory(place)
  if (published === undefined) return new Set()
  const { pathOf } = new TableFiles(place, published.metadata.location)
  return await namedPaths(place, published.metadata, pathOf, cache)
}

/**
 * Paths of the data files in the table's own directory that snapshots of a target refer to, as the export that used
 * the cache last has left it.
 */
export async function referencedFiles(
  options: Parameters<typeof destinationOf>[0] & { readonly cache: ExportCache },
): Promise<Set<string>> {
  const { table, cache } = options
  const place = destinationOf(options)
  const { last } = cache
  if (last === undefined) throw new TypeError(`table ${table.name}: nothing was exported with this cache`)
  const pathOf = (uri: string): string | undefined => {
    const path = pathBelow(place.dataLocation, uri)
    return path === undefined ? undefined : `${tableDirectory(table.name)}/${path}`
  }
  return await namedPaths(place, last.published.metadata, pathOf, cache)
}

/** What the snapshots of a metadata file name, as far as `pathOf` knows a path for it. */
async function namedPaths(
  place: TablePlace,
  metadata: TableMetadata,
  pathOf: (uri: string) => string | undefined,
  cache: FilesCache,
): Promise<Set<string>> {
  const files = new TableFiles(place, metadata.location)
  const before = { lists: new Map(cache.lists), files: new Map(cache.files) }
  cache.lists.clear()
  cache.files.clear()
  const content = new Set<string>()
  const seen = new Set<string>()
  for (const snapshot of metadata.snapshots) {
    const list = snapshot['manifest-list']
    const rows = before.lists.get(list) ?? (await files.manifestRows(snapshot))
    cache.lists.set(list, rows)
    for (const row of rows) {
      const uri = row.manifest_path
      // Most snapshots name the manifests of those before.
      if (seen.has(uri)) continue
      seen.add(uri)
      const known = cache.files.get(uri) ?? before.files.get(uri)
      const named = known ?? (await files.loadManifest(row)).live.map((entry) => entry.data_file.file_path)
      cache.files.set(uri, named)
      for (const file of named) addPath(content, pathOf(file))
    }
  }
  return content
}

/**
 * Removes what attempts that never published left in the metadata directory, and metadata files that
 * the newest no longer lists. Returns the paths. Nobody may export the table meanwhile. Names that the
 * export does not make are left alone.
 */
export async function sweepMetadata(fs: FileSystem, table: string): Promise<string[]> {
  const place = { fs, directory: tableDirectory(table) }
  const directory = await readMetadataDirectory(place)
  const { published, names, path } = directory
  const named = published ? await ownFiles(place, published.metadata, { withData: false }) : new Set<string>()
  const obsolete = published ? obsoleteVersions(directory, published) : []
  const removed: string[] = []
  for (const name of names) {
    const file = `${path}/${name}`
    const version = parseVersionName(name)
    const isOrphan = isTemporary(name) || (isSnapshotFile(name) && !named.has(file))
    if (isOrphan || (version !== undefined && obsolete.includes(version))) removed.push(file)
  }
  for (const file of removed) await fs.remove(file)
  return removed
}

/** Paths of the files in a place that an export may have left there: all that are of its making. */
export async function strays(place: TablePlace, options: { readonly withData: boolean }): Promise<string[]> {
  const paths: string[] = []
  for (const name of await place.fs.list(pathIn(place, METADATA))) {
    if (isTemporary(name) || isSnapshotFile(name)) paths.push(pathIn(place, `${METADATA}/${name}`))
  }
  if (!options.withData) return paths
  for (const name of await place.fs.list(pathIn(place, DATA))) {
    if (isPlacedFile(name)) paths.push(pathIn(place, `${DATA}/${name}`))
  }
  return paths
}

/** The versions before the newest that its log does not list. */
export function obsoleteVersions(
  directory: MetadataDirectory,
  newest: { readonly version: number; readonly metadata: TableMetadata },
): number[] {
  const { location } = newest.metadata
  const logged = new Set(
    newest.metadata['metadata-log'].map((entry) => pathBelow(location, entry['metadata-file'])),
  )
  return directory.versions.filter(
    (version) => version < newest.version && !logged.has(`${METADATA}/${versionName(version)}`),
  )
}

/** Paths of the manifest lists, manifests and delete files that snapshots name, and on demand of data files. */
export async function ownFiles(
  place: TablePlace,
  metadata: TableMetadata,
  options: { readonly withData: boolean },
): Promise<Set<string>> {
  const files = new TableFiles(place, metadata.location)
  const own = new Set<string>()
  const seen = new Set<string>()
  for (const snapshot of metadata.snapshots) {
    addPath(own, files.pathOf(snapshot['manifest-list']))
    for (const row of await files.manifestRows(snapshot)) {
      if (seen.has(row.manifest_path)) continue
      seen.add(row.manifest_path)
      addPath(own, files.pathOf(row.manifest_path))
      if (!options.withData && row.content !== MANIFEST_DELETES) continue
      for (const entry of (await files.loadManifest(row)).live) {
        addPath(own, files.pathOf(entry.data_file.file_path))
      }
    }
  }
  return own
}

/**
 * Paths that only snapshots which left the metadata named: their lists, manifests and delete files, and their data
 * files where those are the export's own. A file is in use without a gap along a line of snapshots, so what the first
 * kept snapshot of a line does not name, no later one does. In one snapshot the entries of a file are all in one
 * manifest.
 */
export async function expiredFiles(
  place: Destination,
  change: { readonly before: TableMetadata; readonly after: TableMetadata },
  options: { readonly withData: boolean },
): Promise<Set<string>> {
  const { before, after } = change
  const kept = new Set(after.snapshots.map((snapshot) => snapshot['snapshot-id']))
  const expired = before.snapshots.filter((snapshot) => !kept.has(snapshot['snapshot-id']))
  if (expired.length === 0) return new Set()
  const first = after.snapshots.filter((snapshot) => !kept.has(snapshot['parent-snapshot-id'] ?? -1))
  const files = new TableFiles(place, before.location)
  const remaining = new TableFiles(place, after.location)
  const old = await rowsOf(files, expired)
  const current = await rowsOf(remaining, first)
  const isOwn = (row: ManifestRow): boolean => options.withData || row.content === MANIFEST_DELETES

  const removable = new Set<string>()
  for (const snapshot of expired) addPath(removable, files.pathOf(snapshot['manifest-list']))
  for (const row of old.values()) {
    if (current.has(row.manifest_path)) continue
    addPath(removable, files.pathOf(row.manifest_path))
    if (!isOwn(row)) continue
    for (const entry of (await files.loadManifest(row)).live) {
      addPath(removable, files.pathOf(entry.data_file.file_path))
    }
  }
  for (const row of current.values()) {
    if (!isOwn(row)) continue
    // A manifest of the one snapshot that expires names nothing that another manifest of it names.
    if (expired.length === 1 && old.has(row.manifest_path)) continue
    for (const entry of (await remaining.loadManifest(row)).live) {
      const path = remaining.pathOf(entry.data_file.file_path)
      if (path !== undefined) removable.delete(path)
    }
  }
  return removable
}

async function rowsOf(
  files: TableFiles,
  snapshots: readonly IcebergSnapshot[],
): Promise<Map<string, ManifestRow>> {
  const rows = new Map<string, ManifestRow>()
  for (const snapshot of snapshots) {
    for (const row of await files.manifestRows(snapshot)) rows.set(row.manifest_path, row)
  }
  return rows
}

function addPath(paths: Set<string>, path: string | undefined): void {
  if (path !== undefined) paths.add(path)
}

import type { FileSystem } from '@meru/fs'
import { isSnapshotFile, isTemporary, METADATA, parseVersionName, versionName } from './file-names.ts'
import { MANIFEST_DELETES } from './format.ts'
import type { ManifestRow } from './manifest-entry.ts'
import type { ExportCache } from './base.ts'
import { readMetadataDirectory, TableFiles, type MetadataDirectory } from './published-table.ts'
import { pathBelow } from './location.ts'
import type { IcebergSnapshot, TableMetadata } from './table-metadata.ts'

/**
 * Paths of the data and delete files that readers of the published Iceberg table may still open, through
 * any snapshot that its metadata keeps. Empty if the table was never exported. With the cache of the
 * exports only what the last one wrote is read.
 */
export async function retainedFiles(
  fs: FileSystem,
  table: string,
  cache: Pick<ExportCache, 'lists' | 'files'> = { lists: new Map(), files: new Map() },
): Promise<Set<string>> {
  const { published } = await readMetadataDirectory(fs, table)
  if (published === undefined) return new Set()
  const files = new TableFiles(fs, table, published.metadata.location)
  const before = { lists: new Map(cache.lists), files: new Map(cache.files) }
  cache.lists.clear()
  cache.files.clear()
  const content = new Set<string>()
  for (const snapshot of published.metadata.snapshots) {
    const list = snapshot['manifest-list']
    const rows = before.lists.get(list) ?? (await files.manifestRows(snapshot))
    cache.lists.set(list, rows)
    for (const row of rows) {
      const uri = row.manifest_path
      const known = cache.files.get(uri) ?? before.files.get(uri)
      const named = known ?? (await files.loadManifest(row)).live.map((entry) => entry.data_file.file_path)
      cache.files.set(uri, named)
      for (const file of named) addPath(content, files.pathOf(file))
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
  const directory = await readMetadataDirectory(fs, table)
  const { published, path } = directory
  const named = published ? await ownFiles(fs, table, published.metadata) : new Set<string>()
  const obsolete = published ? obsoleteVersions(directory, published) : []
  const removed: string[] = []
  for (const name of await fs.list(path)) {
    const file = `${path}/${name}`
    const version = parseVersionName(name)
    const isOrphan = isTemporary(name) || (isSnapshotFile(name) && !named.has(file))
    if (isOrphan || (version !== undefined && obsolete.includes(version))) removed.push(file)
  }
  for (const file of removed) await fs.remove(file)
  return removed
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

/** Paths of the manifest lists, manifests and delete files that the snapshots of a metadata file name. */
async function ownFiles(fs: FileSystem, table: string, metadata: TableMetadata): Promise<Set<string>> {
  const files = new TableFiles(fs, table, metadata.location)
  const own = new Set<string>()
  const seen = new Set<string>()
  for (const snapshot of metadata.snapshots) {
    addPath(own, files.pathOf(snapshot['manifest-list']))
    for (const row of await files.manifestRows(snapshot)) {
      if (seen.has(row.manifest_path)) continue
      seen.add(row.manifest_path)
      addPath(own, files.pathOf(row.manifest_path))
      if (row.content !== MANIFEST_DELETES) continue
      for (const entry of (await files.loadManifest(row)).live) {
        addPath(own, files.pathOf(entry.data_file.file_path))
      }
    }
  }
  return own
}

/**
 * Paths that only snapshots which left the metadata named: their lists, manifests and delete files. A
 * file is in use without a gap along a line of snapshots, so what the first kept snapshot of a line does
 * not name, no later one does. In one snapshot the entries of a delete file are all in one manifest.
 */
export async function expiredFiles(
  fs: FileSystem,
  table: string,
  before: TableMetadata,
  after: TableMetadata,
): Promise<Set<string>> {
  const kept = new Set(after.snapshots.map((snapshot) => snapshot['snapshot-id']))
  const expired = before.snapshots.filter((snapshot) => !kept.has(snapshot['snapshot-id']))
  if (expired.length === 0) return new Set()
  const first = after.snapshots.filter((snapshot) => !kept.has(snapshot['parent-snapshot-id'] ?? -1))
  const old = await rowsOf(new TableFiles(fs, table, before.location), expired)
  const current = await rowsOf(new TableFiles(fs, table, after.location), first)

  const files = new TableFiles(fs, table, before.location)
  const removable = new Set<string>()
  for (const snapshot of expired) addPath(removable, files.pathOf(snapshot['manifest-list']))
  for (const row of old.values()) {
    if (current.has(row.manifest_path)) continue
    addPath(removable, files.pathOf(row.manifest_path))
    if (row.content !== MANIFEST_DELETES) continue
    for (const entry of (await files.loadManifest(row)).live) {
      addPath(removable, files.pathOf(entry.data_file.file_path))
    }
  }
  const remaining = new TableFiles(fs, table, after.location)
  for (const row of current.values()) {
    if (row.content !== MANIFEST_DELETES) continue
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

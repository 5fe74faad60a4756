import type { FileSystem } from '@meru/fs'
import { MeruError } from '@meru/core'
import { parseSstName, tableDirectory } from '@meru/manifest'
import { hasRowLineage, lineageBounds, type FileLineage } from '@meru/sst'
import type { ExportCache } from './base.ts'
import type { WantedFile } from './delete-coverage.ts'
import { MANIFEST_DATA, PROPERTY_TABLE_ID } from './format.ts'
import type { LoadedManifest } from './manifest-entry.ts'
import { readMetadataDirectory, TableFiles } from './published-table.ts'
import { currentSnapshot, type TableMetadata } from './table-metadata.ts'

/** What each SST of the current snapshot lends to rows that keep no lineage of their own, by id. */
export type TableLineage = ReadonlyMap<string, FileLineage>

/**
 * The lineage that readers of the published table see; `undefined` if it is not published in version 3. With
 * the cache of an export that has just succeeded, nothing is read.
 */
export async function publishedLineage(
  fs: FileSystem,
  table: string,
  cache: ExportCache | undefined,
): Promise<TableLineage | undefined> {
  const last = cache?.last
  if (last !== undefined) return lineageOf(last.published.metadata, last.manifests)
  const place = { fs, directory: tableDirectory(table) }
  const { published } = await readMetadataDirectory(place)
  if (published === undefined || published.metadata['format-version'] === 2) return undefined
  const snapshot = currentSnapshot(published.metadata)
  const files = new TableFiles(place, published.metadata.location)
  return lineageOf(published.metadata, snapshot === undefined ? [] : await files.loadManifests(snapshot))
}

function lineageOf(metadata: TableMetadata, manifests: readonly LoadedManifest[]): TableLineage | undefined {
  if (metadata['format-version'] === 2) return undefined
  const lineage = new Map<string, FileLineage>()
  for (const { row, live } of manifests) {
    if (row.content !== MANIFEST_DATA) continue
    for (const { data_file: file, sequence_number: sequenceNumber } of live) {
      const id = parseSstName(file.file_path.slice(file.file_path.lastIndexOf('/') + 1))
      // Files of an upgraded table have no row ids before its first snapshot of version 3.
      if (id === undefined || file.first_row_id === null) continue
      lineage.set(id, { firstRowId: file.first_row_id, sequenceNumber })
    }
  }
  return lineage
}

/**
 * The next row id and the last sequence number of a table that shows these files. Files may keep numbers that
 * another Iceberg table gave out, of the same rows: one that was moved away, or dropped by hand. What this one
 * gives out must lie above; once it has given out some, files that came earlier are accounted for.
 */
export function startingNumbers(
  metadata: TableMetadata | undefined,
  { wanted, added }: { readonly wanted: readonly WantedFile[]; readonly added: readonly WantedFile[] },
): { readonly nextRowId: number; readonly lastSequenceNumber: number } {
  let nextRowId = metadata?.['next-row-id'] ?? 0
  let lastSequenceNumber = metadata?.['last-sequence-number'] ?? 0
  for (const { sst } of nextRowId === 0 ? wanted : added) {
    const kept = lineageBounds(sst)
    nextRowId = Math.max(nextRowId, kept.rowId + 1)
    lastSequenceNumber = Math.max(lastSequenceNumber, kept.sequenceNumber)
  }
  return { nextRowId, lastSequenceNumber }
}

/**
 * Throws `INVALID` if a table elsewhere, in version 3, would name rows by ids that the in-place table gives them: of two
 * tables that number rows by themselves one id would come to be that of two rows, and a change be older than its snapshot.
 */
export async function requireOwnRowIds(
  fs: FileSystem,
  table: { readonly id: number; readonly name: string },
  elsewhere: { readonly metadata: TableMetadata | undefined; readonly added: readonly WantedFile[] },
): Promise<void> {
  const directory = tableDirectory(table.name)
  const { published } = await readMetadataDirectory({ fs, directory })
  const inPlace = published?.metadata
  if (inPlace?.['format-version'] === 3 && inPlace.properties[PROPERTY_TABLE_ID] === String(table.id)) {
    throw new MeruError(
      'INVALID',
      `table ${table.name} is published in format version 3 in its own directory, and its files keep row ids of that ` +
        `table; publish elsewhere with formatVersion 2, or copy ${fs.root}/${directory} and call rebaseIceberg() on the copy`,
    )
  }
  const foreign = elsewhere.added.find(({ sst }) => hasRowLineage(sst))
  if (foreign === undefined || (elsewhere.metadata?.['next-row-id'] ?? 0) === 0) return
  throw new MeruError(
    'INVALID',
    `table ${table.name}: data file ${foreign.sst.id} keeps row ids of an Iceberg table that was published in its own ` +
      'directory, and the table elsewhere has given out ids already; publish to an empty directory',
  )
}

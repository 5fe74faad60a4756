import type { ManifestEntry, ManifestRow } from '../src/manifest-entry.ts'
import { encodeManifest, manifestRow } from '../src/manifest-file.ts'
import { encodeManifestList } from '../src/manifest-list.ts'
import { TableFiles } from '../src/published-table.ts'
import { readPublished, replaceFile } from './sample-export.ts'
import type { SampleTable } from './sample-table.ts'

/** What is changed: the entries of each manifest, and the row that names it. */
export interface ManifestEdits {
  readonly entries?: (entries: readonly ManifestEntry[]) => readonly ManifestEntry[]
  readonly row?: (row: ManifestRow) => ManifestRow
}

const SYNC = new Uint8Array(16)

/**
 * Writes the manifests of one content of the newest snapshot again, changed, and the list that names them. The rows
 * count what the entries say, unless they are changed too.
 */
export async function rewriteManifests(
  table: SampleTable,
  { version, content }: { readonly version: number; readonly content: 0 | 1 },
  edits: ManifestEdits,
): Promise<void> {
  const { metadata, snapshot, rows } = await readPublished(table, version)
  const files = new TableFiles(table, metadata.location)
  const formatVersion = metadata['format-version']
  const rewrite = async (row: ManifestRow): Promise<ManifestRow> => {
    const before = await files.entries(row)
    const entries = edits.entries?.(before) ?? before
    const draft = { content, specId: row.partition_spec_id, entries }
    const writing = {
      formatVersion,
      snapshotId: row.added_snapshot_id,
      sequenceNumber: row.sequence_number,
      schema: metadata.schemas[0] as never,
      schemaId: 0,
      table: table.schema,
    }
    const bytes = encodeManifest(draft, writing, SYNC)
    await replaceFile(table.fs, files.pathOf(row.manifest_path) ?? '', bytes)
    const file = { uri: row.manifest_path, bytes: bytes.length }
    const counted = { ...manifestRow(draft, writing, file), first_row_id: row.first_row_id }
    return edits.row?.(counted) ?? counted
  }
  const newRows: ManifestRow[] = []
  for (const row of rows) newRows.push(row.content === content ? await rewrite(row) : row)
  const listing = {
    formatVersion,
    firstRowId: snapshot['first-row-id'] ?? 0,
    snapshotId: Number(snapshot['snapshot-id']),
    parentId: snapshot['parent-snapshot-id'],
    sequenceNumber: snapshot['sequence-number'],
  }
  const list = files.pathOf(snapshot['manifest-list']) ?? ''
  await replaceFile(table.fs, list, encodeManifestList(newRows, listing, SYNC))
}

/** Changes every entry. */
export function withEntry(change: Partial<ManifestEntry>): ManifestEdits {
  return { entries: (entries) => entries.map((entry) => ({ ...entry, ...change })) }
}

/** Changes what every entry says of its file. */
export function withFile(change: object): ManifestEdits {
  return {
    entries: (entries) =>
      entries.map((entry) => ({ ...entry, data_file: { ...entry.data_file, ...change } })),
  }
}

/** Changes what the list says of every manifest. */
export function withRow(change: Partial<ManifestRow>): ManifestEdits {
  return { row: (row) => ({ ...row, ...change }) }
}

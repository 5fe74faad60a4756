import {
  compileAvroSchema,
  decodeAvroFile,
  encodeAvroFile,
  oneOf,
  rewriteAvroFile,
  type AvroSchema,
} from './avro-file.ts'
import { manifestFileSchema } from './avro-schema.ts'
import { MANIFEST_DATA, type FormatVersion } from './format.ts'
import type { ManifestRow } from './manifest-entry.ts'
import type { SnapshotId } from './table-metadata.ts'

const SCHEMAS: Readonly<Record<FormatVersion, AvroSchema>> = {
  2: compileAvroSchema(manifestFileSchema(2)),
  3: compileAvroSchema(manifestFileSchema(3)),
}

const KNOWN = oneOf(Object.values(SCHEMAS))

/** The snapshot that a manifest list belongs to. */
export interface ListingSnapshot {
  readonly formatVersion: FormatVersion
  readonly snapshotId: number
  readonly parentId: SnapshotId | undefined
  readonly sequenceNumber: number
  /** The table's next row id before the snapshot. Version 3. */
  readonly firstRowId: number
}

export function encodeManifestList(
  rows: readonly ManifestRow[],
  snapshot: ListingSnapshot,
  sync: Uint8Array,
): Uint8Array {
  return encodeAvroFile({
    schema: SCHEMAS[snapshot.formatVersion],
    metadata: {
      'snapshot-id': String(snapshot.snapshotId),
      // The text `null` stands for "none": the Java implementation writes it, and readers expect it.
      'parent-snapshot-id': String(snapshot.parentId ?? null),
      'sequence-number': String(snapshot.sequenceNumber),
      'format-version': String(snapshot.formatVersion),
      ...(snapshot.formatVersion === 2 ? {} : { 'first-row-id': String(snapshot.firstRowId) }),
    },
    records: rows,
    sync,
  })
}

export function decodeManifestList(bytes: Uint8Array, file: string): readonly ManifestRow[] {
  const { records } = decodeAvroFile(bytes, KNOWN, file)
  return (records as readonly ManifestRow[]).map((row) => Object.assign({ first_row_id: null }, row))
}

/** A manifest list with other rows in the place of its own, all else as it was. */
export function rewriteManifestList(
  bytes: Uint8Array,
  file: string,
  rows: readonly ManifestRow[],
  sync: Uint8Array,
): Uint8Array {
  return rewriteAvroFile({ bytes, file, records: rows, sync }, KNOWN)
}

/**
 * Numbers the rows of data manifests that have no row ids yet, in list order from `firstRowId` on, as the
 * specification says: by their added and existing rows. `rowIds` is how many ids that took.
 */
export function assignRowIds(
  rows: readonly ManifestRow[],
  firstRowId: number,
): { readonly rows: readonly ManifestRow[]; readonly rowIds: number } {
  let next = firstRowId
  const numbered = rows.map((row) => {
    if (row.content !== MANIFEST_DATA || row.first_row_id !== null) return row
    const first = next
    next += row.added_rows_count + row.existing_rows_count
    return { ...row, first_row_id: first }
  })
  return { rows: numbered, rowIds: next - firstRowId }
}

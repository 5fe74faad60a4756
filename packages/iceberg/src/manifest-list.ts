import { compileAvroSchema, decodeAvroFile, encodeAvroFile, type AvroSchema } from './avro-file.ts'
import { MANIFEST_FILE } from './avro-schema.ts'
import { TABLE_FORMAT_VERSION } from './format.ts'
import type { ManifestRow } from './manifest-entry.ts'
import type { SnapshotId } from './table-metadata.ts'

const SCHEMA: AvroSchema = compileAvroSchema(MANIFEST_FILE)

/** The snapshot that a manifest list belongs to. */
export interface ListingSnapshot {
  readonly snapshotId: number
  readonly parentId: SnapshotId | undefined
  readonly sequenceNumber: number
}

export function encodeManifestList(
  rows: readonly ManifestRow[],
  snapshot: ListingSnapshot,
  sync: Uint8Array,
): Uint8Array {
  return encodeAvroFile({
    schema: SCHEMA,
    metadata: {
      'snapshot-id': String(snapshot.snapshotId),
      // The text `null` stands for "none": the Java implementation writes it, and readers expect it.
      'parent-snapshot-id': String(snapshot.parentId ?? null),
      'sequence-number': String(snapshot.sequenceNumber),
      'format-version': String(TABLE_FORMAT_VERSION),
    },
    records: rows,
    sync,
  })
}

export function decodeManifestList(bytes: Uint8Array, file: string): readonly ManifestRow[] {
  return decodeAvroFile(bytes, SCHEMA, file).records as readonly ManifestRow[]
}

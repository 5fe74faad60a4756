import type { TableSchema } from '@meru/core'
import {
  compileAvroSchema,
  decodeAvroFile,
  encodeAvroFile,
  rewriteAvroFile,
  type AvroSchema,
} from './avro-file.ts'
import { manifestEntrySchema } from './avro-schema.ts'
import {
  MANIFEST_DATA,
  FORMAT_VERSIONS,
  STATUS_ADDED,
  STATUS_DELETED,
  STATUS_EXISTING,
  type FormatVersion,
  type ManifestContent,
} from './format.ts'
import { formatJson, isArray, isObject, parseJson, type JsonObject } from './json.ts'
import type { ManifestEntry, ManifestRow } from './manifest-entry.ts'
import { avroPartitionFields, partitionSummaries, specFields } from './partition.ts'

/** Compiled schemas by their texts: one for each format version, and for each set of partition fields. */
const schemas = new Map<string, AvroSchema>()
const SCHEMAS_MAX = 64

function compiled(version: FormatVersion, partition: readonly JsonObject[]): AvroSchema {
  const json = manifestEntrySchema(version, partition)
  const known = schemas.get(formatJson(json))
  if (known !== undefined) return known
  const schema = compileAvroSchema(json)
  if (schemas.size >= SCHEMAS_MAX) schemas.clear()
  schemas.set(schema.text, schema)
  return schema
}

/** The schema of a manifest, which differs from others in the fields of its partition alone. */
function schemaOf(text: string): AvroSchema | undefined {
  const known = schemas.get(text)
  if (known !== undefined) return known
  const partition = partitionFieldsIn(text)
  if (partition === undefined) return undefined
  return FORMAT_VERSIONS.map((version) => compiled(version, partition)).find((schema) => schema.text === text)
}

function partitionFieldsIn(text: string): readonly JsonObject[] | undefined {
  const [, json] = /"name":"r102","fields":(\[.*?\])\},"field-id":102\}/.exec(text) ?? []
  if (json === undefined) return undefined
  try {
    const fields = parseJson(json)
    return isArray(fields) && fields.every(isObject) ? fields : undefined
  } catch {
    return undefined
  }
}

const NOT_IN_VERSION_2 = { first_row_id: null, content_offset: null, content_size_in_bytes: null }

/** Entries of one content for one manifest, not yet written. */
export interface ManifestDraft {
  readonly content: ManifestContent
  /** Of all its files. */
  readonly specId: number
  readonly entries: readonly ManifestEntry[]
}

/** The snapshot that writes a manifest. */
export interface WritingSnapshot {
  readonly formatVersion: FormatVersion
  readonly snapshotId: number
  readonly sequenceNumber: number
  /** The schema of the table at this moment, as the metadata has it; readers decode bounds with it. */
  readonly schema: JsonObject
  readonly schemaId: number
  /** The same, as the engine has it; says how the table is partitioned. */
  readonly table: TableSchema
}

/** The bytes of a manifest. Nothing in them depends on the sequence number. */
export function encodeManifest(draft: ManifestDraft, writing: WritingSnapshot, sync: Uint8Array): Uint8Array {
  return encodeAvroFile({
    schema: compiled(writing.formatVersion, avroPartitionFields(writing.table, draft.specId)),
    metadata: {
      schema: formatJson(writing.schema),
      'schema-id': String(writing.schemaId),
      'partition-spec': formatJson(specFields(writing.table, draft.specId)),
      'partition-spec-id': String(draft.specId),
      'format-version': String(writing.formatVersion),
      content: draft.content === MANIFEST_DATA ? 'data' : 'deletes',
    },
    records: draft.entries,
    sync,
  })
}

export function decodeManifest(bytes: Uint8Array, file: string): readonly ManifestEntry[] {
  const { records } = decodeAvroFile(bytes, schemaOf, file)
  return (records as readonly ManifestEntry[]).map((entry) => ({
    ...entry,
    data_file: { ...NOT_IN_VERSION_2, ...entry.data_file },
  }))
}

/** A manifest with other entries in the place of its own, in the same order, all else as it was. */
export function rewriteManifest(
  bytes: Uint8Array,
  file: string,
  entries: readonly ManifestEntry[],
  sync: Uint8Array,
): Uint8Array {
  return rewriteAvroFile({ bytes, file, records: entries, sync }, schemaOf)
}

/** The row of a new manifest in the list of the snapshot that writes it. */
export function manifestRow(
  draft: ManifestDraft,
  writing: WritingSnapshot,
  file: { readonly uri: string; readonly bytes: number },
): ManifestRow {
  const added = count(draft.entries, STATUS_ADDED)
  const existing = count(draft.entries, STATUS_EXISTING)
  const deleted = count(draft.entries, STATUS_DELETED)
  return {
    manifest_path: file.uri,
    manifest_length: file.bytes,
    partition_spec_id: draft.specId,
    content: draft.content,
    sequence_number: writing.sequenceNumber,
    min_sequence_number: minSequenceNumber(draft.entries, writing.sequenceNumber),
    added_snapshot_id: writing.snapshotId,
    added_files_count: added.files,
    existing_files_count: existing.files,
    deleted_files_count: deleted.files,
    added_rows_count: added.rows,
    existing_rows_count: existing.rows,
    deleted_rows_count: deleted.rows,
    partitions: partitionSummaries(
      draft.entries.map((entry) => entry.data_file),
      writing.table,
      draft.specId,
    ),
    key_metadata: null,
    first_row_id: null,
  }
}

function count(entries: readonly ManifestEntry[], status: number): { files: number; rows: number } {
  let files = 0
  let rows = 0
  for (const entry of entries) {
    if (entry.status !== status) continue
    files++
    rows += entry.data_file.record_count
  }
  return { files, rows }
}

/** The smallest of the live entries; that of the snapshot where none is live. */
function minSequenceNumber(entries: readonly ManifestEntry[], own: number): number {
  let min = own
  for (const entry of entries) {
    if (entry.status !== STATUS_DELETED) min = Math.min(min, entry.sequence_number ?? own)
  }
  return min
}

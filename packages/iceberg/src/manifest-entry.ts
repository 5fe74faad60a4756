import {
  MANIFEST_DATA,
  STATUS_ADDED,
  STATUS_DELETED,
  STATUS_EXISTING,
  type ManifestContent,
} from './format.ts'

/** A map by field id, as Avro holds it. */
export type ById<T> = readonly { readonly key: number; readonly value: T }[]

/** The partition of a file by the names of its fields; empty if it is in none. A date is days, a moment microseconds. */
export type PartitionTuple = Readonly<Record<string, boolean | number | string | null>>

/** What the files of a manifest have of one partition field. */
export interface PartitionSummary {
  readonly contains_null: boolean
  readonly contains_nan: boolean | null
  readonly lower_bound: Uint8Array | null
  readonly upper_bound: Uint8Array | null
}

/** A data file or a delete file, with Iceberg's own names. */
export interface ContentFile {
  readonly content: number
  /** URI, spelled the same everywhere: readers compare text. */
  readonly file_path: string
  readonly file_format: string
  readonly partition: PartitionTuple
  readonly record_count: number
  readonly file_size_in_bytes: number
  readonly column_sizes: ById<number> | null
  readonly value_counts: ById<number> | null
  readonly null_value_counts: ById<number> | null
  readonly nan_value_counts: ById<number> | null
  readonly lower_bounds: ById<Uint8Array> | null
  readonly upper_bounds: ById<Uint8Array> | null
  readonly key_metadata: Uint8Array | null
  readonly split_offsets: readonly number[] | null
  readonly equality_ids: readonly number[] | null
  readonly sort_order_id: number | null
  readonly referenced_data_file: string | null
  /** Row id of the first row. `null` in an added entry: it follows from that of the manifest. Version 3. */
  readonly first_row_id: number | null
  /** Where in a Puffin file a deletion vector lies. Version 3. */
  readonly content_offset: number | null
  readonly content_size_in_bytes: number | null
}

/** What tells one content file from another: deletion vectors share the path of their Puffin file. */
export function fileKey({ file_path: path, content_offset: offset }: ContentFile): string {
  return offset === null ? path : `${path} ${offset}`
}

/** What one manifest says of one file. */
export interface ManifestEntry {
  readonly status: number
  /** The snapshot that added the file, or removed it. `null` in an added entry: that of the manifest. */
  readonly snapshot_id: number | null
  /** Orders data against deletes. `null` in an added entry: that of the manifest. */
  readonly sequence_number: number | null
  readonly file_sequence_number: number | null
  readonly data_file: ContentFile
}

/** An entry of a file that is live in a snapshot, nothing left to inherit. */
export interface LiveEntry extends ManifestEntry {
  readonly snapshot_id: number
  readonly sequence_number: number
  readonly file_sequence_number: number
}

/** A row of a manifest list. It stays as it is for as long as snapshots carry the manifest on. */
export interface ManifestRow {
  readonly manifest_path: string
  readonly manifest_length: number
  readonly partition_spec_id: number
  readonly content: ManifestContent
  readonly sequence_number: number
  readonly min_sequence_number: number
  readonly added_snapshot_id: number
  readonly added_files_count: number
  readonly existing_files_count: number
  readonly deleted_files_count: number
  readonly added_rows_count: number
  readonly existing_rows_count: number
  readonly deleted_rows_count: number
  readonly partitions: readonly PartitionSummary[]
  readonly key_metadata: Uint8Array | null
  /** Row id from which files of a data manifest without one of their own are numbered. Version 3. */
  readonly first_row_id: number | null
}

/** A manifest that a snapshot names, and what is live in it. */
export interface LoadedManifest {
  readonly row: ManifestRow
  readonly live: readonly LiveEntry[]
}

/** The entry of a file that comes in with the manifest that holds it. */
export function addedEntry(file: ContentFile): ManifestEntry {
  return {
    status: STATUS_ADDED,
    snapshot_id: null,
    sequence_number: null,
    file_sequence_number: null,
    data_file: file,
  }
}

/** The entry of a file that leaves with the snapshot. */
export function deletedEntry(entry: LiveEntry, snapshotId: number): LiveEntry {
  return { ...entry, status: STATUS_DELETED, snapshot_id: snapshotId }
}

/** The live entries among these, with what they inherit from their manifest. */
export function liveEntries(entries: readonly ManifestEntry[], row: ManifestRow): LiveEntry[] {
  let nextRowId = row.content === MANIFEST_DATA ? row.first_row_id : null
  const numbered = (file: ContentFile): ContentFile => {
    if (nextRowId === null || file.first_row_id !== null) return file
    const first = nextRowId
    nextRowId += file.record_count
    return { ...file, first_row_id: first }
  }
  return entries
    .filter((entry) => entry.status !== STATUS_DELETED)
    .map((entry) => ({
      status: STATUS_EXISTING,
      snapshot_id: entry.snapshot_id ?? row.added_snapshot_id,
      sequence_number: entry.sequence_number ?? row.sequence_number,
      file_sequence_number: entry.file_sequence_number ?? row.sequence_number,
      data_file: numbered(entry.data_file),
    }))
}

import { compareKeys } from '@meru/core'
import { DELETE_FILE_PATH_ID, DELETE_POSITION_ID, type DeadRows } from '@meru/sst'
import { avroBytes } from './avro-file.ts'
import { FILE_POSITION_DELETES, FORMAT_PARQUET, FORMAT_PUFFIN } from './format.ts'
import type { ContentFile, PartitionTuple } from './manifest-entry.ts'

/** A delete file as a manifest entry names it. */
interface DeleteFilePlace {
  readonly uri: string
  readonly bytes: number
  /** That of the data files that it is about. */
  readonly partition: PartitionTuple
}

/** The manifest entry of a position delete file. */
export function positionDeleteFile(
  { uri, bytes, partition }: DeleteFilePlace,
  dead: readonly DeadRows[],
): ContentFile {
  // Whole and equal bounds of the path are how readers see that the file is about one data file.
  const encoder = new TextEncoder()
  const paths = dead.map((rows) => encoder.encode(rows.referencedDataFile)).sort(compareKeys)
  const bound = (path: Uint8Array): { key: number; value: Uint8Array }[] => [
    { key: DELETE_FILE_PATH_ID, value: avroBytes(path) },
  ]
  const counts = (value: number): { key: number; value: number }[] => [
    { key: DELETE_POSITION_ID, value },
    { key: DELETE_FILE_PATH_ID, value },
  ]
  const rows = dead.reduce((sum, { positions }) => sum + positions.length, 0)
  return {
    ...NO_METRICS,
    content: FILE_POSITION_DELETES,
    partition,
    file_path: uri,
    file_format: FORMAT_PARQUET,
    record_count: rows,
    file_size_in_bytes: bytes,
    value_counts: counts(rows),
    null_value_counts: counts(0),
    lower_bounds: bound(paths[0]),
    upper_bounds: bound(paths[paths.length - 1]),
    referenced_data_file: dead.length === 1 ? dead[0].referencedDataFile : null,
  }
}

/** The manifest entry of one deletion vector in a Puffin file. */
export function deletionVector(
  { uri, bytes, partition }: DeleteFilePlace,
  target: { readonly uri: string; readonly rows: number },
  place: { readonly offset: number; readonly length: number },
): ContentFile {
  return {
    ...NO_METRICS,
    content: FILE_POSITION_DELETES,
    partition,
    file_path: uri,
    file_format: FORMAT_PUFFIN,
    record_count: target.rows,
    file_size_in_bytes: bytes,
    referenced_data_file: target.uri,
    content_offset: place.offset,
    content_size_in_bytes: place.length,
  }
}

const NO_METRICS = {
  column_sizes: null,
  value_counts: null,
  null_value_counts: null,
  nan_value_counts: null,
  lower_bounds: null,
  upper_bounds: null,
  key_metadata: null,
  split_offsets: null,
  equality_ids: null,
  sort_order_id: null,
  first_row_id: null,
  content_offset: null,
  content_size_in_bytes: null,
} as const

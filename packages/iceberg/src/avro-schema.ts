import type { FormatVersion } from './format.ts'
import type { JsonObject } from './json.ts'

// Names and order are those of the Java implementation: some readers go by field id, others by name.

function required(name: string, type: string | JsonObject, id: number): JsonObject {
  return { name, type, 'field-id': id }
}

function optional(name: string, type: string | JsonObject, id: number): JsonObject {
  return { name, type: ['null', type], default: null, 'field-id': id }
}

function list(items: string | JsonObject, id: number): JsonObject {
  return { type: 'array', items, 'element-id': id }
}

/** Avro's maps have string keys, so a map by field id is a list of pairs. */
function mapById(keyId: number, valueId: number, value: string): JsonObject {
  const fields = [required('key', 'int', keyId), required('value', value, valueId)]
  const items = { type: 'record', name: `k${keyId}_v${valueId}`, fields }
  return { type: 'array', logicalType: 'map', items }
}

function record(name: string, fields: readonly JsonObject[]): JsonObject {
  return { type: 'record', name, fields }
}

const BEFORE_PARTITION: readonly JsonObject[] = [
  required('content', 'int', 134),
  required('file_path', 'string', 100),
  required('file_format', 'string', 101),
]

const AFTER_PARTITION: readonly JsonObject[] = [
  required('record_count', 'long', 103),
  required('file_size_in_bytes', 'long', 104),
  optional('column_sizes', mapById(117, 118, 'long'), 108),
  optional('value_counts', mapById(119, 120, 'long'), 109),
  optional('null_value_counts', mapById(121, 122, 'long'), 110),
  optional('nan_value_counts', mapById(138, 139, 'long'), 137),
  optional('lower_bounds', mapById(126, 127, 'bytes'), 125),
  optional('upper_bounds', mapById(129, 130, 'bytes'), 128),
  optional('key_metadata', 'bytes', 131),
  optional('split_offsets', list('long', 133), 132),
  optional('equality_ids', list('int', 136), 135),
  optional('sort_order_id', 'int', 140),
]

function dataFileOf(version: FormatVersion, partition: readonly JsonObject[]): JsonObject {
  const common = [
    ...BEFORE_PARTITION,
    required('partition', record('r102', partition), 102),
    ...AFTER_PARTITION,
  ]
  const target = optional('referenced_data_file', 'string', 143)
  if (version === 2) return record('r2', [...common, target])
  return record('r2', [
    ...common,
    optional('first_row_id', 'long', 142),
    target,
    optional('content_offset', 'long', 144),
    optional('content_size_in_bytes', 'long', 145),
  ])
}

/** One entry of a manifest: a data file or a delete file; with the fields of its partition. */
export function manifestEntrySchema(
  version: FormatVersion,
  partition: readonly JsonObject[] = [],
): JsonObject {
  return record('manifest_entry', [
    required('status', 'int', 0),
    optional('snapshot_id', 'long', 1),
    optional('sequence_number', 'long', 3),
    optional('file_sequence_number', 'long', 4),
    required('data_file', dataFileOf(version, partition), 2),
  ])
}

const PARTITION_SUMMARY = record('r508', [
  required('contains_null', 'boolean', 509),
  optional('contains_nan', 'boolean', 518),
  optional('lower_bound', 'bytes', 510),
  optional('upper_bound', 'bytes', 511),
])

/** One row of a manifest list: a manifest. */
export function manifestFileSchema(version: FormatVersion): JsonObject {
  return record('manifest_file', [
    required('manifest_path', 'string', 500),
    required('manifest_length', 'long', 501),
    required('partition_spec_id', 'int', 502),
    required('content', 'int', 517),
    required('sequence_number', 'long', 515),
    required('min_sequence_number', 'long', 516),
    required('added_snapshot_id', 'long', 503),
    required('added_files_count', 'int', 504),
    required('existing_files_count', 'int', 505),
    required('deleted_files_count', 'int', 506),
    required('added_rows_count', 'long', 512),
    required('existing_rows_count', 'long', 513),
    required('deleted_rows_count', 'long', 514),
    optional('partitions', list(PARTITION_SUMMARY, 508), 507),
    optional('key_metadata', 'bytes', 519),
    ...(version === 2 ? [] : [optional('first_row_id', 'long', 520)]),
  ])
}

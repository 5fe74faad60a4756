import { parquetWriteBuffer } from 'hyparquet-writer'
import { avroBytes } from './avro-file.ts'
import { DELETE_FILE_PATH_ID, DELETE_POSITION_ID, FILE_POSITION_DELETES } from './format.ts'
import type { ContentFile } from './manifest-entry.ts'

const ROW_GROUP_ROWS = 1 << 20

/** Row positions of an SST. */
export interface RowPositions {
  readonly cardinality: number
  /** Calls back with every position, ascending. */
  forEach(visit: (position: number) => void): void
}

type SchemaElements = NonNullable<Parameters<typeof parquetWriteBuffer>[0]['schema']>

const SCHEMA: SchemaElements = [
  { name: 'table', num_children: 2 },
  {
    name: 'file_path',
    type: 'BYTE_ARRAY',
    repetition_type: 'REQUIRED',
    converted_type: 'UTF8',
    logical_type: { type: 'STRING' },
    field_id: DELETE_FILE_PATH_ID,
  },
  { name: 'pos', type: 'INT64', repetition_type: 'REQUIRED', field_id: DELETE_POSITION_ID },
]

/** A Parquet file that names dead rows of one data file, ascending. There must be at least one. */
export function encodePositionDeletes(dataFileUri: string, dead: RowPositions): Uint8Array {
  const positions = new BigInt64Array(dead.cardinality)
  let count = 0
  dead.forEach((position) => {
    positions[count++] = BigInt(position)
  })
  const paths = Array.from({ length: count }, () => dataFileUri)
  const file = parquetWriteBuffer({
    schema: SCHEMA,
    columnData: [
      { name: 'file_path', data: paths },
      { name: 'pos', data: positions, encoding: 'PLAIN' },
    ],
    rowGroupSize: ROW_GROUP_ROWS,
    statisticsTruncateLength: Infinity,
    createdBy: 'meru version 1',
  })
  return new Uint8Array(file)
}

/** The manifest entry of a position delete file that is about one data file. */
export function positionDeleteFile(
  uri: string,
  bytes: number,
  dataFileUri: string,
  rows: number,
): ContentFile {
  // Whole and equal bounds of the path are how readers see that the file is about one data file.
  const path = [{ key: DELETE_FILE_PATH_ID, value: avroBytes(new TextEncoder().encode(dataFileUri)) }]
  const counts = (value: number): { key: number; value: number }[] => [
    { key: DELETE_POSITION_ID, value },
    { key: DELETE_FILE_PATH_ID, value },
  ]
  return {
    content: FILE_POSITION_DELETES,
    file_path: uri,
    file_format: 'PARQUET',
    partition: {},
    record_count: rows,
    file_size_in_bytes: bytes,
    column_sizes: null,
    value_counts: counts(rows),
    null_value_counts: counts(0),
    nan_value_counts: null,
    lower_bounds: path,
    upper_bounds: path,
    key_metadata: null,
    split_offsets: null,
    equality_ids: null,
    sort_order_id: null,
    referenced_data_file: dataFileUri,
  }
}

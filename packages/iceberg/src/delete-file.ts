import { parquetReadObjects } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import type { DeadPositions } from '@meru/sst'
import { avroBytes } from './avro-file.ts'
import {
  DELETE_FILE_PATH_ID,
  DELETE_POSITION_ID,
  FILE_POSITION_DELETES,
  FORMAT_PARQUET,
  FORMAT_PUFFIN,
} from './format.ts'
import type { ContentFile, PartitionTuple } from './manifest-entry.ts'

const ROW_GROUP_ROWS = 1 << 20

/** Rows of one data file that are dead: ascending positions, at least one. */
export interface DeadRows {
  /** URI of the data file. */
  readonly uri: string
  readonly positions: BigInt64Array
}

/** Positions of `dead` that are not `covered`. */
export function positionsBeyond(dead: DeadPositions, covered: DeadPositions | undefined): BigInt64Array {
  const positions = new BigInt64Array(dead.cardinality - (covered?.cardinality ?? 0))
  let count = 0
  dead.forEach((position) => {
    if (covered?.has(position) !== true) positions[count++] = BigInt(position)
  })
  return positions
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

/** A Parquet file that names dead rows, by data file and position. */
export function encodePositionDeletes(dead: readonly DeadRows[]): Uint8Array {
  const sorted = dead.toSorted((a, b) => (a.uri < b.uri ? -1 : 1))
  const rows = rowsOf(sorted)
  const positions = new BigInt64Array(rows)
  const paths: string[] = []
  for (const { uri, positions: own } of sorted) {
    positions.set(own, paths.length)
    for (let i = 0; i < own.length; i++) paths.push(uri)
  }
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

/** The inverse of `encodePositionDeletes`. */
export async function decodePositionDeletes(bytes: Uint8Array): Promise<DeadRows[]> {
  const rows = await parquetReadObjects({ file: bytes.slice().buffer })
  const byFile = new Map<string, bigint[]>()
  for (const row of rows) {
    const uri = String(row['file_path'])
    const known = byFile.get(uri)
    if (known === undefined) byFile.set(uri, [BigInt(row['pos'] as bigint)])
    else known.push(BigInt(row['pos'] as bigint))
  }
  return [...byFile].map(([uri, positions]) => ({ uri, positions: BigInt64Array.from(positions) }))
}

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
  const targets = dead.map((rows) => rows.uri).sort()
  const bound = (target: string): { key: number; value: Uint8Array }[] => [
    { key: DELETE_FILE_PATH_ID, value: avroBytes(new TextEncoder().encode(target)) },
  ]
  const counts = (value: number): { key: number; value: number }[] => [
    { key: DELETE_POSITION_ID, value },
    { key: DELETE_FILE_PATH_ID, value },
  ]
  const rows = rowsOf(dead)
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
    lower_bounds: bound(targets[0]),
    upper_bounds: bound(targets[targets.length - 1]),
    referenced_data_file: targets.length === 1 ? targets[0] : null,
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

function rowsOf(dead: readonly DeadRows[]): number {
  return dead.reduce((rows, { positions }) => rows + positions.length, 0)
}

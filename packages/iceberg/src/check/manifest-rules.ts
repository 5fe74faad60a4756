import type { AvroRecord, AvroValue, DecodedFile } from './avro-decode.ts'
import { versionOf } from './avro-rules.ts'
import { checkUri } from './metadata-rules.ts'
import { valueText, type Report } from './report.ts'

/** A file that is live in a snapshot, nothing left to inherit. */
export interface LiveFile {
  readonly path: string
  readonly content: number
  readonly records: bigint
  readonly bytes: bigint
  /** Those of the deletion vector where the file holds several. */
  readonly contentBytes: bigint
  readonly sequence: bigint
  /** The data file that a delete file is about; `undefined` if it is about several. */
  readonly target: string | undefined
  readonly isVector: boolean
  /** Row id of its first row; `undefined` before format version 3. */
  readonly firstRowId: bigint | undefined
  readonly record: AvroRecord
  /** Of the partition spec. */
  readonly specId: number
  /** Path of the manifest. */
  readonly manifest: string
}

export interface ManifestContents {
  readonly live: readonly LiveFile[]
  /** Files that the manifest says have left, and by which snapshot. */
  readonly deleted: readonly { readonly path: string; readonly snapshot: string }[]
}

const STATUSES = ['existing', 'added', 'deleted'] as const
const DELETE_PATH_ID = 2147483546

/** The rules for a manifest, given its row in a manifest list. */
export function checkManifest(
  decoded: DecodedFile,
  row: AvroRecord,
  file: string,
  report: Report,
): ManifestContents {
  checkHeader(decoded, row, file, report)
  const live: LiveFile[] = []
  const deleted: { path: string; snapshot: string }[] = []
  const files = [0n, 0n, 0n]
  const rows = [0n, 0n, 0n]
  let minSequence: bigint | undefined
  let nextRowId = longOf(row['first_row_id'])
  for (const entry of decoded.records) {
    const record = entry['data_file'] as AvroRecord
    const path = valueText(record['file_path'])
    const status = Number(entry['status'])
    if (!report.require(status in STATUSES, 'entry', file, `${path}: status ${status}`)) continue
    files[status]++
    rows[status] += BigInt(numberOf(record['record_count']))
    checkEntry(entry, record, { row, file, version: versionOf(decoded) }, report)
    if (status === 2) {
      deleted.push({ path, snapshot: valueText(entry['snapshot_id']) })
      continue
    }
    const sequence = BigInt(numberOf(entry['sequence_number'] ?? row['sequence_number']))
    minSequence = minSequence === undefined || sequence < minSequence ? sequence : minSequence
    const inherited = record['content'] === 0 && longOf(record['first_row_id']) === undefined
    const firstRowId = inherited ? nextRowId : longOf(record['first_row_id'])
    if (inherited && nextRowId !== undefined) nextRowId += BigInt(numberOf(record['record_count']))
    live.push({
      path,
      content: Number(record['content']),
      records: BigInt(numberOf(record['record_count'])),
      bytes: BigInt(numberOf(record['file_size_in_bytes'])),
      contentBytes: BigInt(numberOf(record['content_size_in_bytes'] ?? record['file_size_in_bytes'])),
      sequence,
      target: record['referenced_data_file'] === null ? undefined : valueText(record['referenced_data_file']),
      isVector: record['file_format'] === 'PUFFIN',
      firstRowId,
      record,
      specId: Number(row['partition_spec_id']),
      manifest: file,
    })
  }
  STATUSES.forEach((status, i) => {
    report.equal(row[`${status}_files_count`], files[i], 'manifest', file, `${status}_files_count`)
    report.equal(row[`${status}_rows_count`], rows[i], 'manifest', file, `${status}_rows_count`)
  })
  const min = minSequence ?? row['sequence_number']
  report.equal(row['min_sequence_number'], min, 'manifest', file, 'min_sequence_number')
  return { live, deleted }
}

function checkHeader({ metadata }: DecodedFile, row: AvroRecord, file: string, report: Report): void {
  for (const key of [
    'schema',
    'schema-id',
    'partition-spec',
    'partition-spec-id',
    'format-version',
    'content',
  ]) {
    report.require(metadata.has(key), 'manifest', file, `the header lacks ${key}`)
  }
  report.equal(
    metadata.get('partition-spec-id'),
    row['partition_spec_id'],
    'manifest',
    file,
    'partition-spec-id',
  )
  const version = metadata.get('format-version') ?? ''
  report.require(version === '2' || version === '3', 'manifest', file, `format-version is ${version}`)
  const content = Number(row['content']) === 0 ? 'data' : 'deletes'
  report.equal(metadata.get('content'), content, 'manifest', file, 'content')
  const schema = JSON.parse(metadata.get('schema') ?? '{}') as Record<string, unknown>
  report.equal(schema['schema-id'], metadata.get('schema-id'), 'manifest', file, 'the id of the schema')
}

function checkEntry(
  entry: AvroRecord,
  record: AvroRecord,
  place: { readonly row: AvroRecord; readonly file: string; readonly version: number },
  report: Report,
): void {
  const { row, file, version } = place
  const path = valueText(record['file_path'])
  const fail = (problem: string): void => report.add('entry', file, `${path}: ${problem}`)
  checkUri(path, 'file_path', file, report)
  const isAdded = entry['status'] === 1
  for (const name of ['snapshot_id', 'sequence_number', 'file_sequence_number']) {
    if (!isAdded && entry[name] === null) fail(`${name} must be explicit unless the file is added`)
  }
  if (isAdded) {
    const { snapshot_id: snapshot, sequence_number: sequence } = entry
    if (snapshot !== null && snapshot !== row['added_snapshot_id']) fail('added by another snapshot')
    if (sequence !== null && sequence !== row['sequence_number']) fail('added with another sequence number')
  }
  if (entry['status'] === 2 && entry['snapshot_id'] !== row['added_snapshot_id']) {
    fail('removed by another snapshot than the one that wrote the manifest')
  }
  const isDelete = Number(row['content']) === 1
  if (Number(record['content']) !== (isDelete ? 1 : 0)) fail(`content ${valueText(record['content'])}`)
  const isVector = version >= 3 && isDelete && record['file_format'] === 'PUFFIN'
  if (record['file_format'] !== 'PARQUET' && !isVector)
    fail(`file_format ${valueText(record['file_format'])}`)
  if (version >= 3 && isDelete && isAdded && !isVector) fail('version 3 takes new deletion vectors only')
  if (!(numberOf(record['record_count']) > 0)) fail('no rows')
  if (!(numberOf(record['file_size_in_bytes']) > 0)) fail('no bytes')
  for (const name of ['key_metadata', 'equality_ids']) {
    if (record[name] !== null) fail(`${name} is not null`)
  }
  if (isVector) checkVectorEntry(record, fail)
  else if (isDelete) checkDeleteEntry(record, fail)
  else checkDataEntry(record, fail)
}

function checkDataEntry(record: AvroRecord, fail: (problem: string) => void): void {
  if (record['referenced_data_file'] !== null) fail('a data file with referenced_data_file')
  if (record['sort_order_id'] === null) fail('sort_order_id is missing')
  for (const name of ['column_sizes', 'value_counts', 'null_value_counts', 'lower_bounds', 'upper_bounds']) {
    if (record[name] === null) fail(`${name} is missing`)
  }
  const offsets = valuesOf(record['split_offsets']).map(Number)
  if (offsets.length === 0) fail('split_offsets is missing or empty')
  if (offsets.some((offset, i) => i > 0 && offset <= offsets[i - 1])) fail('split_offsets are not ascending')
}

function checkDeleteEntry(record: AvroRecord, fail: (problem: string) => void): void {
  const target = record['referenced_data_file']
  if (record['sort_order_id'] !== null) fail('a position delete file with sort_order_id')
  for (const name of ['lower_bounds', 'upper_bounds']) {
    const bound = mapOf(record[name]).get(DELETE_PATH_ID)
    const text = bound instanceof Uint8Array ? new TextDecoder().decode(bound) : 'missing'
    if (target !== null && text !== target)
      fail(`${name} of file_path is ${text}, not the whole path of its data file`)
  }
}

function checkVectorEntry(record: AvroRecord, fail: (problem: string) => void): void {
  for (const name of ['referenced_data_file', 'content_offset', 'content_size_in_bytes']) {
    if (record[name] === null) fail(`a deletion vector without ${name}`)
  }
  for (const name of ['sort_order_id', 'split_offsets', 'first_row_id']) {
    if (record[name] !== null) fail(`a deletion vector with ${name}`)
  }
}

/** A map by field id. */
export function mapOf(value: AvroValue | undefined): Map<number, AvroValue> {
  return new Map(
    valuesOf(value).map((pair) => [Number((pair as AvroRecord)['key']), (pair as AvroRecord)['value']]),
  )
}

function valuesOf(value: AvroValue | undefined): AvroValue[] {
  return Array.isArray(value) ? value : []
}

function longOf(value: AvroValue | undefined): bigint | undefined {
  return typeof value === 'bigint' ? value : undefined
}

function numberOf(value: AvroValue | undefined): number {
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : -1
}

import { fieldsOf, type AvroField, type AvroSchema, type DecodedFile } from './avro-decode.ts'
import type { Report } from './report.ts'

/** One line for each field: id, name, type; `?` marks an optional one. Order matters. */
const MANIFEST_LIST_FIELDS = `
500 manifest_path string
501 manifest_length long
502 partition_spec_id int
517 content int
515 sequence_number long
516 min_sequence_number long
503 added_snapshot_id long
504 added_files_count int
505 existing_files_count int
506 deleted_files_count int
512 added_rows_count long
513 existing_rows_count long
514 deleted_rows_count long
507 partitions? array<508:record r508>
519 key_metadata? bytes`

const MANIFEST_FIELDS = `
0 status int
1 snapshot_id? long
3 sequence_number? long
4 file_sequence_number? long
2 data_file record r2`

const DATA_FILE_FIELDS = `
134 content int
100 file_path string
101 file_format string
102 partition record r102
103 record_count long
104 file_size_in_bytes long
108 column_sizes? map<117:int,118:long>
109 value_counts? map<119:int,120:long>
110 null_value_counts? map<121:int,122:long>
137 nan_value_counts? map<138:int,139:long>
125 lower_bounds? map<126:int,127:bytes>
128 upper_bounds? map<129:int,130:bytes>
131 key_metadata? bytes
132 split_offsets? array<133:long>
135 equality_ids? array<136:int>
140 sort_order_id? int
143 referenced_data_file? string`

const DATA_FILE_FIELDS_3 = DATA_FILE_FIELDS.replace(
  '143 referenced_data_file? string',
  `142 first_row_id? long
143 referenced_data_file? string
144 content_offset? long
145 content_size_in_bytes? long`,
)

/** The format version that the header of a file names; 2 if it names none. */
export function versionOf(file: DecodedFile): number {
  return Number(file.metadata.get('format-version') ?? 2)
}

export function checkManifestListSchema(file: DecodedFile, path: string, report: Report): void {
  const rowId = versionOf(file) >= 3 ? '\n520 first_row_id? long' : ''
  checkRecord(file.schema, 'manifest_file', MANIFEST_LIST_FIELDS + rowId, path, report)
}

export function checkManifestSchema(file: DecodedFile, path: string, report: Report): void {
  checkRecord(file.schema, 'manifest_entry', MANIFEST_FIELDS, path, report)
  const dataFile = fieldsOf(file.schema).find((field) => field.name === 'data_file')
  const fields = versionOf(file) >= 3 ? DATA_FILE_FIELDS_3 : DATA_FILE_FIELDS
  if (dataFile) checkRecord(dataFile.type, 'r2', fields, path, report)
}

/** Names, ids, types and order; optional fields are unions with null first and null as default. */
function checkRecord(schema: AvroSchema, name: string, expected: string, path: string, report: Report): void {
  const actualName = typeof schema === 'object' && !Array.isArray(schema) ? schema['name'] : undefined
  report.equal(actualName, name, 'avro', path, 'the name of the record')
  const wanted = expected.trim().split('\n')
  const found = fieldsOf(schema).map(describe)
  wanted.forEach((line, i) => report.equal(found[i], line, 'avro', path, `field ${i + 1} of ${name}`))
  for (const line of found.slice(wanted.length)) {
    report.add('avro', path, `field ${line} of ${name} is not in the specification`)
  }
}

function describe(field: AvroField): string {
  const { type } = field
  const isUnion = Array.isArray(type)
  const isOptional = isUnion && type[0] === 'null' && type.length === 2 && field['default'] === null
  if (isUnion && !isOptional)
    return `${idOf(field)} ${field.name} union that is not ["null", T] with default null`
  const inner = isUnion ? type[1] : type
  return `${idOf(field)} ${field.name}${isOptional ? '?' : ''} ${describeType(inner)}`
}

function idOf(field: AvroField): string {
  return String(field['field-id'])
}

function describeType(type: AvroSchema): string {
  if (typeof type === 'string') return type
  if (Array.isArray(type)) return 'union'
  if (type['type'] === 'record') return `record ${String(type['name'])}`
  if (type['type'] !== 'array') return String(type['type'])
  const items = type['items'] as AvroSchema
  if (type['logicalType'] !== 'map') return `array<${String(type['element-id'])}:${describeType(items)}>`
  const [key, value] = fieldsOf(items)
  const name = typeof items === 'object' && !Array.isArray(items) ? items['name'] : undefined
  const isNamed = name === `k${idOf(key)}_v${idOf(value)}` && key.name === 'key' && value.name === 'value'
  const pairs = `${idOf(key)}:${describeType(key.type)},${idOf(value)}:${describeType(value.type)}`
  return `map<${pairs}>${isNamed ? '' : ' with other names'}`
}

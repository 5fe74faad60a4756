import { fieldsOf, type AvroRecord, type AvroValue, type DecodedFile } from './avro-decode.ts'
import { mapOf, type LiveFile } from './manifest-rules.ts'
import { valueText, type Report } from './report.ts'
import type { SpecField, Specs } from './spec-rules.ts'

/** The header and the schema of a manifest name the fields of its spec, and its row sums their values up. */
export function checkManifestPartition(
  decoded: DecodedFile,
  row: AvroRecord,
  specs: Specs,
  file: string,
  report: Report,
): void {
  const id = Number(row['partition_spec_id'])
  const fields = specs.get(id)
  if (fields === undefined) return report.add('partition', file, `spec ${id} is not in the metadata`)
  const header = JSON.parse(decoded.metadata.get('partition-spec') ?? 'null') as unknown
  const expected = fields.map((field) => ({
    'source-id': field.source,
    'field-id': field.id,
    name: field.name,
    transform: field.transform,
  }))
  report.equal(JSON.stringify(header), JSON.stringify(expected), 'partition', file, 'partition-spec')
  const dataFile = fieldsOf(decoded.schema).find(({ name }) => name === 'data_file')
  const record = dataFile && fieldsOf(dataFile.type).find(({ name }) => name === 'partition')
  const shape = (record === undefined ? [] : fieldsOf(record.type)).map(
    (field) =>
      `${String(field['field-id'])} ${field.name}${Array.isArray(field.type) && field.type[0] === 'null' ? '?' : ''}`,
  )
  const wanted = fields.map((field) => `${field.id} ${field.name}?`)
  report.equal(shape.join(), wanted.join(), 'partition', file, 'the fields of the partition')
  checkSummaries(decoded, row, fields, file, report)
}

function checkSummaries(
  decoded: DecodedFile,
  row: AvroRecord,
  fields: readonly SpecField[],
  file: string,
  report: Report,
): void {
  const summaries = Array.isArray(row['partitions']) ? (row['partitions'] as readonly AvroRecord[]) : []
  report.equal(summaries.length, fields.length, 'partition', file, 'the number of summaries')
  fields.forEach(({ name }, i) => {
    if (summaries[i] === undefined) return
    const values = decoded.records.map((entry) => {
      return ((entry['data_file'] as AvroRecord)['partition'] as AvroRecord)[name]
    })
    const present = values.filter((value) => value !== null && value !== undefined).toSorted(order)
    const what = `of field ${name} in its row`
    report.equal(
      summaries[i]['contains_null'],
      present.length < values.length,
      'partition',
      file,
      `contains_null ${what}`,
    )
    report.equal(
      boundText(summaries[i]['lower_bound'], present[0]),
      valueText(present[0] ?? null),
      'partition',
      file,
      `lower_bound ${what}`,
    )
    report.equal(
      boundText(summaries[i]['upper_bound'], present.at(-1)),
      valueText(present.at(-1) ?? null),
      'partition',
      file,
      `upper_bound ${what}`,
    )
  })
}

function order(a: AvroValue, b: AvroValue): number {
  if (typeof a !== 'string' || typeof b !== 'string') return Number(a) - Number(b)
  // Code points, in the order of UTF-8.
  const [left, right] = [a, b].map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0))
  const at = left.findIndex((point, i) => point !== right[i])
  return at < 0 ? left.length - right.length : left[at] - (right[at] ?? -1)
}

/** A bound as a value like `like`. */
function boundText(bound: AvroValue | undefined, like: AvroValue | undefined): string {
  if (!(bound instanceof Uint8Array)) return valueText(bound)
  if (typeof like === 'string') return new TextDecoder().decode(bound)
  if (typeof like === 'boolean') return String(bound[0] !== 0)
  return bound.length === 4 || bound.length === 8 ? String(integerOf(bound)) : `${bound.length} bytes`
}

function integerOf(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return bytes.length === 4 ? BigInt(view.getInt32(0, true)) : view.getBigInt64(0, true)
}

/** The partition of a data file is what the transforms make of the bounds of its columns. */
export function checkPartition(
  file: LiveFile,
  specs: Specs,
  types: ReadonlyMap<number, string>,
  report: Report,
): void {
  const tuple = file.record['partition'] as AvroRecord
  for (const { name, source, transform } of specs.get(file.specId) ?? []) {
    for (const which of ['lower_bounds', 'upper_bounds']) {
      const bound = mapOf(file.record[which]).get(source)
      if (!(bound instanceof Uint8Array)) continue
      const made = transformed(transform, types.get(source) ?? '', bound)
      const found = valueText(tuple[name])
      // Bounds of long texts are cut, the upper one upwards.
      const isCut = types.get(source) === 'string' && pointsOf(bound).length >= BOUND_LENGTH
      if (isCut && which === 'upper_bounds' && transform !== 'void') continue
      const isRight = isCut ? found.startsWith(made) : found === made
      report.require(
        isRight,
        'partition',
        file.path,
        `${name} is ${found}, the transform of ${which} is ${made}`,
      )
    }
  }
}

/** Deletes lie in the partition of the data file that they are about. */
export function checkSamePartition(data: LiveFile, deletes: LiveFile, list: string, report: Report): void {
  const of = (file: LiveFile): string => `${file.specId} ${valueText(file.record['partition'])}`
  report.equal(of(deletes), of(data), 'partition', list, `the partition of ${deletes.path}`)
}

const HOUR = 3_600_000_000n
/** Code points of a text that a bound keeps. */
const BOUND_LENGTH = 16

/** The code points of a text. */
function pointsOf(bytes: Uint8Array): string[] {
  return Array.from(new TextDecoder().decode(bytes))
}

function transformed(transform: string, type: string, bound: Uint8Array): string {
  if (transform === 'void') return 'null'
  const width = /^truncate\[(\d+)\]$/.exec(transform)?.[1]
  if (type === 'string') {
    const points = pointsOf(bound)
    return points.slice(0, width === undefined ? points.length : Number(width)).join('')
  }
  if (type === 'boolean') return String(bound[0] !== 0)
  const value = integerOf(bound)
  if (width !== undefined) return String(floor(value, BigInt(width)) * BigInt(width))
  if (transform === 'identity') return String(value)
  const hours = type === 'date' ? value * 24n : floor(value, HOUR)
  if (transform === 'hour') return String(hours)
  const days = floor(hours, 24n)
  if (transform === 'day') return String(days)
  const date = new Date(Number(days) * 86_400_000)
  const year = date.getUTCFullYear() - 1970
  return String(transform === 'year' ? year : year * 12 + date.getUTCMonth())
}

function floor(value: bigint, by: bigint): bigint {
  return (value - (((value % by) + by) % by)) / by
}

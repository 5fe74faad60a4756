import {
  inOnePartition,
  keyColumns,
  partitionOf,
  type PartitionField,
  type PartitionValue,
  type SstMeta,
  type TableSchema,
} from '@meru/core'
import { avroBytes } from './avro-file.ts'
import { KEY_PARTITION_SPEC_ID, UNPARTITIONED_SPEC_ID } from './format.ts'
import type { JsonObject } from './json.ts'
import type { ContentFile, PartitionSummary, PartitionTuple } from './manifest-entry.ts'

/** The type of a partition field: of the result of its transform. */
type ResultKind = 'boolean' | 'int' | 'long' | 'string' | 'date' | 'timestamp' | 'timestamptz'

interface TypedField extends PartitionField {
  readonly kind: ResultKind
}

/** The Avro library doubles a number before it writes it. */
const AVRO_LONG_BITS = 52
const NONE: PartitionTuple = {}

/** The specs of a table: none, and that of its declaration if it has one. */
export function partitionSpecs(schema: TableSchema): JsonObject[] {
  const none = { 'spec-id': UNPARTITIONED_SPEC_ID, fields: [] }
  const fields = specFields(schema, KEY_PARTITION_SPEC_ID)
  return fields.length === 0 ? [none] : [none, { 'spec-id': KEY_PARTITION_SPEC_ID, fields }]
}

/** The fields of one of the specs, as the metadata and the headers of manifests have them. */
export function specFields({ partition = [] }: TableSchema, specId: number): JsonObject[] {
  if (specId === UNPARTITIONED_SPEC_ID) return []
  return partition.map(({ id, columnId, name, transform }) => ({
    'source-id': columnId,
    'field-id': id,
    name,
    transform,
  }))
}

/** The highest id of a partition field; one below the first if there is none. */
export function lastPartitionId({ partition = [] }: TableSchema, none: number): number {
  return partition.at(-1)?.id ?? none
}

/**
 * The partition of a file, by field name. Empty, which is the unpartitioned spec, for a file with keys of several
 * partitions, such as one that a flush made, and where a number has more bits than the Avro library writes exactly, or
 * than Iceberg has for hours.
 */
export function partitionTuple(
  { minKey, maxKey }: Pick<SstMeta, 'minKey' | 'maxKey'>,
  schema: TableSchema,
): PartitionTuple {
  const { partition } = schema
  if (partition === undefined || !inOnePartition(schema, minKey, maxKey)) return NONE
  const values = partitionOf(schema, minKey).map(exact)
  if (values.includes(undefined)) return NONE
  return Object.fromEntries(partition.map(({ name }, i) => [name, values[i] as PartitionTuple[string]]))
}

function exact(value: PartitionValue): PartitionTuple[string] | undefined {
  if (typeof value === 'number') return value === (value | 0) ? value : undefined
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Math.abs(number) < 2 ** AVRO_LONG_BITS ? number : undefined
}

/** The spec of a file: the declared one has fields, the other none. */
export function specIdOf({ partition }: Pick<ContentFile, 'partition'>): number {
  return Object.keys(partition).length === 0 ? UNPARTITIONED_SPEC_ID : KEY_PARTITION_SPEC_ID
}

/** A text that is the same for files of one partition. */
export function partitionText({ partition }: Pick<ContentFile, 'partition'>): string {
  return JSON.stringify(partition)
}

/** The fields of the record of a partition in a manifest. */
export function avroPartitionFields(schema: TableSchema, specId: number): JsonObject[] {
  if (specId === UNPARTITIONED_SPEC_ID) return []
  return typedFields(schema).map(({ id, name, kind }) => ({
    name,
    type: ['null', avroType(kind)],
    default: null,
    'field-id': id,
  }))
}

function avroType(kind: ResultKind): string | JsonObject {
  switch (kind) {
    case 'date':
      return { type: 'int', logicalType: 'date' }
    case 'timestamp':
    case 'timestamptz':
      return { type: 'long', logicalType: 'timestamp-micros', 'adjust-to-utc': kind === 'timestamptz' }
    default:
      return kind
  }
}

function typedFields(schema: TableSchema): TypedField[] {
  const keys = keyColumns(schema)
  return (schema.partition ?? []).map((field, i) => {
    const source = keys[i].type.kind as ResultKind
    return { ...field, kind: resultKind(field.transform, source) }
  })
}

/** That of `day` is a date, as the Java implementation has it. */
function resultKind(transform: string, source: ResultKind): ResultKind {
  if (transform === 'day') return 'date'
  return transform === 'year' || transform === 'month' || transform === 'hour' ? 'int' : source
}

/** What the partitions of the files of one manifest have in common, for each field of its spec. */
export function partitionSummaries(
  files: readonly Pick<ContentFile, 'partition'>[],
  schema: TableSchema,
  specId: number,
): PartitionSummary[] {
  if (specId === UNPARTITIONED_SPEC_ID) return []
  return typedFields(schema).map(({ name, kind }) => {
    const values = files.map((file) => file.partition[name])
    const present = values.filter((value) => value !== null).map((value) => singleValue(kind, value))
    const sorted = present.toSorted((a, b) => compare(kind, a, b))
    return {
      contains_null: present.length < values.length,
      contains_nan: false,
      lower_bound: sorted.length === 0 ? null : avroBytes(sorted[0]),
      upper_bound: sorted.length === 0 ? null : avroBytes(sorted[sorted.length - 1]),
    }
  })
}

function singleValue(kind: ResultKind, value: PartitionTuple[string]): Uint8Array {
  switch (kind) {
    case 'boolean':
      return Uint8Array.of(value === true ? 1 : 0)
    case 'string':
      return new TextEncoder().encode(String(value))
    case 'int':
    case 'date':
      return new Uint8Array(Int32Array.of(Number(value)).buffer)
    default:
      return new Uint8Array(BigInt64Array.of(BigInt(Number(value))).buffer)
  }
}

function compare(kind: ResultKind, a: Uint8Array, b: Uint8Array): number {
  if (kind === 'boolean' || kind === 'string') {
    for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i] - b[i]
    return a.length - b.length
  }
  const number = (bytes: Uint8Array): bigint => {
    const view = new DataView(bytes.buffer)
    return bytes.length === 4 ? BigInt(view.getInt32(0, true)) : view.getBigInt64(0, true)
  }
  const difference = number(a) - number(b)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

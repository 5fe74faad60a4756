import { isNested, physicalOf, type ColumnType, type StructField } from '@meru/core'
import type { SchemaElement } from './parquet-library.ts'
import type { SstColumn } from './sst-columns.ts'

type Annotation = Pick<SchemaElement, 'converted_type' | 'logical_type' | 'precision' | 'scale'>

const PARQUET_TYPES = {
  bool: 'BOOLEAN',
  i32: 'INT32',
  i64: 'INT64',
  f32: 'FLOAT',
  f64: 'DOUBLE',
  fixed: 'FIXED_LEN_BYTE_ARRAY',
  bytes: 'BYTE_ARRAY',
} as const

/** The Parquet type of a column's values. */
export function parquetType(column: SstColumn): (typeof PARQUET_TYPES)[keyof typeof PARQUET_TYPES] {
  return PARQUET_TYPES[column.physical]
}

/** The Parquet schema: a root and what each column is. */
export function parquetSchema(columns: readonly SstColumn[]): SchemaElement[] {
  const elements = columns.flatMap(({ id, name, type, physical, width, optional }) =>
    type !== undefined && isNested(type)
      ? partElements({ id, name, type, required: !optional })
      : [leafElement({ id, name, type, physical, width, optional })],
  )
  return [{ name: 'table', num_children: columns.length }, ...elements]
}

function leafElement(column: Omit<SstColumn, 'tree' | 'leaf'>): SchemaElement {
  return {
    type: PARQUET_TYPES[column.physical],
    ...(column.physical === 'fixed' ? { type_length: column.width } : {}),
    repetition_type: column.optional ? 'OPTIONAL' : 'REQUIRED',
    name: column.name,
    field_id: column.id,
    ...(column.type === undefined ? {} : annotationOf(column.type)),
  }
}

/** A column or a part of one with all that is in it, outside in: lists and maps in three levels. */
function partElements(part: StructField): SchemaElement[] {
  const { id, name, type, required } = part
  if (!isNested(type)) return [leafElement({ id, name, type, ...physicalOf(type), optional: !required })]
  const group: SchemaElement = {
    repetition_type: required ? 'REQUIRED' : 'OPTIONAL',
    name,
    field_id: id,
    num_children: 1,
  }
  switch (type.kind) {
    case 'struct': {
      const fields = type.fields.flatMap(partElements)
      return [{ ...group, num_children: type.fields.length }, ...fields]
    }
    case 'list':
      return [
        { ...group, converted_type: 'LIST', logical_type: { type: 'LIST' } },
        { repetition_type: 'REPEATED', name: 'list', num_children: 1 },
        ...partElements({ ...type.element, name: 'element' }),
      ]
    case 'map':
      return [
        { ...group, converted_type: 'MAP', logical_type: { type: 'MAP' } },
        { repetition_type: 'REPEATED', name: 'key_value', num_children: 2 },
        ...partElements({ ...type.key, name: 'key' }),
        ...partElements({ ...type.value, name: 'value' }),
      ]
  }
}

/** Logical types, and the older converted types where there is one. Source: Iceberg, "Parquet" in appendix A. */
function annotationOf(type: ColumnType): Annotation {
  switch (type.kind) {
    case 'decimal': {
      const { precision, scale } = type
      return {
        converted_type: 'DECIMAL',
        precision,
        scale,
        logical_type: { type: 'DECIMAL', precision, scale },
      }
    }
    case 'date':
      return { converted_type: 'DATE', logical_type: { type: 'DATE' } }
    case 'time':
      // The converted type means UTC, which Iceberg's time of day is not.
      return { logical_type: { type: 'TIME', isAdjustedToUTC: false, unit: 'MICROS' } }
    case 'timestamp':
      return { logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'MICROS' } }
    case 'timestamptz':
      return {
        converted_type: 'TIMESTAMP_MICROS',
        logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
      }
    case 'timestamp_ns':
      return { logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'NANOS' } }
    case 'timestamptz_ns':
      return { logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' } }
    case 'string':
      return { converted_type: 'UTF8', logical_type: { type: 'STRING' } }
    case 'uuid':
      return { logical_type: { type: 'UUID' } }
    case 'boolean':
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'fixed':
    case 'binary':
    case 'struct':
    case 'list':
    case 'map':
      return {}
  }
}

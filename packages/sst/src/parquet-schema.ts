import type { ColumnType } from '@meru/core'
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

/** The Parquet schema: a root and one leaf for each column. */
export function parquetSchema(columns: readonly SstColumn[]): SchemaElement[] {
  const leaves = columns.map((column): SchemaElement => ({
    type: parquetType(column),
    ...(column.physical === 'fixed' ? { type_length: column.width } : {}),
    repetition_type: column.optional ? 'OPTIONAL' : 'REQUIRED',
    name: column.name,
    field_id: column.id,
    ...(column.type === undefined ? {} : annotationOf(column.type)),
  }))
  return [{ name: 'table', num_children: leaves.length }, ...leaves]
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
      return {}
  }
}

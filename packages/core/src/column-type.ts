/**
 * The types of columns: Iceberg's, with its names.
 * Source: Apache Iceberg table specification, "Primitive Types".
 */
export type ColumnType =
  | { readonly kind: 'boolean' }
  | { readonly kind: 'int' }
  | { readonly kind: 'long' }
  | { readonly kind: 'float' }
  | { readonly kind: 'double' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'date' }
  | { readonly kind: 'time' }
  | { readonly kind: 'timestamp' }
  | { readonly kind: 'timestamptz' }
  | { readonly kind: 'timestamp_ns' }
  | { readonly kind: 'timestamptz_ns' }
  | { readonly kind: 'string' }
  | { readonly kind: 'uuid' }
  | { readonly kind: 'fixed'; readonly length: number }
  | { readonly kind: 'binary' }

export type ColumnKind = ColumnType['kind']

/**
 * How the values of a column lie in memory, in encoded rows and in Parquet.
 * `fixed` values are `width` bytes each; `bytes` values vary in length.
 */
export type Physical = 'bool' | 'i32' | 'i64' | 'f32' | 'f64' | 'fixed' | 'bytes'

export interface PhysicalType {
  readonly physical: Physical
  /** Bytes of one value in an encoded row; 0 for `bytes`. A `bool` takes one byte. */
  readonly width: number
}

const I32: PhysicalType = { physical: 'i32', width: 4 }
const I64: PhysicalType = { physical: 'i64', width: 8 }

/** Bytes that hold every unscaled decimal of a precision as big-endian two's complement. */
export function decimalWidth(precision: number): number {
  return Math.ceil((precision * Math.log2(10) + 1) / 8)
}

/** The physical type of a column type. Decimals follow Parquet: int32, int64, then fixed bytes. */
export function physicalOf(type: ColumnType): PhysicalType {
  switch (type.kind) {
    case 'boolean':
      return { physical: 'bool', width: 1 }
    case 'int':
    case 'date':
      return I32
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return I64
    case 'float':
      return { physical: 'f32', width: 4 }
    case 'double':
      return { physical: 'f64', width: 8 }
    case 'decimal':
      if (type.precision <= 9) return I32
      if (type.precision <= 18) return I64
      return { physical: 'fixed', width: decimalWidth(type.precision) }
    case 'uuid':
      return { physical: 'fixed', width: 16 }
    case 'fixed':
      return { physical: 'fixed', width: type.length }
    case 'string':
    case 'binary':
      return { physical: 'bytes', width: 0 }
  }
}

/** The type as Iceberg writes it: `long`, `decimal(18, 2)`, `fixed[16]`. */
export function typeName(type: ColumnType): string {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`
    case 'fixed':
      return `fixed[${type.length}]`
    default:
      return type.kind
  }
}

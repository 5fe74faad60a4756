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
  | { readonly kind: 'struct'; readonly fields: readonly StructField[] }
  | { readonly kind: 'list'; readonly element: NestedPart }
  | { readonly kind: 'map'; readonly key: NestedPart; readonly value: NestedPart }

/** A value inside another: the element of a list, the key or the value of a map, a field of a struct. */
export interface NestedPart {
  /** Iceberg field id, from the same numbers as those of columns; 0 as long as the type belongs to no table. */
  readonly id: number
  readonly type: ColumnType
  readonly required: boolean
}

export interface StructField extends NestedPart {
  readonly name: string
}

export type NestedType = Extract<ColumnType, { readonly kind: 'struct' | 'list' | 'map' }>
export type ScalarType = Exclude<ColumnType, NestedType>

export function isNested(type: ColumnType): type is NestedType {
  return type.kind === 'struct' || type.kind === 'list' || type.kind === 'map'
}

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

/**
 * The physical type of a column type. Decimals follow Parquet: int32, int64, then fixed bytes. Nested values are the
 * bytes that `docs/format/row.md` draws.
 */
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
    case 'struct':
    case 'list':
    case 'map':
      return { physical: 'bytes', width: 0 }
  }
}

/**
 * The type as Iceberg writes it: `long`, `decimal(18, 2)`, `fixed[16]`; nested ones as `list<string>`,
 * `map<string, long?>` and `struct<street: string, zip: int?>`, a question mark meaning that null is allowed. Types of
 * one name differ at most in field ids.
 */
export function typeName(type: ColumnType): string {
  switch (type.kind) {
    case 'list':
      return `list<${partName(type.element)}>`
    case 'map':
      return `map<${partName(type.key)}, ${partName(type.value)}>`
    case 'struct':
      return `struct<${type.fields.map((field) => `${fieldName(field.name)}: ${partName(field)}`).join(', ')}>`
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`
    case 'fixed':
      return `fixed[${type.length}]`
    default:
      return type.kind
  }
}

function partName({ type, required }: NestedPart): string {
  return required ? typeName(type) : `${typeName(type)}?`
}

/** A name in quotes where it could be taken for something else. */
function fieldName(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : JSON.stringify(name)
}

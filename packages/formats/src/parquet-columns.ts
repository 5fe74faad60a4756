import { type ColumnType, toHex } from '@meru/core'
import type { Cell, NestedCell } from './cell.ts'
import { formatMoment, formatTime } from './moment.ts'

/** A column of a Parquet file, and how its values become cells. */
export interface ParquetColumn<C extends NestedCell = Cell> {
  readonly name: string
  readonly type: ColumnType
  readonly isNullable: boolean
  readonly cellOf: (value: unknown) => C
}

/** The parts of a Parquet schema that matter here, in the words of its specification. */
export interface SchemaNode {
  readonly element: SchemaElement
  readonly children: readonly SchemaNode[]
}

interface SchemaElement {
  readonly name: string
  readonly type?: string
  readonly type_length?: number
  readonly repetition_type?: string
  converted_type?: string
  logical_type?: {
    readonly type: string
    readonly isAdjustedToUTC?: boolean
    readonly unit?: string
    readonly bitWidth?: number
    readonly isSigned?: boolean
    readonly precision?: number
    readonly scale?: number
  }
  readonly precision?: number
  readonly scale?: number
}

interface Mapping {
  readonly type: ColumnType
  readonly cellOf: (value: unknown) => Cell
}

/**
 * The columns of a file. Lists, maps and structs become their JSON text. Annotations for which the library
 * would give inexact values are taken off the schema, so that it gives the stored ones.
 */
export function parquetColumns(root: SchemaNode): ParquetColumn[] {
  return root.children.map((node) => columnOf(node, isFlat(node) ? mapElement(node.element) : NESTED))
}

/** The columns of a file, lists, maps and structs as nested cells. */
export function nestedParquetColumns(root: SchemaNode): ParquetColumn<NestedCell>[] {
  return root.children.map((node) => {
    const { type, cellOf } = isFlat(node) ? mapElement(node.element) : NESTED
    return columnOf(node, { type, cellOf: isFlat(node) ? cellOf : nestedCellOf(node) })
  })
}

function isFlat({ element, children }: SchemaNode): boolean {
  return children.length === 0 && element.repetition_type !== 'REPEATED'
}

function columnOf<C extends NestedCell>(
  { element }: SchemaNode,
  { type, cellOf }: { readonly type: ColumnType; readonly cellOf: (value: unknown) => C },
): ParquetColumn<C | null> {
  const isNullable = element.repetition_type !== 'REQUIRED'
  return { name: element.name, type, isNullable, cellOf: orNull(cellOf) }
}

const NESTED: Mapping = { type: { kind: 'string' }, cellOf: (value) => JSON.stringify(value, plainValue) }

function nestedCellOf(node: SchemaNode): (value: unknown) => NestedCell {
  const { element, children } = node
  if (element.repetition_type === 'REPEATED') return listCellOf(singleCellOf(node))
  const [entry] = children
  switch (element.logical_type?.type ?? element.converted_type) {
    case 'LIST':
      return listCellOf(entry.children.length === 1 ? nestedOrNull(entry.children[0]) : singleCellOf(entry))
    case 'MAP':
    case 'MAP_KEY_VALUE': {
      // As a map the library gives an object, in which keys are text and one hides another.
      stripAnnotation(element)
      const pairs = listCellOf(singleCellOf(entry, ['key', 'value']))
      return (value) => pairs(Object.values(value as object)[0] ?? [])
    }
    default:
      return singleCellOf(node)
  }
}

/** Of one value, whether the node is repeated or not. `names` are those of its members, if not its own. */
function singleCellOf(
  { element, children }: SchemaNode,
  names?: readonly string[],
): (value: unknown) => NestedCell {
  if (children.length === 0) return orNull(mapElement(element).cellOf)
  const members = children.map((child, index) => ({
    name: child.element.name,
    as: names?.[index] ?? child.element.name,
    cellOf: nestedOrNull(child),
  }))
  return orNull((value) =>
    Object.fromEntries(
      members.map(({ name, as, cellOf }) => [as, cellOf(Reflect.get(value as object, name))]),
    ),
  )
}

function nestedOrNull(node: SchemaNode): (value: unknown) => NestedCell {
  return isFlat(node) ? orNull(mapElement(node.element).cellOf) : orNull(nestedCellOf(node))
}

function listCellOf(cellOf: (value: unknown) => NestedCell): (value: unknown) => NestedCell {
  return (value) => Array.from(value as ArrayLike<unknown>, cellOf)
}

function mapElement(element: SchemaElement): Mapping {
  return mapAnnotated(element) ?? mapPhysical(element)
}

function mapAnnotated(element: SchemaElement): Mapping | undefined {
  const { converted_type: converted, logical_type: logical } = element
  const name = logical?.type ?? converted
  switch (name) {
    case 'STRING':
    case 'UTF8':
    case 'ENUM':
    case 'JSON':
      return simple('string')
    case 'UUID':
      return simple('uuid')
    case 'DATE':
      return { type: { kind: 'date' }, cellOf: (value) => dateText(Number(value)) }
    case 'DECIMAL':
      return mapDecimal(element)
    case 'INTEGER':
      return mapInteger(logical?.bitWidth ?? 64, { isSigned: logical?.isSigned !== false })
    case 'TIMESTAMP':
      return mapMoment({ hasZone: logical?.isAdjustedToUTC === true, isNanos: logical?.unit === 'NANOS' })
    case 'TIMESTAMP_MILLIS':
    case 'TIMESTAMP_MICROS':
      return mapMoment({ hasZone: true, isNanos: false })
    case 'TIME':
    case 'TIME_MILLIS':
    case 'TIME_MICROS':
      return mapTime(element)
    case 'FLOAT16':
      return simple('float')
    default:
      break
  }
  const integer = /^(U?)INT_(\d+)$/.exec(converted ?? '')
  if (integer !== null) return mapInteger(Number(integer[2]), { isSigned: integer[1] === '' })
  stripAnnotation(element)
  return undefined
}

function mapPhysical({ type, type_length: length }: SchemaElement): Mapping {
  switch (type) {
    case 'BOOLEAN':
      return simple('boolean')
    case 'INT32':
      return simple('int')
    case 'INT64':
      return simple('long')
    case 'INT96':
      return mapMoment({ hasZone: false, isNanos: false })
    case 'FLOAT':
      return simple('float')
    case 'DOUBLE':
      return simple('double')
    case 'FIXED_LEN_BYTE_ARRAY':
      return { type: { kind: 'fixed', length: length ?? 1 }, cellOf: asIs }
    default:
      return simple('binary')
  }
}

function mapInteger(bits: number, { isSigned }: { readonly isSigned: boolean }): Mapping {
  if (isSigned) return simple(bits <= 32 ? 'int' : 'long')
  if (bits < 32) return simple('int')
  if (bits === 32) return simple('long')
  return { type: { kind: 'decimal', precision: 20, scale: 0 }, cellOf: (value) => String(value) }
}

function mapMoment({ hasZone, isNanos }: { readonly hasZone: boolean; readonly isNanos: boolean }): Mapping {
  const kind = hasZone ? (isNanos ? 'timestamptz_ns' : 'timestamptz') : isNanos ? 'timestamp_ns' : 'timestamp'
  const cellOf = (value: unknown): Cell => {
    const nanos = BigInt(value as bigint)
    return { nanos, hasZone, isMicros: nanos % 1000n === 0n }
  }
  return { type: { kind }, cellOf }
}

function mapTime(element: SchemaElement): Mapping {
  const isMillis = element.logical_type?.unit === 'MILLIS' || element.converted_type === 'TIME_MILLIS'
  const isNanos = element.logical_type?.unit === 'NANOS'
  stripAnnotation(element)
  const cellOf = (value: unknown): Cell => {
    if (isMillis) return formatTime(Number(value) * 1000)
    const count = Number(value)
    if (!isNanos) return formatTime(count)
    // Nanoseconds that no microsecond holds stay visible, so that the column refuses them.
    return count % 1000 === 0 ? formatTime(count / 1000) : `${count} ns`
  }
  return { type: { kind: 'time' }, cellOf }
}

function mapDecimal(element: SchemaElement): Mapping {
  const precision = element.logical_type?.precision ?? element.precision ?? 38
  const scale = element.logical_type?.scale ?? element.scale ?? 0
  stripAnnotation(element)
  const cellOf = (value: unknown): Cell =>
    decimalText(value instanceof Uint8Array ? bigEndian(value) : BigInt(value as number), scale)
  return { type: { kind: 'decimal', precision: Math.min(38, precision), scale }, cellOf }
}

function stripAnnotation(element: SchemaElement): void {
  delete element.converted_type
  delete element.logical_type
}

function simple(
  kind: 'boolean' | 'int' | 'long' | 'float' | 'double' | 'string' | 'uuid' | 'binary',
): Mapping {
  return { type: { kind }, cellOf: asIs }
}

function asIs(value: unknown): Cell {
  return value as Cell
}

function orNull<C extends NestedCell>(cellOf: (value: unknown) => C): (value: unknown) => C | null {
  return (value) => (value === undefined || value === null ? null : cellOf(value))
}

/** Values that JSON lacks, in the form that other commands print them. */
function plainValue(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return value instanceof Uint8Array ? toHex(value) : value
}

function dateText(days: number): string {
  return formatMoment(BigInt(days) * 86_400_000_000_000n, { hasZone: false }).slice(0, -'T00:00:00'.length)
}

function bigEndian(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${toHex(bytes)}`))
}

function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : ''
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const point = digits.length - scale
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

import { isNested, type ColumnDef, type ColumnType, type ScalarType } from '@meru/core'
import { formatMoment, formatTime, type Scalar, type Value } from '@meru/formats/parts'
import type { Json } from './cell.ts'

/**
 * A value as JSON holds it: integers as numbers where a double is exact and as strings elsewhere, moments
 * and decimals as strings, bytes as hexadecimal digits, NaN and infinities as strings. A map is an object if its keys are
 * strings, else a list of keys and values.
 */
export function jsonValue(type: ColumnType, value: Value | null): Json {
  if (value === null) return null
  switch (type.kind) {
    case 'list':
      return (value as readonly (Value | null)[]).map((one) => jsonValue(type.element.type, one))
    case 'struct': {
      const fields = value as Readonly<Record<string, Value | null>>
      return Object.fromEntries(
        type.fields.map((field) => [field.name, jsonValue(field.type, fields[field.name])]),
      )
    }
    case 'map': {
      const entries = [...(value as ReadonlyMap<Scalar, Value | null>)].map(
        ([key, one]) => [jsonValue(type.key.type, key), jsonValue(type.value.type, one)] as const,
      )
      if (type.key.type.kind !== 'string') return entries.map(([key, one]) => ({ key, value: one }))
      return Object.fromEntries(entries) as { readonly [name: string]: Json }
    }
    default:
      return scalarJson(type, value as Scalar)
  }
}

function scalarJson(type: ScalarType, value: Scalar): boolean | number | string {
  switch (type.kind) {
    case 'long': {
      const number = Number(value)
      return Number.isSafeInteger(number) ? number : String(value)
    }
    case 'float':
    case 'double':
      return Number.isFinite(value) ? (value as number) : String(value)
    case 'boolean':
    case 'int':
      return value as boolean | number
    default:
      return scalarText(type, value)
  }
}

/** The rows as JSON, one on each line. */
export function jsonLine(columns: readonly ColumnDef[], row: Readonly<Record<string, Value | null>>): string {
  const members = columns.map(
    ({ name, type }) => `${JSON.stringify(name)}:${JSON.stringify(jsonValue(type, row[name]))}`,
  )
  return `{${members.join(',')}}`
}

/** A value for a person, on one line. */
export function cellText(type: ColumnType, value: Value | null): string {
  if (value === null) return 'null'
  // eslint-disable-next-line no-control-regex
  return plainText(type, value).replace(/[\u0000-\u001f\u007f-\u009f]/g, (mark) =>
    JSON.stringify(mark).slice(1, -1),
  )
}

/** True for types whose values read best aligned at the right. */
export function isNumeric(type: ColumnType): boolean {
  return ['int', 'long', 'float', 'double', 'decimal'].includes(type.kind)
}

function plainText(type: ColumnType, value: Value): string {
  return isNested(type) ? JSON.stringify(jsonValue(type, value)) : scalarText(type, value as Scalar)
}

function scalarText(type: ScalarType, value: Scalar): string {
  switch (type.kind) {
    case 'timestamp':
      return formatMoment((value as bigint) * 1000n, { hasZone: false })
    case 'timestamptz':
      return formatMoment((value as bigint) * 1000n, { hasZone: true })
    case 'timestamp_ns':
      return formatMoment(value as bigint, { hasZone: false })
    case 'timestamptz_ns':
      return formatMoment(value as bigint, { hasZone: true })
    case 'time':
      return formatTime(value as number)
    default:
      return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)
  }
}

import type { ColumnType, NestedPart, NestedType } from '@meru/core'
import { INT_MAX, LONG_MAX, type Cell } from './infer.ts'
import { formatMoment, parseDateText, parseMoment, parseTimeText, type Moment } from './moment.ts'

/** A value in the form that `@meru/db` takes for the column. */
export type Scalar = boolean | number | bigint | string | Uint8Array
export type Value =
  | Scalar
  | readonly (Value | null)[]
  | ReadonlyMap<Scalar, Value | null>
  | { readonly [field: string]: Value | null }

export type Json = boolean | number | string | null | readonly Json[] | { readonly [name: string]: Json }

/** The value of a cell that is not null, or `undefined` if the type cannot hold it without loss. */
export type ReadCell = (cell: Exclude<Cell, null>) => Value | undefined

/**
 * How the cells of a column of this type become values. Timestamps become microseconds, as a bigint; nested values are
 * JSON.
 */
export function cellReader(type: ColumnType): ReadCell {
  switch (type.kind) {
    case 'boolean':
      return readBoolean
    case 'int':
      return readInt
    case 'long':
      return readLong
    case 'float':
    case 'double':
      return readDouble
    case 'decimal':
      return (cell) => readDecimal(cell, type.precision, type.scale)
    case 'date':
      return (cell) => (typeof cell === 'string' ? parseDateText(cell) : undefined)
    case 'time':
      return (cell) => (typeof cell === 'string' ? parseTimeText(cell) : undefined)
    case 'timestamp':
      return (cell) => readMoment(cell, { hasZone: false, unit: 'micros' })
    case 'timestamptz':
      return (cell) => readMoment(cell, { hasZone: true, unit: 'micros' })
    case 'timestamp_ns':
      return (cell) => readMoment(cell, { hasZone: false, unit: 'nanos' })
    case 'timestamptz_ns':
      return (cell) => readMoment(cell, { hasZone: true, unit: 'nanos' })
    case 'string':
      return (cell) => (cell instanceof Uint8Array ? undefined : showText(cell))
    case 'uuid':
      return readUuid
    case 'fixed':
      return (cell) => readHex(cell, type.length)
    case 'binary':
      return (cell) => readHex(cell, undefined)
    case 'struct':
    case 'list':
    case 'map':
      return (cell) => readNested(type, cell)
  }
}

function readNested(type: NestedType, cell: Cell): Value | undefined {
  if (typeof cell !== 'string') return undefined
  try {
    return valueOfJson(type, JSON.parse(cell) as Json)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** The value that a type has as `jsonValue` shows it, or `undefined` if it is none. */
export function valueOfJson(type: ColumnType, json: Json): Value | undefined {
  switch (type.kind) {
    case 'list':
      return Array.isArray(json) ? allOf(json.map((one: Json) => partOf(type.element, one))) : undefined
    case 'struct': {
      if (!isObject(json)) return undefined
      if (!Object.keys(json).every((name) => type.fields.some((field) => field.name === name)))
        return undefined
      const values = allOf(type.fields.map((field) => partOf(field, json[field.name] ?? null)))
      return values && Object.fromEntries(type.fields.map(({ name }, i) => [name, values[i]]))
    }
    case 'map': {
      const entries = type.key.type.kind === 'string' && isObject(json) ? Object.entries(json) : pairsOf(json)
      const keys = entries && allOf(entries.map(([key]) => partOf(type.key, key)))
      const values = entries && allOf(entries.map(([, one]) => partOf(type.value, one)))
      return keys && values && new Map(keys.map((key, i) => [key as Scalar, values[i]]))
    }
    default:
      return json === null || typeof json === 'object' ? undefined : cellReader(type)(json)
  }
}

function pairsOf(json: Json): [Json, Json][] | undefined {
  if (!Array.isArray(json)) return undefined
  return json.map((pair: Json) =>
    isObject(pair) ? [pair['key'] ?? null, pair['value'] ?? null] : [null, null],
  )
}

function partOf({ type, required }: NestedPart, json: Json): Value | null | undefined {
  return json === null && !required ? null : valueOfJson(type, json)
}

function allOf<T>(values: readonly (T | undefined)[]): T[] | undefined {
  return values.every((value) => value !== undefined) ? [...values] : undefined
}

function isObject(json: Json): json is { readonly [name: string]: Json } {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function readBoolean(cell: Cell): boolean | undefined {
  if (typeof cell === 'boolean') return cell
  const text = typeof cell === 'string' ? cell.toLowerCase() : ''
  if (text === 'true') return true
  return text === 'false' ? false : undefined
}

function readInt(cell: Cell): number | undefined {
  if (typeof cell === 'string' && !/^[+-]?\d+$/.test(cell)) return undefined
  if (typeof cell === 'boolean' || typeof cell === 'object') return undefined
  const value = Number(cell)
  if (!Number.isInteger(value) || value > INT_MAX || value < -INT_MAX - 1) return undefined
  // Turns a negative zero into zero.
  return value + 0
}

function readLong(cell: Cell): bigint | undefined {
  if (typeof cell === 'boolean' || typeof cell === 'object') return undefined
  if (typeof cell === 'string' && !/^[+-]?\d+$/.test(cell)) return undefined
  if (typeof cell === 'number' && !Number.isSafeInteger(cell)) return undefined
  const value = BigInt(typeof cell === 'string' ? cell.replace(/^\+/, '') : cell)
  return value <= LONG_MAX && value >= -LONG_MAX - 1n ? value : undefined
}

function readDouble(cell: Cell): number | undefined {
  if (typeof cell === 'number') return cell
  if (typeof cell === 'bigint') {
    const value = Number(cell)
    return BigInt(value) === cell ? value : undefined
  }
  if (typeof cell !== 'string') return undefined
  if (cell === 'NaN') return Number.NaN
  if (/^-?(?:inf|infinity)$/i.test(cell)) return cell.startsWith('-') ? -Infinity : Infinity
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(cell)) return undefined
  const value = Number(cell)
  return Number.isFinite(value) ? value : undefined
}

function readDecimal(cell: Cell, precision: number, scale: number): string | undefined {
  if (typeof cell === 'boolean' || typeof cell === 'object') return undefined
  const text = String(cell)
  const match = /^-?(\d+)(?:\.(\d+))?$/.exec(text)
  if (match === null) return undefined
  const whole = match[1].replace(/^0+/, '')
  const fraction = (match[2] ?? '').replace(/0+$/, '')
  if (fraction.length > scale || whole.length > precision - scale) return undefined
  return `${text.startsWith('-') ? '-' : ''}${whole || '0'}${fraction && `.${fraction}`}`
}

function readMoment(
  cell: Cell,
  form: { readonly hasZone: boolean; readonly unit: 'micros' | 'nanos' },
): bigint | undefined {
  const moment = typeof cell === 'string' ? parseMoment(cell) : isMoment(cell) ? cell : undefined
  if (moment === undefined || moment.hasZone !== form.hasZone) return undefined
  if (form.unit === 'nanos') return moment.nanos
  return moment.isMicros ? moment.nanos / 1000n : undefined
}

function readUuid(cell: Cell): string | undefined {
  if (typeof cell !== 'string') return undefined
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(cell) ? cell.toLowerCase() : undefined
}

function readHex(cell: Cell, length: number | undefined): Uint8Array | undefined {
  const isHex = typeof cell === 'string' && /^(?:[0-9a-f]{2})*$/i.test(cell)
  const bytes = isHex ? Uint8Array.from(Buffer.from(cell, 'hex')) : cell
  if (!(bytes instanceof Uint8Array)) return undefined
  return length === undefined || bytes.length === length ? bytes : undefined
}

function isMoment(cell: Cell): cell is Moment {
  return typeof cell === 'object' && cell !== null && 'nanos' in cell
}

function showText(cell: Cell): string {
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString('hex')
  return isMoment(cell) ? formatMoment(cell.nanos, cell) : String(cell)
}

/** A cell as a message shows it, never more than part of a line. */
export function showCell(cell: Cell): string {
  const text = typeof cell === 'string' ? JSON.stringify(cell) : showText(cell)
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`
}

import {
  type ColumnMode,
  type ColumnType,
  fromHex,
  isNested,
  type NestedPart,
  type NestedType,
  toHex,
} from '@meru/core'
import { parseJson } from './json-text.ts'
import { formatMoment, parseDateText, parseMoment, parseTimeText, type Moment } from './moment.ts'

/**
 * A value as an input file holds it. CSV gives strings; JSON gives its own kinds, and a bigint for an
 * integer that a double would change; Parquet gives moments and bytes too. Null is an absent value.
 */
export type Cell = string | number | bigint | boolean | Moment | Uint8Array | null

/** A cell, or a list or an object of them. The entries of a map are a list of objects with `key` and `value`. */
export type NestedCell = Cell | readonly NestedCell[] | { readonly [name: string]: NestedCell }

/** A value in the form that a table takes for the column. */
export type Scalar = boolean | number | bigint | string | Date | Uint8Array
export type Value =
  | Scalar
  | readonly (Value | null)[]
  | ReadonlyMap<Scalar, Value | null>
  | { readonly [field: string]: Value | null }

/** The value of a cell that is not null, or `undefined` if the column cannot hold it without loss. */
export type ReadCell = (cell: Exclude<NestedCell, null>) => Value | undefined

export const INT_MAX = 2_147_483_647
export const LONG_MAX: bigint = 2n ** 63n - 1n

/**
 * How cells become values of a column of this type and mode. Without a mode it is the one that the type has by itself,
 * so that `timestamp` gives a `Date`. A nested column takes JSON text too.
 */
export function cellReader(type: ColumnType, mode: ColumnMode | undefined): ReadCell {
  if (isNested(type)) {
    const read = nestedReader(type, mode)
    return (cell) => {
      const nested = typeof cell === 'string' ? jsonCell(cell) : cell
      return nested === undefined || nested === null ? undefined : read(nested)
    }
  }
  const read = scalarReader(type, mode)
  return (cell) => (isScalar(cell) ? read(cell) : undefined)
}

type ReadScalar = (cell: Exclude<Cell, null>) => Scalar | undefined

function scalarReader(type: Exclude<ColumnType, NestedType>, mode: ColumnMode | undefined): ReadScalar {
  switch (type.kind) {
    case 'boolean':
      return readBoolean
    case 'int':
      return readInt
    case 'long':
      return mode === 'number' ? readSafeInteger : readLong
    case 'float':
      return readFloat
    case 'double':
      return readDouble
    case 'decimal':
      return (cell) => readDecimal(cell, type.precision, type.scale)
    case 'date':
      return (cell) => (typeof cell === 'string' ? parseDateText(cell) : undefined)
    case 'time':
      return (cell) => (typeof cell === 'string' ? parseTimeText(cell) : undefined)
    case 'timestamp':
    case 'timestamptz': {
      const hasZone = type.kind === 'timestamptz'
      if (mode !== 'bigint') return (cell) => readDate(cell, { hasZone })
      return (cell) => readMoment(cell, { hasZone, unit: 'micros' })
    }
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
  }
}

function jsonCell(text: string): NestedCell | undefined {
  try {
    return parseJson(text, { keepFractions: true }) as NestedCell
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

type ReadPart = (cell: NestedCell) => Value | null | undefined

function nestedReader(type: NestedType, mode: ColumnMode | undefined): ReadCell {
  const partReader = (name: string, { type: inner, required }: NestedPart): ReadPart => {
    const read = partOfNested(inner, partMode(mode, name))
    return (cell) => (cell !== null ? read(cell) : required ? undefined : null)
  }
  switch (type.kind) {
    case 'list': {
      const read = partReader('element', type.element)
      return (cell) => (isList(cell) ? allOf(cell.map(read)) : undefined)
    }
    case 'struct': {
      const fields = type.fields.map((field) => ({ name: field.name, read: partReader(field.name, field) }))
      const names = new Set(fields.map(({ name }) => name))
      return (cell) => {
        if (!isObject(cell) || !Object.keys(cell).every((name) => names.has(name))) return undefined
        const values = allOf(fields.map(({ name, read }) => read(memberOf(cell, name))))
        return values && Object.fromEntries(fields.map(({ name }, i) => [name, values[i]]))
      }
    }
    case 'map':
      return mapReader(type, partReader, typeof mode === 'object' && mode.shape === 'object')
  }
}

/** Text inside a nested value is text: only a whole cell may be JSON. */
function partOfNested(type: ColumnType, mode: ColumnMode | undefined): ReadCell {
  return isNested(type) ? nestedReader(type, mode) : cellReader(type, mode)
}

function mapReader(
  type: Extract<NestedType, { kind: 'map' }>,
  partReader: (name: string, part: NestedPart) => ReadPart,
  isObjectMode: boolean,
): ReadCell {
  const readKey = partReader('key', type.key)
  const readValue = partReader('value', type.value)
  const hasTextKeys = type.key.type.kind === 'string'
  return (cell) => {
    const pairs = hasTextKeys && isObject(cell) ? Object.entries(cell) : pairsOf(cell)
    const keys = pairs && allOf(pairs.map(([key]) => readKey(key)))
    const values = pairs && allOf(pairs.map(([, one]) => readValue(one)))
    if (keys === undefined || values === undefined) return undefined
    const entries = keys.map((key, i) => [key as Scalar, values[i]] as const)
    const map = new Map(entries)
    // Of two entries with one key, one would be lost.
    if (map.size < entries.length) return undefined
    return isObjectMode ? Object.fromEntries(map as Map<string, Value | null>) : map
  }
}

function pairsOf(cell: NestedCell): (readonly [NestedCell, NestedCell])[] | undefined {
  if (!isList(cell)) return undefined
  const pairs = cell.map((pair) =>
    isObject(pair) && Object.keys(pair).every((name) => name === 'key' || name === 'value')
      ? ([memberOf(pair, 'key'), memberOf(pair, 'value')] as const)
      : undefined,
  )
  return allOf(pairs)
}

function partMode(mode: ColumnMode | undefined, name: string): ColumnMode | undefined {
  const parts = typeof mode === 'object' ? mode.parts : undefined
  return parts !== undefined && Object.hasOwn(parts, name) ? parts[name] : undefined
}

function memberOf(cell: { readonly [name: string]: NestedCell }, name: string): NestedCell {
  return Object.hasOwn(cell, name) ? cell[name] : null
}

function allOf<T>(values: readonly (T | undefined)[]): T[] | undefined {
  return values.every((value) => value !== undefined) ? [...values] : undefined
}

function isList(cell: NestedCell): cell is readonly NestedCell[] {
  return Array.isArray(cell)
}

function isObject(cell: NestedCell): cell is { readonly [name: string]: NestedCell } {
  return typeof cell === 'object' && cell !== null && !isList(cell) && !isScalar(cell)
}

function isScalar(cell: NestedCell): cell is Exclude<Cell, null> {
  return typeof cell !== 'object' || cell instanceof Uint8Array || isMoment(cell)
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

function readSafeInteger(cell: Cell): number | undefined {
  const value = readLong(cell)
  return value !== undefined && Number.isSafeInteger(Number(value)) ? Number(value) : undefined
}

function readFloat(cell: Cell): number | undefined {
  const value = readDouble(cell)
  const isTooLarge = Number.isFinite(value) && !Number.isFinite(Math.fround(value ?? 0))
  return isTooLarge ? undefined : value
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

/** Whole milliseconds, which a `Date` holds. */
function readDate(cell: Cell, form: { readonly hasZone: boolean }): Date | undefined {
  const micros = readMoment(cell, { ...form, unit: 'micros' })
  if (micros === undefined || micros % 1000n !== 0n) return undefined
  const date = new Date(Number(micros / 1000n))
  return Number.isNaN(date.getTime()) ? undefined : date
}

function readUuid(cell: Cell): string | undefined {
  if (typeof cell !== 'string') return undefined
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(cell) ? cell.toLowerCase() : undefined
}

function readHex(cell: Cell, length: number | undefined): Uint8Array | undefined {
  const bytes = typeof cell === 'string' ? fromHex(cell.toLowerCase()) : cell
  if (!(bytes instanceof Uint8Array)) return undefined
  return length === undefined || bytes.length === length ? bytes : undefined
}

function isMoment(cell: NestedCell): cell is Moment {
  return typeof cell === 'object' && cell !== null && 'nanos' in cell && typeof cell.nanos === 'bigint'
}

function showText(cell: Cell): string {
  if (cell instanceof Uint8Array) return toHex(cell)
  return isMoment(cell) ? formatMoment(cell.nanos, cell) : String(cell)
}

/** True for types with a value that has no characters: a quoted empty cell is that, and no null. */
export function takesEmptyText(type: ColumnType): boolean {
  return type.kind === 'string' || type.kind === 'binary'
}

/** A cell as a message shows it, never more than part of a line. */
export function showCell(cell: Cell): string {
  const text = typeof cell === 'string' ? JSON.stringify(cell) : showText(cell)
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`
}

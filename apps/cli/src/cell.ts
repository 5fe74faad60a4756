import type { ColumnType } from '@meru/core'
import { INT_MAX, LONG_MAX, type Cell } from './infer.ts'
import { formatMoment, parseDateText, parseMoment, parseTimeText, type Moment } from './moment.ts'

/** A value in the form that `@meru/db` takes for the column. */
export type Value = boolean | number | bigint | string | Uint8Array

/** The value of a cell that is not null, or `undefined` if the type cannot hold it without loss. */
export type ReadCell = (cell: Exclude<Cell, null>) => Value | undefined

/** How the cells of a column of this type become values. Timestamps become microseconds, as a bigint. */
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
  }
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

import { MeruError } from './errors.ts'
import { isBytes, isDate } from './value-check.ts'

/** Where a value stands, for messages. */
export interface ColumnName {
  readonly table: string
  readonly name: string
}

const SHOWN_LENGTH = 60

/** A value as a message shows it: its type where that helps, and never more than a line of it. */
export function showValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return shorten(JSON.stringify(value))
    case 'bigint':
      return shorten(`${value}n`)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'object':
      return showObject(value)
    case 'function':
      return 'a function'
    default:
      return String(value)
  }
}

/** A key as a message shows it: the value, or every column of it by name. */
export function showKey(key: unknown): string {
  const isColumns = typeof key === 'object' && key !== null && !isDate(key) && !isBytes(key)
  if (!isColumns) return showValue(key)
  const columns = Object.entries(key).map(([name, value]) => `${name}: ${showValue(value)}`)
  return `{ ${columns.join(', ')} }`
}

function showObject(value: object | null): string {
  if (value === null) return 'null'
  if (isDate(value)) return Number.isNaN(value.getTime()) ? 'an invalid Date' : value.toISOString()
  if (isBytes(value)) return `a Uint8Array of ${value.length} bytes`
  if (Array.isArray(value)) return `an array of ${value.length}`
  const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `a ${shorten(name)}` : 'an object'
}

function shorten(text: string): string {
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}… (${text.length} characters)`
}

/** The error for a value that its column cannot hold. */
export function invalidValue(column: ColumnName, value: unknown, expected: string): MeruError {
  return new MeruError(
    'INVALID',
    `table "${column.table}", column "${column.name}": ${showValue(value)} is not ${expected}`,
  )
}

/** The error for a text that UTF-8 cannot express. */
export function halfPair(column: ColumnName, value: string): MeruError {
  return invalidValue(column, value, 'well-formed text: it holds half of a surrogate pair')
}

import type { ColumnType } from '@meru/core'
import { INT_MAX, LONG_MAX, parseDateText, parseMoment, type Cell } from '@meru/formats/parts'

/**
 * The types that hold a value without loss, as a set of bits. A column may have the types that are in the
 * sets of all its values, so inference is an intersection and never depends on the order of rows.
 */
export type TypeSet = number

const BOOLEAN = 1
const INT = 2
const LONG = 4
const DOUBLE = 8
const DATE = 16
const TIMESTAMP = 32
const TIMESTAMPTZ = 64
const STRING = 128

export const ANY_TYPE: TypeSet = 255

/** Preference, narrowest first. A column without values comes out as a string. */
const CHOICES: readonly (readonly [TypeSet, ColumnType])[] = [
  [BOOLEAN, { kind: 'boolean' }],
  [INT, { kind: 'int' }],
  [LONG, { kind: 'long' }],
  [DOUBLE, { kind: 'double' }],
  [DATE, { kind: 'date' }],
  [TIMESTAMP, { kind: 'timestamp' }],
  [TIMESTAMPTZ, { kind: 'timestamptz' }],
]

const LONG_MIN: bigint = -(2n ** 63n)

const INTEGER = /^-?(?:0|[1-9]\d*)$/
const DECIMAL = /^-?(?:(?:0|[1-9]\d*)(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?$/
/** More digits than this do not survive a double. */
const DOUBLE_DIGITS_MAX = 17

/** The type to give to a column whose values are all in `set`. */
export function chooseType(set: TypeSet): ColumnType {
  if (set === ANY_TYPE) return { kind: 'string' }
  return CHOICES.find(([bit]) => (set & bit) !== 0)?.[1] ?? { kind: 'string' }
}

/** True if nothing that is seen from now on can change the choice. */
export function isSettled(set: TypeSet): boolean {
  return set === STRING
}

/** The types that a text may stand for. An empty text stands for none in particular. */
export function typesOfText(text: string): TypeSet {
  if (text === '') return ANY_TYPE
  const first = text.charCodeAt(0)
  const isDigit = first >= 0x30 && first <= 0x39
  if (isDigit || first === 0x2d || first === 0x2e) {
    const numeric = numericTypes(text)
    if (numeric !== 0) return numeric | STRING
    return isDigit ? momentTypes(text) | STRING : STRING
  }
  return /^(?:true|false)$/i.test(text) ? BOOLEAN | STRING : STRING
}

/** The types that a value of JSON may have: its kind is said, so only strings are looked into. */
export function typesOfValue(value: Cell): TypeSet {
  switch (typeof value) {
    case 'boolean':
      return BOOLEAN | STRING
    case 'number':
      return typesOfNumber(value)
    case 'bigint':
      return value >= LONG_MIN && value <= LONG_MAX ? LONG | STRING : STRING
    case 'string':
      return momentTypes(value) | STRING
    default:
      return ANY_TYPE
  }
}

function typesOfNumber(value: number): TypeSet {
  if (!Number.isInteger(value) || Object.is(value, -0)) return DOUBLE | STRING
  if (value >= -INT_MAX - 1 && value <= INT_MAX) return INT | LONG | DOUBLE | STRING
  return Number.isSafeInteger(value) ? LONG | DOUBLE | STRING : DOUBLE | STRING
}

function numericTypes(text: string): TypeSet {
  if (INTEGER.test(text) && text !== '-0') {
    if (text.length <= 15) return typesOfNumber(Number(text)) & ~STRING
    const value = BigInt(text)
    if (value < LONG_MIN || value > LONG_MAX) return 0
    return Number.isSafeInteger(Number(text)) ? LONG | DOUBLE : LONG
  }
  if (!DECIMAL.test(text)) return 0
  const digits = text
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+/, '')
  if (digits.length > DOUBLE_DIGITS_MAX) return 0
  const value = Number(text)
  if (!Number.isFinite(value) || (value === 0 && /[1-9]/.test(digits))) return 0
  return DOUBLE
}

function momentTypes(text: string): TypeSet {
  if (text.length < 10 || text.length > 36) return 0
  if (parseDateText(text) !== undefined) return DATE
  const moment = parseMoment(text)
  if (moment === undefined || !moment.isMicros) return 0
  return moment.hasZone ? TIMESTAMPTZ : TIMESTAMP
}

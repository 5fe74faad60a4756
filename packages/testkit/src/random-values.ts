import type { ColumnDef, ColumnMode, ColumnType, NestedPart } from '@meru/core'
import type { Random } from './random.ts'
import { showValue, type Scalar, type Value } from './rows.ts'

const DAY_MS = 86_400_000
const CENTURY_MS = 36_525 * DAY_MS
const LONG_MAX = 2n ** 63n - 1n

// Empty, embedded zero, prefixes of one another, and the characters whose UTF-16 order is not that of UTF-8.
const TEXTS: readonly string[] = [
  '',
  'a',
  'a\0',
  'a\0b',
  'ab',
  'b',
  'é',
  '\u{ff5e}',
  '\u{10000}',
  '😀',
  'ÿ',
  'zz',
]
const LETTERS: readonly string[] = Array.from('abcdefghijklmnopqrstuvwxyzéß漢😀')
const DOUBLES: readonly number[] = [0, -0, 1, -1.5, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, 0.1]
const INTS: readonly number[] = [0, 1, -1, 127, -128, 2 ** 31 - 1, -(2 ** 31), 65_536]
const LONGS: readonly bigint[] = [0n, 1n, -1n, LONG_MAX, -LONG_MAX - 1n, 2n ** 53n, -(2n ** 32n)]
const DATES: readonly string[] = ['1970-01-01', '1969-12-31', '2000-02-29', '0001-01-01', '9999-12-31']

/** A random value of a column, not null; now and then one that is known to be hard. */
export function randomValue(random: Random, column: ColumnDef, mode?: ColumnMode): Value {
  const isHard = random.oneIn(3)
  const { type } = column
  switch (type.kind) {
    case 'boolean':
      return random.oneIn(2)
    case 'int':
      return isHard ? random.pick(INTS) : random.uint32() | 0
    case 'long':
      return mode === 'number' ? safeInteger(random, isHard) : isHard ? random.pick(LONGS) : random.int64()
    case 'float':
      return Math.fround(isHard ? random.pick(DOUBLES) : (random.float() - 0.5) * 1e6)
    case 'double':
      return isHard ? random.pick(DOUBLES) : (random.float() - 0.5) * 1e12
    case 'decimal':
      return decimal(random, type.precision, type.scale, isHard)
    case 'date':
      return isHard ? random.pick(DATES) : moment(random).toISOString().slice(0, 10)
    case 'time':
      return isHard ? random.pick([0, DAY_MS * 1000 - 1]) : random.below(DAY_MS * 1000)
    case 'timestamp':
    case 'timestamptz':
      return mode === 'bigint'
        ? isHard
          ? random.pick([0n, -1n])
          : wideMoment(random, 1000n)
        : moment(random)
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return isHard ? random.pick([0n, -1n, LONG_MAX]) : wideMoment(random, 1_000_000n)
    case 'string':
      return isHard ? random.pick(TEXTS) : text(random)
    case 'uuid':
      return uuid(random.bytes(16))
    case 'fixed':
      return isHard ? new Uint8Array(type.length).fill(random.pick([0, 255])) : random.bytes(type.length)
    case 'binary':
      return isHard ? Uint8Array.from(random.pick([[], [0], [0, 0], [0, 255], [255]])) : bytes(random)
    case 'struct':
      return Object.fromEntries(type.fields.map((field) => [field.name, randomPart(random, field)]))
    case 'list':
      return Array.from({ length: randomCount(random) }, () => randomPart(random, type.element))
    case 'map':
      return randomMap(random, type)
  }
}

/** A value of a part of a nested column: null now and then where it may be. */
function randomPart(random: Random, part: NestedPart): Value {
  return !part.required && random.oneIn(4) ? null : randomValue(random, { ...part, name: '' })
}

function randomCount(random: Random): number {
  return random.weighted([
    [3, 0],
    [6, random.below(5)],
    [0.5, random.below(60)],
  ])
}

function randomMap(random: Random, type: Extract<ColumnType, { kind: 'map' }>): ReadonlyMap<Scalar, Value> {
  const entries = new Map<string, readonly [Scalar, Value]>()
  for (let i = randomCount(random); i > 0; i--) {
    const key = randomPart(random, type.key) as Scalar
    // A Map takes two keys of one value, such as two Dates; a column does not.
    entries.set(showValue(key), [key, randomPart(random, type.value)])
  }
  return new Map(entries.values())
}

function safeInteger(random: Random, isHard: boolean): number {
  if (isHard) return random.pick([0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])
  return Math.floor((random.float() - 0.5) * 2 ** 50)
}

function decimal(random: Random, precision: number, scale: number, isHard: boolean): string {
  const digits = isHard
    ? random.pick(['0', '1', '9'.repeat(precision)])
    : Array.from({ length: random.between(1, precision) }, () => random.below(10)).join('')
  const unscaled = BigInt(digits)
  const padded = unscaled.toString().padStart(scale + 1, '0')
  const sign = unscaled > 0n && random.oneIn(2) ? '-' : ''
  const whole = padded.slice(0, padded.length - scale)
  return scale === 0 ? sign + whole : `${sign}${whole}.${padded.slice(-scale)}`
}

/** Within a century of the epoch, to the millisecond. */
function moment(random: Random): Date {
  return new Date(random.between(-CENTURY_MS, CENTURY_MS))
}

/** The same in finer units, so that the last digits count. */
function wideMoment(random: Random, perMillisecond: bigint): bigint {
  return BigInt(moment(random).getTime()) * perMillisecond + BigInt(random.below(Number(perMillisecond)))
}

function text(random: Random): string {
  const length = random.weighted([
    [8, random.below(12)],
    [2, random.below(300)],
    [0.1, random.below(9000)],
  ])
  return Array.from({ length }, () => random.pick(LETTERS)).join('')
}

function bytes(random: Random): Uint8Array {
  return random.bytes(
    random.weighted([
      [8, random.below(12)],
      [2, random.below(300)],
      [0.1, random.below(9000)],
    ]),
  )
}

function uuid(bytesOfUuid: Uint8Array): string {
  const digits = Array.from(bytesOfUuid, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

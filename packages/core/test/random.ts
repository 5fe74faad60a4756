import { t, type Column, type ColumnType, type NestedPart } from '../src/index.ts'

/** A seeded generator (mulberry32): the same seed gives the same run. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * bound)
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }
}

const LONGS = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 31n, -(2n ** 31n), 2n ** 32n, 255n, 256n]
const INTS = [0, 1, -1, 2147483647, -2147483648, 255, 256, -256, 65535]
// Code-unit order and code-point order differ between U+E000..U+FFFF and pairs; so they are all here.
const CHARACTERS = ['', '\0', '\u0001', 'a', 'b', '\u007f', '\u0080', 'é', '\u07ff', '\u0800', '\ud7ff']
const RARE_CHARACTERS = ['\ue000', '\uffff', '\u{10000}', '\u{10ffff}', '😀', '\u00ff']
const BYTES = [0, 0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, 0xff]

/** A value that a column of the type takes, with its extremes well represented. */
export function randomValue(random: Random, type: ColumnType): unknown {
  switch (type.kind) {
    case 'boolean':
      return random.below(2) === 1
    case 'int':
      return random.below(3) === 0 ? random.pick(INTS) : random.below(2 ** 32) - 2 ** 31
    case 'long':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return randomLong(random)
    case 'float':
      return Math.fround(randomDouble(random) * 1e-280)
    case 'double':
      return randomDouble(random)
    case 'decimal':
      return randomDecimal(random, type.precision, type.scale)
    case 'date':
      return random.pick([
        '1970-01-01',
        '1969-12-31',
        '0000-01-01',
        '2024-02-29',
        '9999-12-31',
        randomDate(random),
      ])
    case 'time':
      return random.pick([0, 86_399_999_999, random.below(86_400_000_000)])
    case 'timestamp':
    case 'timestamptz':
      return new Date(random.pick([0, -1, 8.64e15, -8.64e15, random.below(4e12) - 1e12]))
    case 'string':
      return randomText(random)
    case 'uuid':
      return Buffer.from(randomBytes(random, 16))
        .toString('hex')
        .replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    case 'fixed':
      return randomBytes(random, type.length)
    case 'binary':
      return randomBytes(random, random.below(12))
    case 'struct':
      return Object.fromEntries(type.fields.map((field) => [field.name, randomPart(random, field)]))
    case 'list':
      return Array.from({ length: randomCount(random) }, () => randomPart(random, type.element))
    case 'map': {
      const entries = new Map<string, [unknown, unknown]>()
      for (let i = randomCount(random); i > 0; i--) {
        const key = randomValue(random, type.key.type)
        // A Map takes two keys of one value, such as two Dates; a column does not.
        entries.set(keyText(key), [key, randomPart(random, type.value)])
      }
      return new Map(entries.values())
    }
  }
}

/** A value of a part: null now and then where it may be. */
export function randomPart(random: Random, { type, required }: NestedPart): unknown {
  return !required && random.below(4) === 0 ? null : randomValue(random, type)
}

function randomCount(random: Random): number {
  return random.below(3) === 0 ? 0 : random.below(random.below(10) === 0 ? 40 : 5)
}

function keyText(key: unknown): string {
  if (key instanceof Date) return key.toISOString()
  return typeof key === 'string' ? key.replace(/^0+(?=[0-9])/, '') : String(key)
}

/** A column of any type, nested up to the given depth. */
export function randomColumn(random: Random, depth: number, scalars: readonly Column[]): Column {
  const inner = (): Column => {
    const column = randomColumn(random, depth - 1, scalars)
    return random.below(2) === 0 ? column : column.nullable()
  }
  const kind = depth === 0 ? 0 : random.below(5)
  if (kind === 1) return t.list(inner())
  if (kind === 2) {
    const keys = scalars.filter(({ type }) => !['float', 'double', 'decimal'].includes(type.kind))
    return t.map(random.pick(keys), inner())
  }
  if (kind > 2) {
    const names = ['a', 'b c', 'toString', 'd.e', '"'].slice(0, 1 + random.below(5))
    return t.struct(Object.fromEntries(names.map((name) => [name, inner()])))
  }
  return random.pick(scalars)
}

function randomLong(random: Random): bigint {
  if (random.below(3) === 0) return random.pick(LONGS)
  const value = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32))
  return BigInt.asIntN(64, value >> BigInt(random.below(64)))
}

function randomDouble(random: Random): number {
  if (random.below(3) === 0)
    return random.pick([0, -0, 1, -1, NaN, Infinity, -Infinity, 5e-324, 1.7976931348623157e308])
  return (random.below(2 ** 32) - 2 ** 31) / 1000
}

function randomDecimal(random: Random, precision: number, scale: number): string {
  const length = random.below(precision + 1)
  const digits = random.pick(['9'.repeat(precision), Array.from({ length }, () => random.below(10)).join('')])
  const plain = digits.padStart(scale + 1, '0')
  const whole = plain.slice(0, plain.length - scale).replace(/^0+(?=\d)/, '')
  const text = scale === 0 ? whole : `${whole}.${plain.slice(plain.length - scale)}`
  return random.below(2) === 0 || !/[1-9]/.test(text) ? text : `-${text}`
}

function randomDate(random: Random): string {
  return new Date((random.below(6_000_000) - 3_000_000) * 86_400_000).toISOString().replace(/T.*/, '')
}

function randomText(random: Random): string {
  if (random.below(8) === 0) return 'x'.repeat(random.below(200)) + random.pick(RARE_CHARACTERS)
  const from = random.below(2) === 0 ? CHARACTERS : [...CHARACTERS, ...RARE_CHARACTERS]
  return Array.from({ length: random.below(6) }, () => random.pick(from)).join('')
}

function randomBytes(random: Random, length: number): Uint8Array {
  return random.below(2) === 0 ? random.bytes(length) : Uint8Array.from({ length }, () => random.pick(BYTES))
}

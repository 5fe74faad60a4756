import { isNested, type ColumnType } from '@meru/core'
import type { Random } from '@meru/testkit'

/** A random value as a cell of CSV holds it, written without the code under test; null is no text. */
export function cellText(random: Random, type: ColumnType, value: unknown): string {
  if (value === null || value === undefined) return ''
  const text = isNested(type) ? jsonText(random, type, value) : scalarText(type, value)
  const mustQuote = text === '' || /[",\r\n]/.test(text)
  return mustQuote || random.oneIn(3) ? `"${text.replaceAll('"', '""')}"` : text
}

/** The same as JSON. */
export function jsonText(random: Random, type: ColumnType, value: unknown): string {
  if (value === null || value === undefined) return 'null'
  switch (type.kind) {
    case 'list':
      return `[${(value as unknown[]).map((one) => jsonText(random, type.element.type, one)).join(', ')}]`
    case 'struct': {
      const fields = type.fields.map(({ name, type: inner }) => {
        const member: unknown = Reflect.get(value, name)
        return `${JSON.stringify(name)}: ${jsonText(random, inner, member)}`
      })
      return `{${fields.join(', ')}}`
    }
    case 'map': {
      const entries = [...(value as ReadonlyMap<unknown, unknown>)].map(
        ([key, one]) =>
          [jsonText(random, type.key.type, key), jsonText(random, type.value.type, one)] as const,
      )
      if (type.key.type.kind === 'string' && random.oneIn(2)) {
        return `{${entries.map(([key, one]) => `${key}: ${one}`).join(', ')}}`
      }
      return `[${entries.map(([key, one]) => `{"key": ${key}, "value": ${one}}`).join(', ')}]`
    }
    case 'boolean':
    case 'int':
    case 'long':
      return scalarText(type, value)
    case 'float':
    case 'double':
      return Number.isFinite(value) ? scalarText(type, value) : JSON.stringify(scalarText(type, value))
    case 'decimal':
      return random.oneIn(2) ? scalarText(type, value) : JSON.stringify(scalarText(type, value))
    default:
      return JSON.stringify(scalarText(type, value))
  }
}

function scalarText(type: ColumnType, value: unknown): string {
  if (Object.is(value, -0)) return '-0'
  if (value instanceof Uint8Array)
    return Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('')
  switch (type.kind) {
    case 'time':
      return nanosText(BigInt(value as number) * 1000n).slice('1970-01-01T'.length, -3)
    case 'timestamp':
    case 'timestamptz': {
      const text = value instanceof Date ? value.toISOString().slice(0, -1) : microsText(value as bigint)
      return type.kind === 'timestamptz' ? `${text}Z` : text
    }
    case 'timestamp_ns':
      return nanosText(value as bigint)
    case 'timestamptz_ns':
      return `${nanosText(value as bigint)}Z`
    default:
      return String(value)
  }
}

function microsText(micros: bigint): string {
  return nanosText(micros * 1000n).slice(0, -3)
}

function nanosText(nanos: bigint): string {
  const fraction = ((nanos % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  const seconds = new Date(Number((nanos - fraction) / 1_000_000n)).toISOString().slice(0, 19)
  return `${seconds}.${String(fraction).padStart(9, '0')}`
}

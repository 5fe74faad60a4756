import { decodeDefault, fromHex, MeruError, toHex, type ColumnDef } from '@meru/core'
import { floatJson, type Json } from './json.ts'

const SECONDS_PER_DAY = 86_400n

/**
 * A default as Iceberg's JSON has single values (specification, appendix D). `hex` is the form in which
 * schemas hold it. Throws `INVALID` for a number that JSON cannot write.
 */
export function defaultJson(table: string, column: ColumnDef, hex: string): Json {
  const { kind } = column.type
  const bytes = fromHex(hex) ?? new Uint8Array()
  if (kind === 'fixed' || kind === 'binary') return toHex(bytes)
  const value = decodeDefault(column, kind.startsWith('timestamp') ? 'bigint' : undefined, bytes)
  switch (kind) {
    case 'time':
      return clock(BigInt(value as number), 6)
    case 'timestamp':
      return moment(value as bigint, 6)
    case 'timestamptz':
      return `${moment(value as bigint, 6)}+00:00`
    case 'timestamp_ns':
      return moment(value as bigint, 9)
    case 'timestamptz_ns':
      return `${moment(value as bigint, 9)}+00:00`
    case 'float':
    case 'double':
      if (!Number.isFinite(value)) {
        throw new MeruError(
          'INVALID',
          `table ${table}, column ${column.name}: Iceberg has no way to write the default ${String(value)}; give another`,
        )
      }
      return floatJson(value as number)
    default:
      return value as Json
  }
}

function moment(units: bigint, digits: 6 | 9): string {
  const perDay = SECONDS_PER_DAY * 10n ** BigInt(digits)
  const inDay = ((units % perDay) + perDay) % perDay
  const day = new Date(Number((units - inDay) / perDay) * 86_400_000).toISOString()
  return `${day.slice(0, day.indexOf('T'))}T${clock(inDay, digits)}`
}

function clock(units: bigint, digits: 6 | 9): string {
  const perSecond = 10n ** BigInt(digits)
  const seconds = units / perSecond
  const pad = (value: bigint, length = 2): string => String(value).padStart(length, '0')
  const time = `${pad(seconds / 3600n)}:${pad((seconds / 60n) % 60n)}:${pad(seconds % 60n)}`
  return `${time}.${pad(units % perSecond, digits)}`
}

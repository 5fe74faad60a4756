import type { ColumnType } from './column-type.ts'
import type { ColumnMode } from './columns.ts'
import { decodeDefault } from './default-value.ts'
import { fromHex } from './hex.ts'
import type { ColumnDef } from './schema.ts'
import { isBytes, isDate } from './value-check.ts'

/** A column as the code that declares it: `t.decimal(10, 2).nullable()`. */
export function columnCode(
  column: Pick<ColumnDef, 'type' | 'required' | 'writeDefault'>,
  mode?: ColumnMode,
): string {
  const { writeDefault } = column
  const nullable = column.required ? '' : '.nullable()'
  const fallback = writeDefault === undefined ? '' : `.default(${valueCode(column, mode, writeDefault)})`
  return `t.${typeCode(column.type, mode)}${nullable}${fallback}`
}

/** A default as the code of its value. */
export function valueCode(
  column: Pick<ColumnDef, 'type'>,
  mode: ColumnMode | undefined,
  hex: string,
): string {
  const exact = mode ?? (column.type.kind.startsWith('timestamp') ? 'bigint' : undefined)
  const value = decodeDefault({ name: '', type: column.type }, exact, fromHex(hex) ?? new Uint8Array())
  if (typeof value === 'bigint') return `${value}n`
  if (isDate(value)) return `new Date('${value.toISOString()}')`
  if (isBytes(value)) return `Uint8Array.of(${value.join(', ')})`
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  return JSON.stringify(value)
}

function typeCode(type: ColumnType, mode: ColumnMode | undefined): string {
  const options = mode === undefined ? '' : `{ mode: '${mode}' }`
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`
    case 'fixed':
      return `fixed(${type.length})`
    case 'timestamp_ns':
      return 'timestampNs()'
    case 'timestamptz_ns':
      return 'timestamptzNs()'
    default:
      return `${type.kind}(${options})`
  }
}

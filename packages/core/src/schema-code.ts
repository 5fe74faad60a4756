import type { ColumnType, NestedPart } from './column-type.ts'
import type { ColumnMode } from './column.ts'
import { decodeDefault } from './default-value.ts'
import { fromHex } from './hex.ts'
import type { ColumnDef } from './schema.ts'
import { nestedParts, partMode } from './nested-type.ts'
import { isBytes, isDate, isMap } from './value-check.ts'

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
  const exact = mode ?? exactMode(column.type)
  return literalCode(decodeDefault({ name: '', type: column.type }, exact, fromHex(hex) ?? new Uint8Array()))
}

/** The mode in which values lose nothing. */
export function exactMode(type: ColumnType): ColumnMode | undefined {
  if (type.kind.startsWith('timestamp')) return 'bigint'
  const parts = nestedParts(type).flatMap(({ name, part }) => {
    const mode = exactMode(part.type)
    return mode === undefined ? [] : [[name, mode] as const]
  })
  return parts.length === 0 ? undefined : { parts: Object.fromEntries(parts) }
}

/** A value of any column as code. */
function literalCode(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (isDate(value)) return `new Date('${value.toISOString()}')`
  if (isBytes(value)) return `Uint8Array.of(${value.join(', ')})`
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (isMap(value)) {
    const entries = [...value].map(([key, one]) => `[${literalCode(key)}, ${literalCode(one)}]`)
    return entries.length === 0 ? 'new Map()' : `new Map([${entries.join(', ')}])`
  }
  if (Array.isArray(value)) return `[${value.map(literalCode).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).map(([name, one]) => `${propertyCode(name)}: ${literalCode(one)}`)
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
}

function propertyCode(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
}

function typeCode(type: ColumnType, mode: ColumnMode | undefined): string {
  const options = typeof mode === 'string' ? `{ mode: '${mode}' }` : ''
  const part = (name: string, { type: inner, required }: NestedPart): string =>
    columnCode({ type: inner, required }, partMode(mode, name))
  switch (type.kind) {
    case 'list':
      return `list(${part('element', type.element)})`
    case 'map': {
      const shape = typeof mode === 'object' && mode.shape === 'object' ? `, { mode: 'object' }` : ''
      return `map(${part('key', type.key)}, ${part('value', type.value)}${shape})`
    }
    case 'struct': {
      const fields = type.fields.map((field) => `${propertyCode(field.name)}: ${part(field.name, field)}`)
      return `struct({ ${fields.join(', ')} })`
    }
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

import type { ColumnType, TableSchema } from '@meru/core'

/** Values by column, each spelled in one way, so that rows of different readers can be compared. */
export type TextRow = Readonly<Record<string, string | null>>

export function textRows(schema: TableSchema, rows: readonly Readonly<Record<string, unknown>>[]): TextRow[] {
  return rows.map((row) =>
    Object.fromEntries(schema.columns.map(({ name, type }) => [name, valueText(type, row[name])])),
  )
}

/** A row per line, in an order of their own: readers promise none. */
export function sortedLines(rows: readonly TextRow[]): string[] {
  return rows.map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))).sort()
}

export function valueText(type: ColumnType, value: unknown): string | null {
  if (value === null || value === undefined) return null
  switch (type.kind) {
    case 'float':
    case 'double':
      return doubleText(value as number)
    case 'timestamp':
    case 'timestamptz':
      return plainText(value instanceof Date ? BigInt(value.getTime()) * 1000n : (value as bigint))
    case 'fixed':
    case 'binary':
      return Buffer.from(value as Uint8Array).toString('hex')
    case 'list':
      return `[${(value as unknown[]).map((one) => partText(type.element.type, one)).join(',')}]`
    case 'map': {
      const entries = [...(value as ReadonlyMap<unknown, unknown>)].map(
        ([key, one]) => `${partText(type.key.type, key)}:${partText(type.value.type, one)}`,
      )
      return mapText(entries)
    }
    case 'struct': {
      const fields = value as Readonly<Record<string, unknown>>
      return `{${type.fields.map(({ name, type: inner }) => `${name}:${partText(inner, fields[name])}`).join(',')}}`
    }
    default:
      return plainText(value as bigint)
  }
}

/** A map of entries in the order of their bytes, for maps have none. Some readers make a list of pairs of it. */
export function mapText(entries: readonly string[]): string {
  return entries.length === 0 ? '[]' : `{${entries.toSorted(compareUtf8).join(',')}}`
}

function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** What is within a value, as the readers' program spells it. */
function partText(type: ColumnType, value: unknown): string {
  return valueText(type, value) ?? 'None'
}

/** The bits, so that zeros and NaN count. */
export function doubleText(value: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes.toString('hex')
}

export function plainText(value: string | number | bigint | boolean): string {
  return String(value)
}

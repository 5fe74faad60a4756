import { keyColumns, typeName, type ColumnDef, type TableSchema } from '@meru/core'
import { startsWith } from '@meru/db'
import type { Value } from '@meru/formats/parts'
import { exactReader } from './cell.ts'
import { usageFailure } from './failure.ts'

/** A whole key from its texts, one for each key column. */
export function parseKey(schema: TableSchema, texts: readonly string[]): unknown {
  const columns = keyColumns(schema)
  if (texts.length !== columns.length) {
    const wanted = columns.map(({ name, type }) => `${name} (${typeName(type)})`).join(', ')
    throw usageFailure(`the key has ${columns.length} columns: ${wanted}; ${texts.length} values were given`)
  }
  return columns.length === 1 ? parseValue(columns[0], texts[0]) : parseLeading(columns, texts)
}

/** A bound of a range from the texts of the leading key columns. */
export function parseBound(schema: TableSchema, option: string, texts: readonly string[]): unknown {
  const columns = keyColumns(schema)
  if (texts.length > columns.length) {
    throw usageFailure(
      `--${option} is given ${texts.length} times, but the key has ${columns.length} columns`,
    )
  }
  return columns.length === 1 ? parseValue(columns[0], texts[0]) : parseLeading(columns, texts)
}

/** Like a bound, but the last text is only how the value starts, if its column holds text. */
export function parsePrefix(schema: TableSchema, texts: readonly string[]): unknown {
  const columns = keyColumns(schema)
  const last = columns[texts.length - 1] as ColumnDef | undefined
  const hasStart = last?.type.kind === 'string'
  if (columns.length === 1) {
    if (hasStart && texts.length === 1) return texts[0]
    throw usageFailure(`--prefix needs a key that starts with a string column, or several key columns`)
  }
  const bound = parseBound(schema, 'prefix', texts) as Record<string, unknown>
  return hasStart ? { ...bound, [last.name]: startsWith(texts[texts.length - 1]) } : bound
}

function parseLeading(columns: readonly ColumnDef[], texts: readonly string[]): Record<string, Value> {
  return Object.fromEntries(
    texts.map((text, index) => [columns[index].name, parseValue(columns[index], text)]),
  )
}

function parseValue({ name, type }: ColumnDef, text: string): Value {
  const value = exactReader(type)(text)
  if (value === undefined) throw usageFailure(`key column "${name}": "${text}" is no ${typeName(type)}`)
  return value
}

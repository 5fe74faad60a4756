import { keyColumns, type TableDefinition } from '@meru/core'
import type { KeyShape, Range } from './key-order.ts'
import { isRecord } from './key-order.ts'
import { Random } from './random.ts'
import { randomValue } from './random-values.ts'
import { showValue, type Row, type Value } from './rows.ts'

/** What a table is between two changes: its declaration, and what rows hold that leave a column out. */
export interface TableShape {
  readonly definition: TableDefinition
  readonly defaults: Row
}

/** Whether a table is as it was declared at first. */
export function isFirst({ definition }: TableShape): boolean {
  return definition.schema.schemaId === 0
}

/**
 * A row for the table as it is, of a row for the table as it was declared at first: the key is the same, everything else
 * is drawn anew, always alike for the same row. Columns that may be left out sometimes are.
 */
export function rowUnder(shape: TableShape, first: TableDefinition, row: Row): Row {
  if (isFirst(shape)) return row
  const { schema, modes } = shape.definition
  const random = new Random(hashOf(showValue(row)))
  const keys = new Map(
    keyColumns(schema).map(({ id }, i) => [id, row[keyColumns(first.schema)[i].name]] as const),
  )
  const made: Record<string, Value> = {}
  for (const column of schema.columns) {
    const { id, name, required } = column
    const key = keys.get(id)
    if (key !== undefined) made[name] = key
    else if (Object.hasOwn(shape.defaults, name) && random.oneIn(3)) continue
    else if (!required && random.oneIn(4)) made[name] = null
    else made[name] = randomValue(random, column, modes[name])
  }
  return made
}

/** A key, or a leading part of one, by the names that the key columns have. */
export function keyUnder(shape: TableShape, first: TableDefinition, key: KeyShape): KeyShape {
  if (isFirst(shape) || !isRecord(key)) return key
  const names = keyColumns(shape.definition.schema).map(({ name }) => name)
  const firstNames = keyColumns(first.schema).map(({ name }) => name)
  return Object.fromEntries(
    names.flatMap((name, i) => (Object.hasOwn(key, firstNames[i]) ? [[name, key[firstNames[i]]]] : [])),
  )
}

export function rangeUnder(shape: TableShape, first: TableDefinition, range: Range): Range {
  if (isFirst(shape)) return range
  return Object.fromEntries(
    Object.entries(range).map(([bound, key]) => [bound, keyUnder(shape, first, key as KeyShape)]),
  )
}

/** As many of the columns that are there, always the same ones for the same selection. */
export function selectionUnder(shape: TableShape, selection: readonly string[]): readonly string[] {
  if (isFirst(shape)) return selection
  const names = shape.definition.schema.columns.map(({ name }) => name)
  return new Random(hashOf(showValue(selection))).shuffle(names).slice(0, selection.length)
}

function hashOf(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) >>> 0
  return hash
}

import type { NestedCell } from './cell.ts'
import { InputFault } from './input-fault.ts'
import {
  isJsonObject,
  jsonKind,
  jsonText,
  LineCutter,
  parseRecord,
  type JsonObject,
  type JsonRecord,
} from './json-text.ts'
import {
  checkOptions,
  RowBuilder,
  type Row,
  type RowColumn,
  type RowDefinition,
  type RowsOptions,
} from './row-builder.ts'
import { checkTextSource, textPieces, type TextSource } from './text.ts'

/**
 * The rows of text with a JSON object on each line (NDJSON, JSON Lines). A member that is absent is left out of the row,
 * null is null. The members of an object that is no column are columns with dotted names. Numbers are exact: integers
 * of any size, and fractions where the column is a decimal. Errors are `INVALID` and name table, column, line and value.
 */
export function ndjsonRows<Insert>(
  source: TextSource,
  definition: RowDefinition<Insert>,
  options: RowsOptions = {},
): AsyncGenerator<Insert[], void, undefined> {
  checkTextSource(source)
  checkOptions(options, ['unknown'])
  const builder = new RowBuilder(definition, { unit: 'line', unknown: options.unknown })
  return readNdjson(source, builder) as AsyncGenerator<Insert[], void, undefined>
}

async function* readNdjson(source: TextSource, builder: RowBuilder): AsyncGenerator<Row[], void, undefined> {
  const cutter = new LineCutter()
  const rowOf = (record: JsonRecord): Row => readRow(builder, record)
  try {
    for await (const text of textPieces(source)) {
      const lines = cutter.push(text)
      if (lines.length > 0) yield lines.map(rowOf)
    }
    const lines = cutter.end()
    if (lines.length > 0) yield lines.map(rowOf)
  } catch (error) {
    throw builder.explain(error)
  }
}

function readRow(builder: RowBuilder, record: JsonRecord): Row {
  const { line } = record
  const value = parseRecord(record, { keepFractions: true })
  if (!isJsonObject(value)) throw new InputFault(`an object was expected, not ${jsonKind(value)}`, { line })
  const row: Row = {}
  addMembers({ builder, row, line }, value, '')
  builder.checkComplete((name) => Object.hasOwn(row, name), line)
  return row
}

interface Filling {
  readonly builder: RowBuilder
  readonly row: Row
  readonly line: number
}

function addMembers(filling: Filling, value: JsonObject, prefix: string): void {
  const { builder, row, line } = filling
  for (const [member, inner] of Object.entries(value)) {
    const name = prefix + member
    const column = builder.find(name)
    if (column !== undefined) {
      if (Object.hasOwn(row, name)) throw new InputFault(`it has two values for column "${name}"`, { line })
      row[name] = builder.value(column, cellOf(column, inner), line)
    } else if (isJsonObject(inner) && Object.keys(inner).length > 0) {
      addMembers(filling, inner, `${name}.`)
    } else {
      builder.column(name, { place: line })
    }
  }
}

/** A column of strings keeps lists and objects as their JSON text. */
function cellOf({ type }: RowColumn, value: unknown): NestedCell {
  const isText = type.kind === 'string' && typeof value === 'object' && value !== null
  return isText ? jsonText(value) : (value as NestedCell)
}

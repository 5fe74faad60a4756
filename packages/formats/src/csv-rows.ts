import { takesEmptyText } from './cell.ts'
import { CsvRecordReader, checkHeading, otherDelimiter, type CsvCell } from './csv-records.ts'
import { InputFault } from './input-fault.ts'
import {
  checkOptions,
  RowBuilder,
  type Row,
  type RowColumn,
  type RowDefinition,
  type RowsOptions,
} from './row-builder.ts'
import { checkTextSource, textPieces, type TextSource } from './text.ts'

export interface CsvOptions extends RowsOptions {
  /** The character between two cells; a comma without it. */
  readonly delimiter?: string | undefined
}

/**
 * The rows of CSV text (RFC 4180, UTF-8), whose first line names the columns. An empty cell is null; a quoted one is the
 * empty string for a column of strings, no bytes for one of `binary`, else null. Columns that the input lacks are left
 * out of the rows. Errors are `INVALID` and name table, column, line and value.
 */
export function csvRows<Insert>(
  source: TextSource,
  definition: RowDefinition<Insert>,
  options: CsvOptions = {},
): AsyncGenerator<Insert[], void, undefined> {
  checkTextSource(source)
  checkOptions(options, ['delimiter', 'unknown'])
  const { delimiter = ',', unknown } = options
  if (!/^[^"\r\n]$/u.test(delimiter)) {
    throw new TypeError(
      `a delimiter is one character, no quote or line break, not ${JSON.stringify(delimiter)}`,
    )
  }
  const builder = new RowBuilder(definition, { unit: 'line', unknown })
  return readCsv(source, builder, delimiter) as AsyncGenerator<Insert[], void, undefined>
}

async function* readCsv(
  source: TextSource,
  builder: RowBuilder,
  delimiter: string,
): AsyncGenerator<Row[], void, undefined> {
  const reader = new CsvRecordReader({ delimiter })
  let columns: readonly CsvColumn[] | undefined
  const taken = (): Row[] => {
    if (reader.heading !== undefined) columns ??= columnsOf(builder, reader.heading, delimiter)
    const { rows, lines } = reader.take()
    return rows.map((cells, index) => rowOf(builder, columns ?? [], cells, lines[index]))
  }
  try {
    for await (const text of textPieces(source)) {
      await reader.write(text)
      const rows = taken()
      if (rows.length > 0) yield rows
    }
    await reader.end()
    const rows = taken()
    if (columns === undefined) {
      throw new InputFault('is empty', { hint: 'the first line of CSV names its columns' })
    }
    if (rows.length > 0) yield rows
  } catch (error) {
    throw builder.explain(error)
  }
}

interface CsvColumn {
  readonly position: number
  readonly column: RowColumn
  /** A quoted empty cell is a value of the column. */
  readonly hasEmpty: boolean
}

function columnsOf(builder: RowBuilder, heading: readonly CsvCell[], delimiter: string): CsvColumn[] {
  const names = heading.map((cell) => (cell === '' ? null : cell))
  checkHeading(names)
  const other = otherDelimiter(heading, delimiter)
  const hint =
    other &&
    `if its cells are separated by ${JSON.stringify(other)}, pass { delimiter: ${JSON.stringify(other)} }`
  const columns = names.flatMap((name, position) => {
    const column = builder.column(name, { place: 1, ...(hint && { hint }) })
    if (column === undefined) return []
    return [{ position, column, hasEmpty: takesEmptyText(column.type) }]
  })
  builder.checkComplete((name) => columns.some(({ column }) => column.name === name), 1)
  return columns
}

function rowOf(
  builder: RowBuilder,
  columns: readonly CsvColumn[],
  cells: readonly CsvCell[],
  line: number,
): Row {
  const row: Row = {}
  for (const { position, column, hasEmpty } of columns) {
    const cell = cells[position]
    row[column.name] = builder.value(column, cell === '' && !hasEmpty ? null : cell, line)
  }
  return row
}

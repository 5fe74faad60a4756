import { openNestedParquetFile, type ParquetSource } from './parquet-file.ts'
import { checkOptions, RowBuilder, type Row, type RowDefinition, type RowsOptions } from './row-builder.ts'

/**
 * The rows of a Parquet file. One row group at a time is held, of the columns that the table has. Columns that the file
 * lacks are left out of the rows. Errors are `INVALID` and name table, column, row and value.
 */
export function parquetRows<Insert>(
  source: ParquetSource,
  definition: RowDefinition<Insert>,
  options: RowsOptions = {},
): AsyncGenerator<Insert[], void, undefined> {
  if (typeof source?.byteLength !== 'number' || typeof source.slice !== 'function') {
    throw new TypeError(
      'the source of Parquet has byteLength and slice(start, end), like asyncBufferFromFile(path)',
    )
  }
  checkOptions(options, ['unknown'])
  const builder = new RowBuilder(definition, { unit: 'row', unknown: options.unknown })
  return readParquet(source, builder) as AsyncGenerator<Insert[], void, undefined>
}

async function* readParquet(
  source: ParquetSource,
  builder: RowBuilder,
): AsyncGenerator<Row[], void, undefined> {
  try {
    const file = await openNestedParquetFile(source)
    const found = file.columns.flatMap((from) => {
      const column = builder.column(from.name, {})
      return column === undefined ? [] : [{ from, column }]
    })
    builder.checkComplete((name) => found.some(({ column }) => column.name === name))
    for await (const { rows, firstRow } of file.batches(found.map(({ from }) => from))) {
      yield rows.map((cells, index) => {
        const row: Row = {}
        found.forEach(({ column }, position) => {
          row[column.name] = builder.value(column, cells[position], firstRow + index)
        })
        return row
      })
    }
  } catch (error) {
    throw builder.explain(error)
  }
}

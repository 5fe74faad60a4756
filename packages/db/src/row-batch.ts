import type { ColumnBatch, RowCodec, Selection, Vector } from '@meru/core'

/** Some rows of a scan, column by column. Valid as long as you hold it. */
export class RowBatch<Row = Record<string, unknown>> {
  readonly length: number
  readonly #batch: ColumnBatch
  readonly #codec: RowCodec<Row>
  readonly #selection: Selection

  constructor(batch: ColumnBatch, codec: RowCodec<Row>, selection: Selection) {
    this.length = batch.length
    this.#batch = batch
    this.#codec = codec
    this.#selection = selection
  }

  /** The names of the selected columns. */
  get columns(): readonly string[] {
    return this.#selection.names
  }

  /**
   * A column as it lies in memory: typed arrays and a validity bitmap; of a nested column the bytes of its values (see
   * `docs/format/row.md`), for which `values` is the better choice. Do not change it.
   */
  column(name: Extract<keyof Row, string>): Vector {
    return this.#batch.columns[this.#indexOf(name)]
  }

  /** The values of a column as rows hold them. */
  values<Name extends Extract<keyof Row, string>>(name: Name): Row[Name][] {
    const index = this.#indexOf(name)
    return this.#codec.valuesOf(this.#batch.columns[index], index, this.#selection) as Row[Name][]
  }

  #indexOf(name: string): number {
    const index = this.#selection.names.indexOf(name)
    if (index >= 0) return index
    throw new TypeError(`column "${name}" was not selected; there are ${this.columns.join(', ')}`)
  }

  /** The rows as objects. */
  rows(): Row[] {
    return this.#codec.rowsOf(this.#batch.columns, 0, this.length, this.#selection)
  }
}

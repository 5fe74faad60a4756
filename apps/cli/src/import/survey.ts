import type { ColumnType } from '@meru/core'
import { showCell, takesEmptyText, type Cell, type ReadCell, type Value } from '@meru/formats/parts'
import { exactReader } from '../cell.ts'
import { Failure } from '../failure.ts'
import { ANY_TYPE, chooseType, isSettled, typesOfText, typesOfValue, type TypeSet } from '../infer.ts'
import type { Input, RowBatch } from '../input/input.ts'

/** What reading a file through said of one of its columns. */
export interface SurveyedColumn {
  readonly name: string
  readonly type: ColumnType
  readonly hasNulls: boolean
}

/** Where a value stands, for messages. */
export interface CellPlace {
  readonly input: Input
  readonly column: string
  readonly place: number
}

interface ColumnState {
  set: TypeSet
  /** Rows in which the column has a value. */
  present: number
  /** Given for a column whose type is known already: its values are only checked. */
  readonly expected: ColumnType | undefined
  readonly read: ReadCell | undefined
}

/**
 * Reads all rows and keeps nothing of them but what decides the types, so that a file is known to fit before its
 * first row is written.
 */
export class Survey {
  rows = 0
  readonly #input: Input
  readonly #expected: ReadonlyMap<string, ColumnType>
  readonly #required: ReadonlySet<string>
  readonly #columns: ColumnState[] = []

  /** `expected`: types known beforehand. `required`: columns in which no value may be absent. */
  constructor(
    input: Input,
    known: { readonly expected: ReadonlyMap<string, ColumnType>; readonly required: ReadonlySet<string> },
  ) {
    this.#input = input
    this.#expected = known.expected
    this.#required = known.required
  }

  add({ rows, places }: RowBatch): void {
    const { columns } = this.#input
    while (this.#columns.length < columns.length)
      this.#columns.push(this.#begin(columns[this.#columns.length]))
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index]
      for (let column = 0; column < columns.length; column++) {
        const cell = row[column] ?? null
        const state = this.#columns[column]
        if (!isAbsent(cell, state.expected, this.#input)) {
          state.present++
          if (state.read === undefined) this.#learn(state, cell)
          else if (state.read(cell as Exclude<Cell, null>) === undefined) {
            throw misfit(
              { input: this.#input, column: columns[column], place: places[index] },
              cell,
              state.expected,
            )
          }
        } else if (this.#required.has(columns[column])) {
          throw absent({ input: this.#input, column: columns[column], place: places[index] })
        }
      }
    }
    this.rows += rows.length
  }

  finish(): SurveyedColumn[] {
    return this.#columns.map(({ set, present, expected }, index) => ({
      name: this.#input.columns[index],
      type: expected ?? chooseType(set),
      hasNulls: present < this.rows,
    }))
  }

  #begin(name: string): ColumnState {
    const expected = this.#expected.get(name)
    const read = expected === undefined ? undefined : exactReader(expected)
    return { set: ANY_TYPE, present: 0, expected, read }
  }

  #learn(state: ColumnState, cell: Cell): void {
    if (isSettled(state.set)) return
    state.set &= this.#input.isText ? typesOfText(cell as string) : typesOfValue(cell)
  }
}

/** True for null, and for a quoted empty cell of CSV unless the column can hold no text or no bytes. */
function isAbsent(cell: Cell, type: ColumnType | undefined, input: Input): boolean {
  if (cell === null) return true
  return cell === '' && input.isText && type !== undefined && !takesEmptyText(type)
}

/** The value that a column of the table gets from a cell. Throws, naming the place, if there is none. */
export function valueReader(
  type: ColumnType,
  input: Input,
  column: string,
): (cell: Cell, place: number) => Value | null {
  const read = exactReader(type)
  return (cell, place) => {
    if (isAbsent(cell, type, input)) return null
    const value = read(cell as Exclude<Cell, null>)
    if (value === undefined) throw misfit({ input, column, place }, cell, type)
    return value
  }
}

function misfit({ input, column, place }: CellPlace, cell: Cell, type: ColumnType | undefined): Failure {
  const name = type === undefined ? 'value of its column' : typeText(type)
  return new Failure(
    `${input.path} ${input.unit} ${place}, column "${column}": ${showCell(cell)} is no ${name}`,
    {
      hint: `add --types '${column}=string', or another type that fits`,
    },
  )
}

export function absent({ input, column, place }: CellPlace): Failure {
  return new Failure(
    `${input.path} ${input.unit} ${place}: column "${column}" is empty, but every row needs it`,
    {
      hint: 'a key column, or one declared without "?", has a value in every row',
    },
  )
}

/** A type by the name that `--types` takes. */
export function typeText(type: ColumnType): string {
  if (type.kind === 'decimal') return `decimal(${type.precision},${type.scale})`
  return type.kind === 'fixed' ? `fixed(${type.length})` : type.kind
}

import { keyColumns, startsWith, type ColumnDef, type TableDefinition } from '@meru/core'
import { KeyOrder, type KeyShape, type Range } from './key-order.ts'
import type { Random } from './random.ts'
import { randomValue } from './random-values.ts'
import type { Row, Scalar, Value } from './rows.ts'

// Few values for each key column make keys collide, so that most writes replace something.
const KEY_VALUES = 8

/** Random rows, keys and ranges of one table. Its keys come from a small set that the seed decides. */
export class RandomRows {
  readonly definition: TableDefinition
  readonly #random: Random
  readonly #order: KeyOrder
  readonly #keyColumns: readonly ColumnDef[]
  readonly #keyValues: ReadonlyMap<string, readonly Scalar[]>

  constructor(definition: TableDefinition, random: Random) {
    this.definition = definition
    this.#random = random
    this.#order = new KeyOrder(definition)
    this.#keyColumns = keyColumns(definition.schema)
    this.#keyValues = new Map(
      this.#keyColumns.map((column) => [
        column.name,
        // Key columns are scalars.
        Array.from(
          { length: KEY_VALUES },
          () => randomValue(random, column, definition.modes[column.name]) as Scalar,
        ),
      ]),
    )
  }

  row(): Row {
    const random = this.#random
    const row: Record<string, Value> = {}
    for (const column of this.definition.schema.columns) {
      const keys = this.#keyValues.get(column.name)
      if (keys !== undefined) row[column.name] = random.pick(keys)
      else if (column.required || !random.oneIn(4)) {
        row[column.name] = randomValue(random, column, this.definition.modes[column.name])
      } else if (random.oneIn(2)) row[column.name] = null
    }
    return row
  }

  key(): KeyShape {
    const names = this.#order.names
    return this.#order.shapeOf(Object.fromEntries(names.map((name) => [name, this.#keyValue(name)])))
  }

  /** Bounds that mostly hold some of the keys; every kind of bound, and leading parts of composite keys. */
  range(): Range {
    const random = this.#random
    const kind = random.below(6)
    if (kind === 0) return {}
    if (kind === 1) return { prefix: this.#prefix() }
    if (kind === 2) return random.oneIn(2) ? { gt: this.#bound() } : { gte: this.#bound() }
    if (kind === 3) return random.oneIn(2) ? { lt: this.#bound() } : { lte: this.#bound() }
    const bounds = [this.#bound(), this.#bound()]
    // The wrong way round now and then: such a range is empty, and no mistake.
    const isSwapped = this.#order.compare(this.#order.partsOf(bounds[0]), this.#order.partsOf(bounds[1])) > 0
    const [low, high] = isSwapped && !random.oneIn(8) ? bounds.toReversed() : bounds
    return {
      ...(random.oneIn(2) ? { gt: low } : { gte: low }),
      ...(random.oneIn(2) ? { lt: high } : { lte: high }),
    }
  }

  /** Some of the columns in any order, or `undefined` for all. */
  selection(): string[] | undefined {
    const random = this.#random
    if (random.oneIn(2)) return undefined
    const names = random.shuffle(this.definition.schema.columns.map(({ name }) => name))
    return names.slice(0, random.between(1, names.length))
  }

  #bound(): KeyShape {
    const names = this.#order.names
    if (names.length === 1) return this.key()
    const given = names.slice(0, this.#random.between(1, names.length))
    return Object.fromEntries(given.map((name) => [name, this.#keyValue(name)]))
  }

  #prefix(): NonNullable<Range['prefix']> {
    const random = this.#random
    const given = this.#keyColumns.slice(0, random.between(1, this.#keyColumns.length))
    const parts = given.map(({ name, type }, i) => {
      const value = this.#keyValue(name)
      const isText = type.kind === 'string' || type.kind === 'binary'
      if (i < given.length - 1 || !isText || random.oneIn(2)) return [name, value] as const
      const text = value as string | Uint8Array
      return [name, startsWith(shortened(text, random.below(text.length + 1)))] as const
    })
    if (this.#keyColumns.length > 1) return Object.fromEntries(parts)
    const only = parts[0][1]
    return only === null || typeof only !== 'object' ? String(only) : only
  }

  #keyValue(name: string): Scalar {
    return this.#random.pick(this.#keyValues.get(name) ?? [null])
  }
}

/** Cut so that no surrogate pair is torn. */
function shortened(text: string | Uint8Array, length: number): string | Uint8Array {
  if (typeof text !== 'string') return text.slice(0, length)
  return Array.from(text).slice(0, length).join('')
}

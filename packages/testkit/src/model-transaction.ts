import type { KeyShape, Range } from './key-order.ts'
import type { Model, Write } from './model.ts'
import type { ReadOperation, TransactionStep } from './operations.ts'
import { normalise, selected, showValue, type Row, type Value } from './rows.ts'

/** What an operation gives back. */
export type Answer = Row | boolean | number | string | readonly (Row | string | undefined)[] | undefined

interface SeenRange {
  readonly table: string
  readonly range: Range
  readonly reverse: boolean
  /** The last key that was looked at, if the limit ended the scan there. */
  readonly last: readonly Value[] | undefined
}

/**
 * What a transaction should see and whether it may be committed, worked out from the versions of the model: it
 * compares keys by value, and knows nothing of seqnos, memtables or files.
 */
export class ModelTransaction {
  readonly #model: Model
  readonly #version: number
  readonly #isSerializable: boolean
  readonly #writes: Write[] = []
  readonly #keys: { readonly table: string; readonly key: readonly Value[] }[] = []
  readonly #ranges: SeenRange[] = []
  readonly #loaded: Set<string> = new Set()

  constructor(model: Model, isolation: 'serializable' | 'snapshot') {
    this.#model = model
    this.#version = model.version
    this.#isSerializable = isolation === 'serializable'
  }

  /** Does a step and returns what a database must answer. */
  apply(step: TransactionStep): Answer {
    switch (step.do) {
      case 'put':
        return this.#write({ kind: 'put', table: step.table, row: step.row })
      case 'putMany':
        for (const row of step.rows) this.#write({ kind: 'put', table: step.table, row })
        return undefined
      case 'delete':
        return this.#write({ kind: 'delete', table: step.table, key: step.key })
      default:
        return this.#read(step)
    }
  }

  /** Notes that rows were loaded into a table in bulk: which ones, transactions are not told. */
  noteLoad(table: string): void {
    this.#loaded.add(table)
  }

  /** Commits the writes to the model, unless somebody wrote what this one wrote or read. */
  commit(): 'committed' | 'conflict' {
    if (this.#writes.length === 0) return 'committed'
    if ([...this.#loaded].some((table) => this.#touches(table))) return 'conflict'
    for (let version = this.#version + 1; version <= this.#model.version; version++) {
      if (this.#conflictsWith(version)) return 'conflict'
    }
    this.#model.commit(this.#writes)
    return 'committed'
  }

  #write(write: Write): undefined {
    this.#writes.push(write)
  }

  #read(step: ReadOperation): Answer {
    const { table } = step
    switch (step.do) {
      case 'get': {
        const row = this.#get(table, step.key)
        return row && selected(row, step.select)
      }
      case 'getMany':
        return step.keys.map((key) => {
          const row = this.#get(table, key)
          return row && selected(row, step.select)
        })
      case 'has':
        return this.#get(table, step.key) !== undefined
      case 'count':
        return this.#scan(table, step).length
      case 'scan':
        return this.#scan(table, step).map((row) => selected(row, step.select))
    }
  }

  #get(table: string, key: KeyShape): Row | undefined {
    const { definition, defaults, order } = this.#model.history(table).at()
    const parts = order.partsOf(key)
    const own = this.#writes.findLast((write) => write.table === table && this.#isTo(write, parts))
    if (own !== undefined) return own.kind === 'put' ? normalise(definition, own.row, defaults) : undefined
    this.#keys.push({ table, key: parts })
    return this.#model.get(table, key, this.#version)
  }

  #scan(
    table: string,
    { range, reverse = false, limit = Infinity }: { range: Range; reverse?: boolean; limit?: number },
  ): Row[] {
    const { order } = this.#model.history(table)
    const rows = this.#rowsWithOwn(table).filter((row) => order.isInRange(order.valuesOf(row), range))
    if (reverse) rows.reverse()
    const taken = rows.slice(0, limit)
    const last = taken.length === limit ? taken.at(-1) : undefined
    if (limit > 0) {
      this.#ranges.push({
        table,
        range,
        reverse,
        last: last === undefined ? undefined : order.valuesOf(last),
      })
    }
    return taken
  }

  #rowsWithOwn(table: string): Row[] {
    const { definition, defaults, order } = this.#model.history(table).at()
    const rows = new Map(
      this.#model.scan(table, {}, this.#version).map((row) => [showValue(order.valuesOf(row)), row]),
    )
    for (const write of this.#writes) {
      if (write.table !== table) continue
      if (write.kind === 'delete') {
        rows.delete(showValue(order.partsOf(write.key)))
      } else {
        const row = normalise(definition, write.row, defaults)
        rows.set(showValue(order.valuesOf(row)), row)
      }
    }
    return [...rows.values()].toSorted((a, b) => order.compare(order.valuesOf(a), order.valuesOf(b)))
  }

  #conflictsWith(version: number): boolean {
    for (const { table, key } of this.#model.changedAt(version)) {
      const text = showValue(key)
      if (this.#writes.some((write) => write.table === table && this.#isTo(write, key))) return true
      if (!this.#isSerializable) continue
      if (this.#keys.some((read) => read.table === table && showValue(read.key) === text)) return true
      if (this.#ranges.some((range) => range.table === table && this.#isIn(range, key))) return true
    }
    return false
  }

  #touches(table: string): boolean {
    const { order } = this.#model.history(table)
    const ranges = this.#ranges.filter(({ range }) => !order.isEmpty(range))
    const used = this.#isSerializable ? [...this.#writes, ...this.#keys, ...ranges] : this.#writes
    return used.some((use) => use.table === table)
  }

  #isIn({ table, range, reverse, last }: SeenRange, key: readonly Value[]): boolean {
    const { order } = this.#model.history(table)
    if (!order.isInRange(key, range)) return false
    if (last === undefined) return true
    return reverse ? order.compare(key, last) >= 0 : order.compare(key, last) <= 0
  }

  #isTo(write: Write, key: readonly Value[]): boolean {
    const { definition, defaults, order } = this.#model.history(write.table).at()
    const own =
      write.kind === 'put'
        ? order.valuesOf(normalise(definition, write.row, defaults))
        : order.partsOf(write.key)
    return showValue(own) === showValue(key)
  }
}

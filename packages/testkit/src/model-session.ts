import type { TableDefinition } from '@meru/core'
import type { KeyShape } from './key-order.ts'
import { Model, type State, type Write } from './model.ts'
import { type Answer, ModelTransaction } from './model-transaction.ts'
import type { DatabaseOperation, ReadOperation } from './operations.ts'
import { Random } from './random.ts'
import { selected, showValue, type Row } from './rows.ts'
import { fitted } from './fitted-operation.ts'
import { randomTableChange, type TableChange } from './table-change.ts'
import { TEST_TABLES } from './test-tables.ts'

const DIFFERENCES_MAX = 10

/** Runs operations on a model, and knows what a database must answer and what a crash must leave. */
export class ModelSession {
  readonly model: Model
  readonly #snapshots = new Map<number, number>()
  readonly #transactions = new Map<number, { transaction: ModelTransaction; isDurable: boolean }>()
  /** By table and key: the version that the row came with when it was seen, `undefined` for no row. */
  readonly #remembered = new Map<string, number | undefined>()
  #durable = 0

  constructor(definitions: readonly TableDefinition[] = TEST_TABLES) {
    this.model = new Model(definitions)
  }

  /** The version that a crash must leave at least: that of the last write that waited until it was durable. */
  get durable(): number {
    return this.#durable
  }

  /** Whether a snapshot is open. A read of one that is not, as shrinking leaves them, is a read without. */
  isOpen(snapshot: number): boolean {
    return this.#snapshots.has(snapshot)
  }

  /** Does an operation and returns what a database must answer; nothing for operations without an answer. */
  apply(operation: DatabaseOperation): Answer {
    switch (operation.do) {
      case 'put':
      case 'putMany':
      case 'delete':
      case 'deleteMany':
      case 'batch':
        this.#commit(writesOf(operation), operation.durability === 'durable')
        return undefined
      case 'ingest':
        this.#commit(writesOf(operation), true)
        for (const { transaction } of this.#transactions.values()) transaction.noteLoad(operation.table)
        return undefined
      case 'remember':
        return this.#remember(operation.table, operation.key)
      case 'putIf':
      case 'deleteIf':
        return this.#writeIf(operation)
      case 'begin':
      case 'inTransaction':
      case 'commit':
      case 'rollback':
      case 'commitAll':
        return this.#inTransactions(operation)
      case 'openSnapshot':
        this.#snapshots.set(operation.snapshot, this.model.version)
        return undefined
      case 'closeSnapshot':
        this.#snapshots.delete(operation.snapshot)
        return undefined
      case 'reopen':
        this.#snapshots.clear()
        this.#transactions.clear()
        this.#durable = this.model.version
        return undefined
      case 'crash':
        this.#snapshots.clear()
        this.#transactions.clear()
        return undefined
      case 'alter':
        this.#transactions.clear()
        return this.#alter(operation)
      case 'flush':
      case 'compact':
      case 'export':
      case 'checkpoint':
        return undefined
      default:
        return this.#read(operation)
    }
  }

  /** The change that an operation makes of the table as it is. */
  changeOf({ table, seed }: Extract<DatabaseOperation, { do: 'alter' }>): TableChange {
    return randomTableChange(new Random(seed), this.model.history(table).at())
  }

  /** The operation for the columns that the tables have, or had at its snapshot. */
  fitted(operation: DatabaseOperation): DatabaseOperation {
    return fitted(operation, (table, snapshot) => {
      const version = snapshot === undefined ? undefined : this.#snapshots.get(snapshot)
      const history = this.model.history(table)
      return { first: history.first, shape: history.at(version) }
    })
  }

  /**
   * Takes over what was found after a crash: it must be some version from the last durable one on.
   * Throws with the differences if it is none.
   */
  recover(found: State): number {
    const version = this.model.prefixOf(found, this.#durable)
    if (version === undefined) throw new Error(this.#explain(found))
    this.model.rollBack(version)
    // A version that the crash took back may come again, with another row.
    for (const [name, seen] of this.#remembered) {
      if ((seen ?? 0) > version) this.#remembered.delete(name)
    }
    this.#durable = version
    return version
  }

  /** Whether a row of this key is remembered; else a conditional write asks for no row. */
  isRemembered(table: string, key: KeyShape): boolean {
    return this.#remembered.get(this.#nameOf(table, key)) !== undefined
  }

  /** A change is durable when it is made, and all writes before it. */
  #alter(operation: Extract<DatabaseOperation, { do: 'alter' }>): undefined {
    const change = this.changeOf(operation)
    const { definition } = this.model.history(operation.table)
    if (change.after.definition.schema === definition.schema) return
    this.#durable = this.model.alter(operation.table, change)
  }

  #remember(table: string, key: KeyShape): Row | undefined {
    const { order } = this.model.history(table)
    this.#remembered.set(this.#nameOf(table, key), this.model.history(table).versionOf(order.partsOf(key)))
    return this.model.get(table, key)
  }

  #writeIf(operation: Extract<DatabaseOperation, { readonly do: 'putIf' | 'deleteIf' }>): Answer {
    const { table } = operation
    const { order } = this.model.history(table)
    const key = operation.do === 'putIf' ? order.shapeOf(operation.row) : operation.key
    const expected = this.#remembered.get(this.#nameOf(table, key))
    // There is no call that deletes what is not there.
    if (operation.do === 'deleteIf' && expected === undefined) return 'skipped'
    if (this.model.history(table).versionOf(order.partsOf(key)) !== expected) return 'conflict'
    const write: Write =
      operation.do === 'putIf' ? { kind: 'put', table, row: operation.row } : { kind: 'delete', table, key }
    this.#commit([write], operation.durability === 'durable')
    return 'committed'
  }

  #inTransactions(
    operation: Extract<
      DatabaseOperation,
      { readonly do: 'begin' | 'inTransaction' | 'commit' | 'rollback' | 'commitAll' }
    >,
  ): Answer {
    if (operation.do === 'commitAll') {
      this.#commit(operation.writes, operation.durability === 'durable')
      return [...this.#transactions.keys()].map((number) => this.#end(number))
    }
    const { transaction: number } = operation
    if (operation.do === 'begin') {
      const transaction = new ModelTransaction(this.model, operation.isolation)
      this.#transactions.set(number, { transaction, isDurable: operation.durability === 'durable' })
      return undefined
    }
    if (operation.do === 'inTransaction') {
      return this.#transactions.get(number)?.transaction.apply(operation.step)
    }
    if (operation.do === 'commit') return this.#end(number)
    this.#transactions.delete(number)
    return undefined
  }

  /** Ends a transaction; one that is not open, as shrinking leaves them, is `undefined`. */
  #end(number: number): string | undefined {
    const running = this.#transactions.get(number)
    this.#transactions.delete(number)
    const before = this.model.version
    const outcome = running?.transaction.commit()
    if (running?.isDurable === true && this.model.version > before) this.#durable = this.model.version
    return outcome
  }

  #commit(writes: readonly Write[], isDurable: boolean): void {
    this.model.commit(writes)
    if (isDurable) this.#durable = this.model.version
  }

  #nameOf(table: string, key: KeyShape): string {
    return `${table} ${showValue(this.model.history(table).order.partsOf(key))}`
  }

  #read(operation: ReadOperation): Row | boolean | number | readonly (Row | undefined)[] | undefined {
    const { table, snapshot } = operation
    const version = snapshot === undefined ? undefined : this.#snapshots.get(snapshot)
    switch (operation.do) {
      case 'get': {
        const row = this.model.get(table, operation.key, version)
        return row && selected(row, operation.select)
      }
      case 'getMany':
        return operation.keys.map((key) => {
          const row = this.model.get(table, key, version)
          return row && selected(row, operation.select)
        })
      case 'has':
        return this.model.get(table, operation.key, version) !== undefined
      case 'scan':
        return this.model.scan(table, operation, version)
      case 'count':
        return this.model.scan(table, { range: operation.range }, version).length
    }
  }

  #explain(found: State): string {
    const newest = this.model.version
    const candidates = Array.from({ length: newest - this.#durable + 1 }, (_, i) => this.#durable + i)
    const [nearest] = candidates
      .map((version) => ({ version, lines: this.model.differences(found, version) }))
      .toSorted((a, b) => a.lines.length - b.lines.length)
    const shown = nearest.lines.slice(0, DIFFERENCES_MAX)
    return [
      `found no version from ${this.#durable} (durable) to ${newest} (written)`,
      `nearest is ${nearest.version}, with ${nearest.lines.length} differences:`,
      ...shown,
    ].join('\n  ')
  }
}

/** The operations that write whatever is there. */
export type WriteOperation = Extract<
  DatabaseOperation,
  { readonly do: 'put' | 'putMany' | 'delete' | 'deleteMany' | 'batch' | 'ingest' }
>

const WRITES: ReadonlySet<string> = new Set<WriteOperation['do']>([
  'put',
  'putMany',
  'delete',
  'deleteMany',
  'batch',
  'ingest',
])

export function isWrite(operation: DatabaseOperation): operation is WriteOperation {
  return WRITES.has(operation.do)
}

/** The writes of an operation, in their order. */
export function writesOf(operation: WriteOperation): readonly Write[] {
  switch (operation.do) {
    case 'batch':
      return operation.writes
    case 'put':
      return [{ kind: 'put', table: operation.table, row: operation.row }]
    case 'putMany':
    case 'ingest':
      return operation.rows.map((row) => ({ kind: 'put', table: operation.table, row }))
    case 'delete':
      return [{ kind: 'delete', table: operation.table, key: operation.key }]
    case 'deleteMany':
      return operation.keys.map((key) => ({ kind: 'delete', table: operation.table, key }))
  }
}

/** A script as TypeScript, an operation a line, to be pasted into a test. */
export function showOperations(operations: readonly DatabaseOperation[]): string {
  return operations.map((operation) => `  ${showValue(operation)},\n`).join('')
}

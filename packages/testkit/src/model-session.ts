import type { TableDefinition } from '@meru/core'
import { Model, type State, type Write } from './model.ts'
import type { DatabaseOperation } from './operations.ts'
import { selected, showValue, type Row } from './rows.ts'
import { TEST_TABLES } from './test-tables.ts'

const DIFFERENCES_MAX = 10

/** Runs operations on a model, and knows what a database must answer and what a crash must leave. */
export class ModelSession {
  readonly model: Model
  readonly #snapshots = new Map<number, number>()
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
  apply(operation: DatabaseOperation): Row | boolean | number | readonly (Row | undefined)[] | undefined {
    switch (operation.do) {
      case 'put':
      case 'putMany':
      case 'delete':
      case 'deleteMany':
      case 'batch':
        this.model.commit(writesOf(operation))
        if (operation.durability === 'durable') this.#durable = this.model.version
        return undefined
      case 'ingest':
        this.model.commit(writesOf(operation))
        this.#durable = this.model.version
        return undefined
      case 'openSnapshot':
        this.#snapshots.set(operation.snapshot, this.model.version)
        return undefined
      case 'closeSnapshot':
        this.#snapshots.delete(operation.snapshot)
        return undefined
      case 'reopen':
        this.#snapshots.clear()
        this.#durable = this.model.version
        return undefined
      case 'crash':
        this.#snapshots.clear()
        return undefined
      case 'flush':
      case 'compact':
      case 'export':
        return undefined
      default:
        return this.#read(operation)
    }
  }

  /**
   * Takes over what was found after a crash: it must be some version from the last durable one on.
   * Throws with the differences if it is none.
   */
  recover(found: State): number {
    const version = this.model.prefixOf(found, this.#durable)
    if (version === undefined) throw new Error(this.#explain(found))
    this.model.rollBack(version)
    this.#durable = version
    return version
  }

  #read(
    operation: Extract<DatabaseOperation, { readonly do: 'get' | 'getMany' | 'has' | 'scan' | 'count' }>,
  ): Row | boolean | number | readonly (Row | undefined)[] | undefined {
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

type WriteOperation = Extract<DatabaseOperation, { readonly durability: unknown } | { readonly do: 'ingest' }>

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

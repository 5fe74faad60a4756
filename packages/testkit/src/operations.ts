import type { TableDefinition } from '@meru/core'
import { CRASH_MODES, type CrashMode } from '@meru/fs'
import { KeyOrder, type KeyShape, type Range } from './key-order.ts'
import type { Write } from './model.ts'
import type { Random } from './random.ts'
import { RandomRows } from './random-rows.ts'
import type { Row } from './rows.ts'
import { TEST_TABLES } from './test-tables.ts'

/** Whether a write waits until it is durable. */
type Durability = 'durable' | 'buffered'

/** A snapshot by its number; reads without one see the newest state. */
interface Read {
  readonly table: string
  readonly snapshot?: number
}

/** What a transaction does: a read of its moment, or a write. */
export type TransactionStep =
  | { readonly do: 'put'; readonly table: string; readonly row: Row }
  | { readonly do: 'putMany'; readonly table: string; readonly rows: readonly Row[] }
  | { readonly do: 'delete'; readonly table: string; readonly key: KeyShape }
  | ReadOperation

export type ReadOperation = Extract<
  DatabaseOperation,
  { readonly do: 'get' | 'getMany' | 'has' | 'scan' | 'count' }
>

/**
 * One call on a database, as plain data, so that scripts can be printed, shrunk and run against anything.
 * Snapshots are opened under a number that is not open. `crash` ends the process or the power; `reopen`
 * closes and opens in order. Both close all snapshots, and end all transactions without a commit.
 *
 * `alter` changes the columns of a table, as the seed and the columns that are there decide, and ends all transactions
 * without a commit. The other operations speak of a table as it was declared at first; `ModelSession.fitted` says them
 * in the columns that there are.
 *
 * `remember` reads the version of a row. `putIf` and `deleteIf` ask that the row is the one remembered last, or that
 * there is none if nothing or no row was remembered. Transactions are open side by side; `commitAll` ends all of
 * them at once, in the order in which they began, right behind a batch.
 */
export type DatabaseOperation =
  | { readonly do: 'put'; readonly table: string; readonly row: Row; readonly durability: Durability }
  | {
      readonly do: 'putMany'
      readonly table: string
      readonly rows: readonly Row[]
      readonly durability: Durability
    }
  | { readonly do: 'delete'; readonly table: string; readonly key: KeyShape; readonly durability: Durability }
  | {
      readonly do: 'deleteMany'
      readonly table: string
      readonly keys: readonly KeyShape[]
      readonly durability: Durability
    }
  | { readonly do: 'batch'; readonly writes: readonly Write[]; readonly durability: Durability }
  | (Read & { readonly do: 'get'; readonly key: KeyShape; readonly select?: readonly string[] })
  | (Read & {
      readonly do: 'getMany'
      readonly keys: readonly KeyShape[]
      readonly select?: readonly string[]
    })
  | (Read & { readonly do: 'has'; readonly key: KeyShape })
  | (Read & {
      readonly do: 'scan'
      readonly range: Range
      readonly reverse: boolean
      readonly limit?: number
      readonly select?: readonly string[]
    })
  | (Read & { readonly do: 'count'; readonly range: Range })
  | { readonly do: 'remember'; readonly table: string; readonly key: KeyShape }
  | { readonly do: 'putIf'; readonly table: string; readonly row: Row; readonly durability: Durability }
  | {
      readonly do: 'deleteIf'
      readonly table: string
      readonly key: KeyShape
      readonly durability: Durability
    }
  | {
      readonly do: 'begin'
      readonly transaction: number
      readonly isolation: 'serializable' | 'snapshot'
      readonly durability: Durability
    }
  | { readonly do: 'inTransaction'; readonly transaction: number; readonly step: TransactionStep }
  | { readonly do: 'commit'; readonly transaction: number }
  | { readonly do: 'rollback'; readonly transaction: number }
  | { readonly do: 'commitAll'; readonly writes: readonly Write[]; readonly durability: Durability }
  | { readonly do: 'openSnapshot'; readonly snapshot: number }
  | { readonly do: 'closeSnapshot'; readonly snapshot: number }
  | { readonly do: 'ingest'; readonly table: string; readonly rows: readonly Row[] }
  | { readonly do: 'alter'; readonly table: string; readonly seed: number }
  | { readonly do: 'flush'; readonly table: string }
  | { readonly do: 'compact'; readonly table: string }
  | { readonly do: 'export'; readonly table: string }
  | { readonly do: 'checkpoint' }
  | { readonly do: 'reopen' }
  | { readonly do: 'crash'; readonly mode: CrashMode | 'kill'; readonly seed: number }

export type OperationKind = DatabaseOperation['do']

/** How often each kind comes up, relative to the others. */
export type Weights = Readonly<Record<OperationKind, number>>

export const DEFAULT_WEIGHTS: Weights = {
  put: 30,
  putMany: 6,
  delete: 10,
  deleteMany: 2,
  batch: 6,
  get: 12,
  getMany: 3,
  has: 4,
  scan: 8,
  count: 2,
  remember: 3,
  putIf: 5,
  deleteIf: 2,
  begin: 3,
  inTransaction: 15,
  commit: 3,
  rollback: 0.5,
  commitAll: 0.7,
  openSnapshot: 2,
  closeSnapshot: 2,
  ingest: 1,
  alter: 0,
  flush: 2,
  compact: 0.6,
  export: 0.3,
  checkpoint: 0.3,
  reopen: 0.6,
  crash: 0.6,
}

/** Weights for those who know no transactions and no versions of rows. */
export const WITHOUT_TRANSACTIONS: Partial<Weights> = {
  remember: 0,
  putIf: 0,
  deleteIf: 0,
  begin: 0,
  inTransaction: 0,
  commit: 0,
  rollback: 0,
  commitAll: 0,
}

/** Weights for those who want nothing but writes, flushes, compactions and exports of one process. */
export const ONLY_WRITES: Partial<Weights> = {
  ...WITHOUT_TRANSACTIONS,
  get: 0,
  getMany: 0,
  has: 0,
  scan: 0,
  count: 0,
  openSnapshot: 0,
  closeSnapshot: 0,
  crash: 0,
  reopen: 0,
}

const SNAPSHOTS_MAX = 5
const TRANSACTIONS_MAX = 4

/** So many random operations on some tables. A kind with weight 0 does not come up. */
export function randomOperations(
  random: Random,
  count: number,
  weights: Partial<Weights> = {},
  tables: readonly TableDefinition[] = TEST_TABLES,
): DatabaseOperation[] {
  const source = new OperationSource(random, { ...DEFAULT_WEIGHTS, ...weights }, tables)
  return Array.from({ length: count }, () => source.next())
}

class OperationSource {
  readonly #random: Random
  readonly #choices: readonly (readonly [number, OperationKind])[]
  readonly #tables: readonly RandomRows[]
  #open: number[] = []
  #running: number[] = []
  /** Rows whose versions were read last, by table. */
  readonly #seen = new Map<string, KeyShape>()
  #opened = 0

  constructor(random: Random, weights: Weights, tables: readonly TableDefinition[]) {
    this.#random = random
    this.#choices = (Object.keys(weights) as OperationKind[]).map((kind) => [weights[kind], kind])
    this.#tables = tables.map((definition) => new RandomRows(definition, random))
  }

  next(): DatabaseOperation {
    const random = this.#random
    const kind = random.weighted(this.#choices)
    const rows = random.pick(this.#tables)
    const table = rows.definition.name
    switch (kind) {
      case 'put':
        return { do: kind, table, row: rows.row(), durability: this.#durability() }
      case 'putMany':
        return { do: kind, table, rows: this.#several(() => rows.row()), durability: this.#durability() }
      case 'delete':
        return { do: kind, table, key: rows.key(), durability: this.#durability() }
      case 'deleteMany':
        return { do: kind, table, keys: this.#several(() => rows.key()), durability: this.#durability() }
      case 'batch':
        return { do: kind, writes: this.#several(() => this.#write()), durability: this.#durability() }
      case 'get':
      case 'getMany':
      case 'has':
      case 'scan':
      case 'count':
        return this.#read(kind, rows)
      case 'remember':
        return { do: kind, table, key: this.#see(rows) }
      case 'putIf':
        return { do: kind, table, row: this.#seenRow(rows), durability: this.#durability() }
      case 'deleteIf':
        return { do: kind, table, key: this.#seenKey(rows) ?? rows.key(), durability: this.#durability() }
      case 'begin':
      case 'inTransaction':
      case 'commit':
      case 'rollback':
      case 'commitAll':
        return this.#transaction(kind, rows) ?? this.#read('get', rows)
      case 'openSnapshot':
        return this.#openSnapshot() ?? this.#read('get', rows)
      case 'closeSnapshot':
        return this.#closeSnapshot() ?? this.#read('get', rows)
      case 'ingest':
        return { do: kind, table, rows: this.#several(() => rows.row()) }
      case 'alter':
        this.#running = []
        return { do: kind, table, seed: random.uint32() }
      case 'flush':
      case 'compact':
      case 'export':
        return { do: kind, table }
      case 'checkpoint':
        return { do: kind }
      case 'reopen':
        this.#open = []
        this.#running = []
        return { do: kind }
      case 'crash':
        this.#open = []
        this.#running = []
        return { do: kind, mode: random.pick([...CRASH_MODES, 'kill'] as const), seed: random.uint32() }
    }
  }

  #transaction(
    kind: 'begin' | 'inTransaction' | 'commit' | 'rollback' | 'commitAll',
    rows: RandomRows,
  ): DatabaseOperation | undefined {
    const random = this.#random
    if (kind === 'begin') {
      if (this.#running.length >= TRANSACTIONS_MAX) return undefined
      const transaction = ++this.#opened
      this.#running.push(transaction)
      const isolation = random.oneIn(3) ? 'snapshot' : 'serializable'
      return { do: kind, transaction, isolation, durability: this.#durability() }
    }
    if (this.#running.length === 0) return undefined
    if (kind === 'commitAll') {
      this.#running = []
      return { do: kind, writes: this.#several(() => this.#write()), durability: this.#durability() }
    }
    const transaction = random.pick(this.#running)
    if (kind === 'inTransaction') return { do: kind, transaction, step: this.#step(rows) }
    this.#running = this.#running.filter((other) => other !== transaction)
    return { do: kind, transaction }
  }

  #see(rows: RandomRows): KeyShape {
    const key = rows.key()
    this.#seen.set(rows.definition.name, key)
    return key
  }

  /** Mostly the key that was seen last, so that some conditions hold. */
  #seenKey(rows: RandomRows): KeyShape | undefined {
    return this.#random.oneIn(4) ? undefined : this.#seen.get(rows.definition.name)
  }

  #seenRow(rows: RandomRows): Row {
    const key = this.#seenKey(rows)
    const row = rows.row()
    if (key === undefined) return row
    const order = new KeyOrder(rows.definition)
    const parts = order.partsOf(key)
    return { ...row, ...Object.fromEntries(order.names.map((name, i) => [name, parts[i]])) }
  }

  #step(rows: RandomRows): TransactionStep {
    const random = this.#random
    const table = rows.definition.name
    if (random.oneIn(2)) {
      const kind = random.pick(['get', 'get', 'getMany', 'has', 'scan', 'count'] as const)
      return this.#read(kind, rows, { isPast: false })
    }
    if (random.oneIn(4)) return { do: 'delete', table, key: rows.key() }
    if (random.oneIn(6)) return { do: 'putMany', table, rows: this.#several(() => rows.row()) }
    return { do: 'put', table, row: rows.row() }
  }

  #read(
    kind: ReadOperation['do'],
    rows: RandomRows,
    { isPast } = { isPast: this.#open.length > 0 && this.#random.oneIn(3) },
  ): ReadOperation {
    const random = this.#random
    const read: Read = {
      table: rows.definition.name,
      ...(isPast ? { snapshot: random.pick(this.#open) } : undefined),
    }
    if (kind === 'has') return { do: kind, ...read, key: rows.key() }
    if (kind === 'count') return { do: kind, ...read, range: rows.range() }
    const select = rows.selection()
    const selection = select === undefined ? undefined : { select }
    if (kind === 'get') return { do: kind, ...read, ...selection, key: rows.key() }
    if (kind === 'getMany') return { do: kind, ...read, ...selection, keys: this.#several(() => rows.key()) }
    const limit = random.oneIn(3) ? { limit: random.below(20) } : undefined
    return { do: kind, ...read, ...selection, ...limit, range: rows.range(), reverse: random.oneIn(3) }
  }

  #write(): Write {
    const rows = this.#random.pick(this.#tables)
    const table = rows.definition.name
    return this.#random.oneIn(4)
      ? { kind: 'delete', table, key: rows.key() }
      : { kind: 'put', table, row: rows.row() }
  }

  #openSnapshot(): DatabaseOperation | undefined {
    if (this.#open.length >= SNAPSHOTS_MAX) return undefined
    const snapshot = ++this.#opened
    this.#open.push(snapshot)
    return { do: 'openSnapshot', snapshot }
  }

  #closeSnapshot(): DatabaseOperation | undefined {
    if (this.#open.length === 0) return undefined
    const snapshot = this.#random.pick(this.#open)
    this.#open = this.#open.filter((other) => other !== snapshot)
    return { do: 'closeSnapshot', snapshot }
  }

  #several<T>(make: () => T): T[] {
    return Array.from({ length: this.#random.between(1, 12) }, make)
  }

  #durability(): Durability {
    return this.#random.oneIn(3) ? 'buffered' : 'durable'
  }
}

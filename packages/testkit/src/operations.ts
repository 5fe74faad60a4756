import { CRASH_MODES, type CrashMode } from '@meru/fs'
import type { KeyShape, Range } from './key-order.ts'
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

/**
 * One call on a database, as plain data, so that scripts can be printed, shrunk and run against anything.
 * Snapshots are opened under a number that is not open. `crash` ends the process or the power; `reopen`
 * closes and opens in order. Both close all snapshots.
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
  | { readonly do: 'openSnapshot'; readonly snapshot: number }
  | { readonly do: 'closeSnapshot'; readonly snapshot: number }
  | { readonly do: 'ingest'; readonly table: string; readonly rows: readonly Row[] }
  | { readonly do: 'flush'; readonly table: string }
  | { readonly do: 'compact'; readonly table: string }
  | { readonly do: 'export'; readonly table: string }
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
  openSnapshot: 2,
  closeSnapshot: 2,
  ingest: 1,
  flush: 2,
  compact: 0.6,
  export: 0.3,
  reopen: 0.6,
  crash: 0.6,
}

const SNAPSHOTS_MAX = 5

/** So many random operations on the test tables. A kind with weight 0 does not come up. */
export function randomOperations(
  random: Random,
  count: number,
  weights: Partial<Weights> = {},
): DatabaseOperation[] {
  const source = new OperationSource(random, { ...DEFAULT_WEIGHTS, ...weights })
  return Array.from({ length: count }, () => source.next())
}

class OperationSource {
  readonly #random: Random
  readonly #choices: readonly (readonly [number, OperationKind])[]
  readonly #tables: readonly RandomRows[]
  #open: number[] = []
  #opened = 0

  constructor(random: Random, weights: Weights) {
    this.#random = random
    this.#choices = (Object.keys(weights) as OperationKind[]).map((kind) => [weights[kind], kind])
    this.#tables = TEST_TABLES.map((definition) => new RandomRows(definition, random))
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
      case 'openSnapshot':
        return this.#openSnapshot() ?? this.#read('get', rows)
      case 'closeSnapshot':
        return this.#closeSnapshot() ?? this.#read('get', rows)
      case 'ingest':
        return { do: kind, table, rows: this.#several(() => rows.row()) }
      case 'flush':
      case 'compact':
      case 'export':
        return { do: kind, table }
      case 'reopen':
        this.#open = []
        return { do: kind }
      case 'crash':
        this.#open = []
        return { do: kind, mode: random.pick([...CRASH_MODES, 'kill'] as const), seed: random.uint32() }
    }
  }

  #read(kind: 'get' | 'getMany' | 'has' | 'scan' | 'count', rows: RandomRows): DatabaseOperation {
    const random = this.#random
    const isPast = this.#open.length > 0 && random.oneIn(3)
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

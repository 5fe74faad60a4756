import { MemoryFs, type ProcessProbe } from '@meru/fs'
import { checkTable } from '@meru/iceberg'
import {
  ModelSession,
  ProcessEnvironment,
  Random,
  rowsEqual,
  showValue,
  TEST_TABLES,
  TestEnvironment,
  type DatabaseOperation,
  type Row,
  type State,
} from '@meru/testkit'
import type { TableDefinition } from '@meru/core'
import {
  type MeruError,
  open,
  type Database,
  type Settings,
  type Snapshot,
  type Table,
} from '../src/index.ts'
import {
  type Both,
  type ConcurrentOperation,
  ConcurrentOperations,
  fill,
  isConcurrent,
  remembers,
} from './concurrent-operations.ts'

/** A snapshot, and the handles of its time: they read under the schemas that tables had then. */
interface Moment {
  readonly snapshot: Snapshot
  readonly tables: ReadonlyMap<string, Table>
}

/** A real database and a model, doing the same operations and having to agree. */
export class DatabaseSession {
  readonly model: ModelSession = new ModelSession()
  readonly #disk: { fs: MemoryFs; db: Database | undefined; process: ProcessEnvironment | undefined }
  readonly #settings: Partial<Settings>
  readonly #env: TestEnvironment
  /** Each opening is a process of its own, and the only one alive. */
  #lives = 0
  readonly #tables: Map<string, Table> = new Map()
  readonly #open: { readonly snapshots: Map<number, Moment>; readonly concurrent: ConcurrentOperations } = {
    snapshots: new Map(),
    concurrent: new ConcurrentOperations(),
  }

  constructor(options: { fs: MemoryFs; settings: Partial<Settings>; seed: number }) {
    this.#disk = { fs: options.fs, db: undefined, process: undefined }
    this.#settings = options.settings
    this.#env = new TestEnvironment({ seed: options.seed })
  }

  async open(): Promise<void> {
    this.#disk.process = new ProcessEnvironment(this.#env)
    const components = { fs: this.#disk.fs, env: this.#disk.process, probe: probeOf(++this.#lives) }
    this.#disk.db = await this.#env.until(open('memory', { settings: this.#settings, components }))
    this.#tables.clear()
    for (const { name } of TEST_TABLES) {
      this.#tables.set(name, (await this.#disk.db.table(this.#definition(name))) as Table)
    }
  }

  /** The declaration that a table must have by now. */
  #definition(name: string): TableDefinition {
    return this.model.model.history(name).definition
  }

  /** Runs an operation on both; throws if the answers differ. */
  async run(scripted: DatabaseOperation): Promise<void> {
    const operation = this.model.fitted(scripted)
    if (operation.do === 'crash') return this.#crash(operation)
    if (operation.do === 'alter') return this.#env.until(this.#alter(operation))
    const isRemembered = remembers(this.model, operation)
    const expected = this.model.apply(operation)
    const found = await this.#env.until(
      isConcurrent(operation)
        ? this.#open.concurrent.perform(this.#both, operation, isRemembered)
        : this.#perform(operation),
    )
    if (!answersEqual(expected, found)) {
      throw new Error(
        `${showValue(operation)}\n  answered ${showValue(found)}\n  expected ${showValue(expected)}`,
      )
    }
  }

  async close(): Promise<void> {
    await this.#env.until(this.#open.concurrent.abandon())
    for (const { snapshot } of this.#open.snapshots.values()) snapshot.close()
    this.#open.snapshots.clear()
    if (this.#disk.db !== undefined) await this.#env.until(this.#disk.db.close())
  }

  /** Every row of every table, as scans give them. */
  async state(): Promise<State> {
    const state = new Map<string, readonly Row[]>()
    for (const [name, table] of this.#tables) {
      state.set(name, (await this.#env.until(table.scan().toArray())) as Row[])
    }
    return state
  }

  #table(name: string): Table {
    return this.#tables.get(name) as Table
  }

  get #both(): Both {
    return { db: this.#disk.db as Database, tables: this.#tables, model: this.model }
  }

  async #perform(operation: Exclude<DatabaseOperation, ConcurrentOperation>): Promise<unknown> {
    const db = this.#disk.db as Database
    switch (operation.do) {
      case 'put':
        return void (await this.#table(operation.table).put(operation.row, durabilityOf(operation)))
      case 'putMany':
        return void (await this.#table(operation.table).putMany(operation.rows, durabilityOf(operation)))
      case 'delete':
        return void (await this.#table(operation.table).delete(
          operation.key,
          durabilityOf(operation) as never,
        ))
      case 'deleteMany':
        return void (await this.#table(operation.table).deleteMany(operation.keys, durabilityOf(operation)))
      case 'batch':
        return void (await db.batch(
          (batch) => fill(batch, this.#tables, operation.writes),
          durabilityOf(operation),
        ))
      case 'openSnapshot':
        return void this.#open.snapshots.set(operation.snapshot, {
          snapshot: db.snapshot(),
          tables: new Map(this.#tables),
        })
      case 'closeSnapshot':
        this.#open.snapshots.get(operation.snapshot)?.snapshot.close()
        return void this.#open.snapshots.delete(operation.snapshot)
      case 'ingest':
        return this.#ingest(operation)
      case 'flush':
        return this.#flush(operation.table)
      case 'compact':
        return this.#table(operation.table).compact()
      case 'export':
        return this.#export(operation.table)
      case 'checkpoint':
        return this.#checkpoint(db)
      case 'reopen':
        await this.close()
        return this.open()
      case 'crash':
      case 'alter':
        return undefined
      default:
        return this.#read(operation)
    }
  }

  /** The handle from before must refuse to read what is there after the change. */
  async #alter(operation: Extract<DatabaseOperation, { do: 'alter' }>): Promise<void> {
    const { apply } = this.model.changeOf(operation)
    await this.#open.concurrent.abandon()
    const before = this.#table(operation.table)
    const after = await before.alter((alteration) => apply(alteration))
    this.model.apply(operation)
    this.#tables.set(operation.table, after)
    if (after === before) return
    const refusal: unknown = await before.count().catch((error: unknown) => error)
    if ((refusal as Partial<MeruError>).code !== 'INVALID') {
      throw new Error(`${operation.table}: a handle of the schema before gave ${showValue(refusal)}`)
    }
  }

  async #ingest({ table: name, rows }: Extract<DatabaseOperation, { do: 'ingest' }>): Promise<void> {
    const before = this.model.model.scan(name, {}, this.model.model.version - 1).length
    const report = await this.#table(name).ingest(rows)
    const inserted = this.model.model.scan(name).length - before
    if (report.rows - report.duplicates - report.replaced !== inserted) {
      throw new Error(`${name}: ${showValue(report)}, but ${inserted} keys are new`)
    }
  }

  async #read(
    operation: Extract<DatabaseOperation, { readonly do: 'get' | 'getMany' | 'has' | 'scan' | 'count' }>,
  ): Promise<unknown> {
    const moment = operation.snapshot === undefined ? undefined : this.#open.snapshots.get(operation.snapshot)
    const table = moment?.tables.get(operation.table) ?? this.#table(operation.table)
    const snapshot = moment?.snapshot
    switch (operation.do) {
      case 'get': {
        const options = { snapshot, select: operation.select }
        const row = await table.get(operation.key, options as never)
        const again = table.getSync(operation.key, options as never)
        if (!rowsEqual(row, again)) throw new Error(`get gave ${showValue(row)}, getSync ${showValue(again)}`)
        return row
      }
      case 'getMany':
        return table.getMany(operation.keys, { snapshot, select: operation.select } as never)
      case 'has':
        return table.has(operation.key, { snapshot })
      case 'count':
        return table.count({ ...operation.range, snapshot })
      case 'scan': {
        const { reverse, limit, select, range } = operation
        return table.scan({ ...range, reverse, limit, select, snapshot } as never).toArray()
      }
    }
  }

  /** After a flush with nothing written meanwhile, rows and dead rows must add up to the keys (I4). */
  async #flush(name: string): Promise<void> {
    const table = this.#table(name)
    await table.flush()
    const live = table.stats().liveRows
    const expected = this.model.model.scan(name).length
    if (live !== expected) throw new Error(`${name}: rows − dead rows is ${live}, there are ${expected} keys`)
  }

  /** A copy, opened, must hold what the database does; a reader of the database itself must see the same. */
  async #checkpoint(db: Database): Promise<void> {
    const target = new MemoryFs()
    await (db.stats().visibleSeqno % 2 === 0
      ? db.checkpoint('copy', { fs: target })
      : db.backup('copy', { fs: target }))
    const components = { env: this.#env, probe: probeOf(1_000_000) }
    const copy = await open('copy', { settings: this.#settings, components: { ...components, fs: target } })
    await this.#compare(copy)
    await copy.close()
    const reader = await open('memory', { readOnly: true, components: { ...components, fs: this.#disk.fs } })
    await this.#compare(reader)
    await reader.close()
  }

  async #compare(db: Database): Promise<void> {
    const found = new Map<string, readonly Row[]>()
    for (const { name } of TEST_TABLES) {
      found.set(name, (await (await db.table(this.#definition(name))).scan().toArray()) as Row[])
    }
    const differences = this.model.model.differences(found)
    if (differences.length > 0) throw new Error(`${db.path}: ${differences.slice(0, 5).join('\n')}`)
  }

  /** What was exported must hold to the Iceberg specification and show as many rows as there are. */
  async #export(name: string): Promise<void> {
    const table = this.#table(name)
    const expected = this.model.model.scan(name).length
    const isAltered = table.schema.schemaId > 0
    if (name === 'moments' && !isAltered) {
      // Nanoseconds have no type in format version 2.
      const error: unknown = await table.exportIceberg().catch((failure: unknown) => failure)
      if ((error as Partial<MeruError>).code !== 'INVALID')
        throw new Error(`export of ${name} gave ${String(error)}`)
      return
    }
    // Format version 2 has no defaults for rows that were there.
    const result = await table.exportIceberg(isAltered ? { formatVersion: 3 } : {})
    if (result.liveRows !== expected)
      throw new Error(`${name}: exported ${result.liveRows} of ${expected} rows`)
    const { violations } = await checkTable(this.#disk.fs, `tables/${name}`)
    if (violations.length > 0) throw new Error(`${name}: ${JSON.stringify(violations[0])}`)
  }

  async #crash(operation: Extract<DatabaseOperation, { do: 'crash' }>): Promise<void> {
    this.model.apply(operation)
    this.#open.snapshots.clear()
    await this.#env.until(this.#open.concurrent.abandon())
    this.#disk.process?.end()
    const random = new Random(operation.seed)
    this.#disk.fs =
      operation.mode === 'kill'
        ? this.#disk.fs.kill()
        : this.#disk.fs.crash(operation.mode, (bound) => random.below(bound))
    await this.open()
    this.model.recover(await this.state())
  }
}

function durabilityOf({ durability }: { readonly durability: 'durable' | 'buffered' }): {
  durability: 'durable'
} {
  return { durability: durability as 'durable' }
}

/** The process of the n-th opening; earlier ones are dead. */
export function probeOf(pid: number): ProcessProbe {
  return { pid, host: 'test', boot: '', namespace: '', startTime: '', isAlive: (other) => other === pid }
}

function answersEqual(expected: unknown, found: unknown): boolean {
  if (Array.isArray(expected) && Array.isArray(found)) {
    return expected.length === found.length && expected.every((row, i) => answersEqual(row, found[i]))
  }
  if (typeof expected === 'object' && typeof found === 'object') {
    return rowsEqual(expected ?? undefined, found ?? undefined)
  }
  return expected === found
}

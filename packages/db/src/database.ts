import { MeruError, RowCodec, type SeqNo, type TableDefinition, type TableSchema } from '@meru/core'
import type { FileSystem } from '@meru/fs'
import {
  currentSchema,
  dataDirectory,
  deletesDirectory,
  findTable,
  makeTableDirectories,
  type Manifest,
  type WriterLock,
  metadataDirectory,
  tableDirectory,
} from '@meru/manifest'
import { TableVersion } from '@meru/view'
import { Batch } from './batch.ts'
import { type BackupOptions, type BackupReport, makeBackup } from './backup.ts'
import { type CheckpointOptions, type CheckpointReport, makeCheckpoint } from './checkpoint.ts'
import { dropLog } from './drop-log.ts'
import { checkOpen, checkWritable, type Engine } from './engine.ts'
import { checkTableOptions, fitDeclaration, type TableOptions } from './evolve.ts'
import { removeHolds } from './held-files.ts'
import type { Log } from './log.ts'
import { Mutex } from './mutex.ts'
import type { RecoveryReport } from './recovery.ts'
import { Snapshot } from './snapshot.ts'
import { databaseStats, type DatabaseStats } from './stats.ts'
import { Table } from './table.ts'
import { TableStore } from './table-store.ts'
import type { Transaction } from './transaction.ts'
import { runTransaction, type TransactionOptions } from './transaction-run.ts'
import type { WriteOptions } from './write-options.ts'
import { submit } from './writes.ts'

interface DatabaseParts {
  readonly engine: Engine
  readonly wal: Log
  /** Absent if it is open for reading only. */
  readonly manifest?: Manifest
  readonly lock?: WriterLock
  readonly recovery: RecoveryReport
}

/** Many tables over one log: a batch is atomic, and a snapshot consistent, over all of them. */
export class Database {
  /** What opening found. */
  readonly recovery: RecoveryReport
  /** The table that `openTable` opened the database for. */
  soleTable: string | undefined
  readonly #parts: DatabaseParts
  readonly #engine: Engine
  /** Making and dropping tables, one at a time. */
  readonly #tables: Mutex = new Mutex()
  #closing: Promise<void> | undefined

  constructor(parts: DatabaseParts) {
    this.recovery = parts.recovery
    this.#parts = parts
    this.#engine = parts.engine
  }

  get path(): string {
    return this.#engine.path
  }

  /**
   * Opens a table, making it if there is none. With `{ evolve: 'add' }` columns that are declared and not
   * stored are added. Throws `INVALID`, telling the differences and what resolves them, if a table of that
   * name has another schema.
   */
  async table<Row, Insert, Key>(
    definition: TableDefinition<string, Row, Insert, Key>,
    options: TableOptions = {},
  ): Promise<Table<Row, Insert, Key>> {
    checkOpen(this.#engine)
    checkTableOptions(options)
    const { name, schema, modes } = definition
    const store = await this.#tables.run(async () => {
      const found = this.#find(name) ?? (await this.#create(name, schema))
      await fitDeclaration(this.#engine, found, definition, options)
      return found
    })
    const codec = RowCodec.compile<Row, Key>(name, store.schema, modes)
    return new Table<Row, Insert, Key>({ database: this, engine: this.#engine, store, codec })
  }

  /** A table as it is stored, or `undefined`; for tools that know no declaration. */
  storedTable(name: string): Promise<Table | undefined> {
    checkOpen(this.#engine)
    const store = this.#find(name)
    if (store === undefined) return Promise.resolve(undefined)
    const codec = RowCodec.compile(name, store.schema)
    return Promise.resolve(new Table({ database: this, engine: this.#engine, store, codec }))
  }

  /** The names of all tables, sorted. */
  tableNames(): string[] {
    checkOpen(this.#engine)
    return [...this.#engine.tables.values()].map((store) => store.name).toSorted()
  }

  /** Removes a table with all of its rows. `confirm` must repeat the name. */
  async dropTable(name: string, options: { readonly confirm: string }): Promise<void> {
    checkWritable(this.#engine)
    if ((options as Partial<typeof options> | undefined)?.confirm !== name) {
      throw new TypeError(`dropTable("${name}") needs { confirm: "${name}" }, for it removes every row`)
    }
    await this.#tables.run(async () => {
      const store = this.#find(name)
      if (store === undefined) throw new MeruError('INVALID', `there is no table "${name}"`)
      await this.#engine.writes.settle()
      await store.order.commits.run(() =>
        this.#engine.versions.commit({ changes: [{ kind: 'dropTable', tableId: store.id }] }, {}, () => {
          this.#engine.tables.delete(store.id)
          store.drop()
          this.#engine.versions.keep(name, new Set(), { isDropped: true })
        }),
      )
      // The commit stands, whatever becomes of what nobody needs any more.
      await removeTableDirectories(this.#engine.versions.fs, name).catch(() => undefined)
    })
  }

  /**
   * Writes to several tables as one: `fill` adds puts and deletes, all of them or none become visible and
   * durable. If `fill` throws, nothing is written.
   */
  async batch(fill: (batch: Batch) => void, options: WriteOptions = {}): Promise<SeqNo> {
    checkOpen(this.#engine)
    const group = this.#engine.writes.atomicGroup()
    const batch = new Batch(group, (store) => this.#checkOwn(store))
    const filled: unknown = fill(batch)
    batch.end()
    if (isThenable(filled)) {
      filled.then(undefined, () => undefined)
      throw new TypeError('batch() takes a function that fills the batch at once; get what it needs before')
    }
    return submit(this.#engine, group, batch.tables, options)
  }

  /**
   * Runs `body` with a transaction: it reads one moment of all tables and sees its own writes, which become
   * visible and durable together when `body` is done, in all tables or in none. If another write came
   * between, `body` is run again, up to `retries` times; then it throws a `ConflictError` that names table
   * and key. If `body` throws, nothing is written. Resolves with what `body` returned.
   */
  transaction<T>(
    body: (tx: Transaction) => T | PromiseLike<T>,
    options: TransactionOptions = {},
  ): Promise<Awaited<T>> {
    return runTransaction(this.#engine, body, options, (store) => this.#checkOwn(store))
  }

  /** One moment of all tables, to be given to reads as `{ snapshot }`. Close it soon. */
  snapshot(): Snapshot {
    checkOpen(this.#engine)
    const { versions, tables, writes } = this.#engine
    return new Snapshot({ versions, tables: tables.values(), seqno: writes.visibleSeqno })
  }

  /** Moves everything written so far from memory to SSTs. */
  async flush(): Promise<void> {
    checkWritable(this.#engine)
    await this.#engine.writes.settle()
    for (const store of this.#engine.tables.values())
      await this.#engine.background.flush(store, { seal: true })
  }

  /** Flushes, then merges every table into one sorted level without dead rows. */
  async compact(): Promise<void> {
    await this.flush()
    for (const store of this.#engine.tables.values()) await this.#engine.background.compact(store, {}, {})
  }

  /**
   * Makes a second database in an empty directory, as this one is now, over all tables. On one file system its files are
   * hard links, so that it takes hardly any time or room; elsewhere they are copied. It opens as a database.
   */
  async checkpoint(path: string, options?: CheckpointOptions): Promise<CheckpointReport> {
    checkWritable(this.#engine)
    return makeCheckpoint(this.#engine, this.#parts.wal, path, options)
  }

  /**
   * Copies the database as it is now to a directory, checking the hash of every SST. Into the directory of an earlier
   * backup only new files are copied, and until the end that one stays as it was. It opens as a database.
   */
  async backup(path: string, options?: BackupOptions): Promise<BackupReport> {
    checkWritable(this.#engine)
    return makeBackup(this.#engine, path, options)
  }

  stats(): DatabaseStats {
    return databaseStats(this.#engine)
  }

  /**
   * Waits for writes under way, flushes, and lets go of the directory. Later calls of any method throw
   * `CLOSED`; closing again waits for the first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Opens the one table of `openTable`. */
  async openSole<Row, Insert, Key>(
    definition: TableDefinition<string, Row, Insert, Key>,
    options: TableOptions,
  ): Promise<Table<Row, Insert, Key>> {
    this.soleTable = definition.name
    return this.table(definition, options)
  }

  #find(name: string): TableStore | undefined {
    return [...this.#engine.tables.values()].find((store) => store.name === name)
  }

  #checkOwn(store: TableStore): void {
    if (this.#engine.tables.get(store.id) === store) return
    throw new TypeError(`table "${store.name}" is not a table of the database ${this.path}`)
  }

  async #create(name: string, schema: TableSchema): Promise<TableStore> {
    checkWritable(this.#engine)
    const { versions, settings, tables } = this.#engine
    await makeTableDirectories(versions.fs, name)
    const lastSeqno = this.#engine.writes.visibleSeqno
    let made: TableStore | undefined
    await versions.commit(
      (state) => ({
        changes: [
          { kind: 'createTable', tableId: state.nextTableId, name, schema, properties: {} },
          { kind: 'setFlushedSeqno', tableId: state.nextTableId, seqno: lastSeqno },
        ],
      }),
      {},
      (state) => {
        const table = findTable(state, name)
        if (table === undefined) throw new TypeError(`table "${name}" was not made`)
        const { memtableBytesMax } = settings
        const options = { id: table.id, name, schema: currentSchema(table), memtableBytesMax }
        made = new TableStore({ ...options, version: TableVersion.empty })
        tables.set(table.id, made)
      },
    )
    return made as unknown as TableStore
  }

  #dropLog(wal: Log): Promise<void> {
    const { versions, tables, writes } = this.#engine
    return dropLog({ wal, versions, tables: tables.values(), lastSeqno: writes.visibleSeqno })
  }

  async #close(): Promise<void> {
    const { engine, wal, manifest, lock } = this.#parts
    engine.status = 'closing'
    await engine.tasks.stop(new MeruError('CLOSED', `database ${this.path} was closed meanwhile`))
    let isFlushed = false
    try {
      await engine.writes.settle()
      if (engine.writes.stopped === undefined) {
        for (const store of engine.tables.values()) {
          await engine.background.flush(store, { seal: true, compact: 'never' })
        }
        isFlushed = true
      }
    } finally {
      await engine.publisher.stop()
      await engine.background.stop()
      await engine.runner.close()
      // A log that stays costs room and nothing else.
      if (isFlushed) await this.#dropLog(wal).catch(() => undefined)
      await wal.close().catch(() => undefined)
      await engine.versions.close()
      await manifest?.close()
      engine.status = 'closed'
      await lock?.release()
    }
  }
}

/** What Iceberg readers know of a table, and its directories; those with files that a snapshot holds stay. */
async function removeTableDirectories(fs: FileSystem, name: string): Promise<void> {
  const metadata = metadataDirectory(name)
  for (const file of await fs.list(metadata)) await fs.remove(`${metadata}/${file}`)
  await removeHolds(fs, name)
  for (const directory of [metadata, deletesDirectory(name), dataDirectory(name), tableDirectory(name)]) {
    await fs.removeDirectory(directory)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | undefined)?.then === 'function'
}

import {
  type Alteration,
  type Altered,
  type AnyRange,
  type KeyRange,
  RowCodec,
  type SeqNo,
  type TableSchema,
  type Where,
} from '@meru/core'
import type { IcebergExport } from '@meru/iceberg'
import { commitSchema, modesOf, modesUnder, planAlteration } from './alter.ts'
import type { CompactionControl } from './compactor.ts'
import { ConditionalWriter, type DeleteOptions, isConditional, type PutOptions } from './conditional-write.ts'
import { checkOpen, checkWritable, type Engine } from './engine.ts'
import { exportTable, forgetTarget, type ExportOptions } from './export.ts'
import { referencedExports, type ReferencedExport } from './held-files.ts'
import { ingestRows, type IngestOptions } from './ingest.ts'
import type { IngestReport } from './ingest-report.ts'
import type { RowSource } from './ingest-source.ts'
import { PointReader, type ReadOptions, type VersionedRow } from './reads.ts'
import { RowScan } from './row-scan.ts'
import type { Snapshot } from './snapshot.ts'
import { tableStats, type TableStats } from './stats.ts'
import { TableScan } from './table-scan.ts'
import type { TableStore } from './table-store.ts'
import type { WriteHandle } from './write-handle.ts'
import type { WriteOptions } from './write-options.ts'
import { handleOf, TableWriter } from './writes.ts'

type NameOf<Row> = Extract<keyof Row, string>

/** Options of a scan beside its range. */
export interface ScanOptions<Name extends string = string> extends ReadOptions<Name> {
  /** From the last key to the first. */
  readonly reverse?: boolean | undefined
  readonly limit?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Which rows of the range a scan gives. */
export interface Filtered<Row> {
  readonly where?: Where<Row> | undefined
}

/** Options of a compaction. */
export interface CompactOptions<Key = unknown> extends CompactionControl {
  /** Without it the whole table. */
  readonly range?: KeyRange<Key> | undefined
}

const COMPACT_NAMES = new Set(['range', 'signal', 'onProgress'])

function checkCompaction<Key>(options: CompactOptions<Key>): CompactOptions<Key> & { range?: AnyRange } {
  for (const name of Object.keys(options)) {
    if (!COMPACT_NAMES.has(name))
      throw new TypeError(`compact has no option "${name}"; it has ${[...COMPACT_NAMES].join(', ')}`)
  }
  return options as CompactOptions<Key> & { range?: AnyRange }
}

const BUFFERED = 'buffered'

/** The handle of a declared table, for parameters and fields: `TableOf<typeof sessions>`. */
export type TableOf<D extends { readonly $row: unknown; readonly $insert: unknown; readonly $key: unknown }> =
  Table<D['$row'], D['$insert'], D['$key']>

/** The database that a table belongs to. */
export interface TableOwner {
  readonly path: string
  /** The table that the database was opened for, by `openTable`. */
  readonly soleTable: string | undefined
  close(): Promise<void>
}

/** A table of an open database. Made by `Database.table` or `openTable`. */
export class Table<Row = Record<string, unknown>, Insert = Record<string, unknown>, Key = unknown> {
  readonly database: TableOwner
  readonly #engine: Engine
  readonly #store: TableStore
  readonly #codec: RowCodec<Row, Key>
  readonly #reader: PointReader<Row, Key>
  readonly #conditional: ConditionalWriter<Row, Key>
  /** For batches of the database. */
  readonly writer: TableWriter<Insert, Key>

  constructor(parts: { database: TableOwner; engine: Engine; store: TableStore; codec: RowCodec<Row, Key> }) {
    this.database = parts.database
    this.#engine = parts.engine
    this.#store = parts.store
    this.#codec = parts.codec
    this.#reader = new PointReader(parts.engine, parts.store, parts.codec)
    this.#conditional = new ConditionalWriter(parts.engine, parts.store, parts.codec)
    this.writer = new TableWriter(parts.engine, parts.store, parts.codec as never)
  }

  get name(): string {
    return this.#store.name
  }

  /** The schema that this handle reads and writes. */
  get schema(): TableSchema {
    return this.#codec.schema
  }

  /**
   * Inserts or replaces the row of a key. Resolves when the write is durable, with a seqno at which it is
   * visible; with `{ durability: 'buffered' }` it gives a handle that resolves when it is applied.
   * Throws `INVALID`, naming column and value, if the row does not fit the schema.
   * With `ifAbsent` or `ifVersion` it is put only if that holds at its place in the order of writes, and
   * resolves with the version of the new row; else it throws a `ConflictError` with the version found.
   */
  put(row: Insert, options?: PutOptions & { readonly durability?: 'durable' }): Promise<SeqNo>
  put(row: Insert, options: PutOptions & { readonly durability: 'buffered' }): WriteHandle
  put(row: Insert, options?: PutOptions): PromiseLike<SeqNo>
  put(row: Insert, options?: PutOptions): PromiseLike<SeqNo> {
    const applied = isConditional(options)
      ? this.#conditional.put(row, options)
      : this.writer.put(row, options)
    return options?.durability === BUFFERED ? handleOf(this.#engine, applied, options) : applied
  }

  /** Puts rows as one atomic batch. */
  putMany(rows: Iterable<Insert>, options?: WriteOptions): Promise<SeqNo> {
    return this.writer.putMany(rows, options)
  }

  /** Deletes the row of a key, if there is one. With `ifVersion` only if it has that version, as for `put`. */
  delete(key: Key, options?: DeleteOptions & { readonly durability?: 'durable' }): Promise<SeqNo>
  delete(key: Key, options: DeleteOptions & { readonly durability: 'buffered' }): WriteHandle
  delete(key: Key, options?: DeleteOptions): PromiseLike<SeqNo> {
    const applied = isConditional(options)
      ? this.#conditional.delete(key, options)
      : this.writer.delete(key, options)
    return options?.durability === BUFFERED ? handleOf(this.#engine, applied, options) : applied
  }

  /** Deletes the rows of keys as one atomic batch. */
  deleteMany(keys: Iterable<Key>, options?: WriteOptions): Promise<SeqNo> {
    return this.writer.deleteMany(keys, options)
  }

  /** The row of a key, or `undefined`. */
  get(key: Key): Promise<Row | undefined>
  get<N extends NameOf<Row>>(key: Key, options: ReadOptions<N>): Promise<Pick<Row, N> | undefined>
  get(key: Key, options?: ReadOptions): Promise<Row | undefined> {
    return this.#reader.get(key, options)
  }

  /** The row of a key with its version, for a later write `ifVersion`; or `undefined`. */
  getWithVersion(key: Key): Promise<VersionedRow<Row> | undefined>
  getWithVersion<N extends NameOf<Row>>(
    key: Key,
    options: ReadOptions<N>,
  ): Promise<VersionedRow<Pick<Row, N>> | undefined>
  getWithVersion(key: Key, options?: ReadOptions): Promise<VersionedRow<Row> | undefined> {
    return this.#reader.getWithVersion(key, options)
  }

  /** Like `get`, but reads missing pages on this thread; fast if the data is in memory. */
  getSync(key: Key): Row | undefined
  getSync<N extends NameOf<Row>>(key: Key, options: ReadOptions<N>): Pick<Row, N> | undefined
  getSync(key: Key, options?: ReadOptions): Row | undefined {
    return this.#reader.getSync(key, options)
  }

  /** The rows of keys in their order, all of one moment; `undefined` for absent ones. */
  getMany(keys: readonly Key[]): Promise<(Row | undefined)[]>
  getMany<N extends NameOf<Row>>(
    keys: readonly Key[],
    options: ReadOptions<N>,
  ): Promise<(Pick<Row, N> | undefined)[]>
  getMany(keys: readonly Key[], options?: ReadOptions): Promise<(Row | undefined)[]> {
    return this.#reader.getMany(keys, options)
  }

  has(key: Key, options?: { readonly snapshot?: ReadOptions['snapshot'] }): Promise<boolean> {
    return this.#reader.has(key, options)
  }

  /** The rows of a key range in key order. Nothing is read before the first row is asked for. */
  scan(): RowScan<Row>
  scan<N extends NameOf<Row>>(query: KeyRange<Key> & ScanOptions<N> & Filtered<Row>): RowScan<Pick<Row, N>>
  scan(query: ScanOptions & AnyRange & Filtered<Row> = {}): RowScan<Row> {
    checkQuery(query)
    const selection = this.#codec.select(query.select)
    const request = {
      schema: this.schema,
      columnIds: selection.columnIds,
      ...this.#codec.encodeRange(query),
      reverse: query.reverse ?? false,
      limit: query.limit,
      filter: query.where === undefined ? undefined : this.#codec.filter(query.where),
      signal: query.signal,
    }
    const hold = (): ReturnType<PointReader<Row, Key>['hold']> => this.#reader.hold(query.snapshot)
    const scan = new TableScan<Row>({ engine: this.#engine, hold, codec: this.#codec, selection, request })
    return new RowScan<Row>(scan, this.#codec, selection)
  }

  /** How many rows a key range holds. Without a range and conditions it is known without reading the files. */
  count(range?: KeyRange<Key> & Pick<ScanOptions, 'snapshot' | 'signal'> & Filtered<Row>): Promise<number> {
    return this.scan((range ?? {}) as KeyRange<Key> & ScanOptions<NameOf<Row>> & Filtered<Row>).count()
  }

  /**
   * Loads many rows straight into SSTs, without the log: several times as fast as puts, and durable when it resolves.
   * All rows become visible at once, or none: if a row does not fit, if the source throws, or in a crash. Of rows with
   * one key the last stays; rows of the table with the same keys are replaced. Fastest where the rows ascend by key.
   */
  ingest(source: RowSource<Insert>, options?: IngestOptions): Promise<IngestReport> {
    try {
      return ingestRows(this.#engine, this.#store, this.#codec as RowCodec, source, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Changes the columns of the table, all at once and durably: `alter((a) => a.add(…).rename(…))`. Nothing is
   * rewritten. Returns the handle of the changed table; this one then reads only snapshots taken before.
   * Throws a `TypeError` with a way out for a change that would lose or bend values, `INVALID` if the table
   * has another schema than this handle.
   */
  async alter<R, I, K>(
    change: (alteration: Alteration<Row, Insert, Key>) => Altered<R, I, K>,
  ): Promise<Table<R, I, K>> {
    checkWritable(this.#engine)
    const { step, modes } = planAlteration<Row, Insert, Key, R, I, K>(this.#codec, change)
    if (step.after === step.before) return this as unknown as Table<R, I, K>
    await commitSchema(this.#engine, this.#store, step)
    const { database } = this
    const codec = RowCodec.compile<R, K>(this.name, this.#store.schema, modes)
    return new Table<R, I, K>({ database, engine: this.#engine, store: this.#store, codec })
  }

  /** The table as a snapshot sees it, for reading with that snapshot: under the schema of its moment. */
  at(snapshot: Snapshot): Table {
    const { schema } = snapshot.viewOf(this.#store)
    const modes = modesOf(this.#codec)
    const codec = RowCodec.compile(this.name, schema, modesUnder(schema, this.schema, modes))
    return new Table({ database: this.database, engine: this.#engine, store: this.#store, codec })
  }

  /** Moves everything written so far from memory to SSTs. */
  async flush(): Promise<void> {
    checkWritable(this.#engine)
    await this.#engine.writes.settle()
    await this.#engine.background.flush(this.#store, { seal: true })
  }

  /**
   * Flushes, then merges the table into one sorted level without dead rows; with `range` only the files that may hold
   * keys of it. Calling it off with `signal` leaves the table as it was.
   */
  async compact(options: CompactOptions<Key> = {}): Promise<void> {
    const { range, ...control } = checkCompaction(options)
    const span = this.#codec.encodeRange(range ?? {})
    await this.flush()
    await this.#engine.background.compact(this.#store, span, control)
  }

  /**
   * Publishes the table as it is now as an Iceberg table, for any Iceberg reader: in its own directory, or elsewhere with
   * `to`. Costs what changed since the last export to the same place.
   */
  async exportIceberg(options: ExportOptions = {}): Promise<IcebergExport> {
    await this.flush()
    return exportTable(this.#engine, this.#store, options)
  }

  /** Iceberg tables elsewhere that refer to files of this one, which stay for them; see the mode `reference`. */
  referencedExports(): Promise<ReferencedExport[]> {
    checkOpen(this.#engine)
    return referencedExports(this.#engine.versions.fs, this.name)
  }

  /** Lets the files go that stay for an Iceberg table elsewhere, by its location: it is not readable any more. */
  async forgetExport(location: string): Promise<void> {
    checkWritable(this.#engine)
    await forgetTarget(this.#engine, this.#store, location)
  }

  stats(): TableStats {
    checkOpen(this.#engine)
    return tableStats(this.#engine, this.#store)
  }

  /** Closes the database if this table was opened by `openTable`; otherwise nothing to do. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async close(): Promise<void> {
    if (this.database.soleTable === this.name) await this.database.close()
  }
}

const QUERY_NAMES = new Set([
  'gt',
  'gte',
  'lt',
  'lte',
  'prefix',
  'reverse',
  'limit',
  'select',
  'where',
  'snapshot',
  'signal',
])

function checkQuery(query: object): void {
  for (const name of Object.keys(query)) {
    if (!QUERY_NAMES.has(name))
      throw new TypeError(`scan has no option "${name}"; it has ${[...QUERY_NAMES].join(', ')}`)
  }
  const limit = (query as ScanOptions).limit
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
    throw new TypeError(`limit is ${String(limit)}; a non-negative integer expected`)
  }
}

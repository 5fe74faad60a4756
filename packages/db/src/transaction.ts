import { type AnyRange, ByteWriter, KIND_DELETE, KIND_PUT, type KeyRange, MeruError } from '@meru/core'
import type { ReadOptions } from './reads.ts'
import { RowScan } from './row-scan.ts'
import type { Snapshot } from './snapshot.ts'
import type { Filtered, ScanOptions, Table } from './table.ts'
import type { TableStore } from './table-store.ts'
import { columnsWithKeys, TransactionScan } from './transaction-scan.ts'
import { TableTrace } from './transaction-trace.ts'
import { BATCH_BYTES_MAX } from './writes.ts'

type NameOf<Row> = Extract<keyof Row, string>

/** Options of a read within a transaction. */
export interface SelectOptions<Name extends string = string> extends Pick<ReadOptions<Name>, 'select'> {}

/** Options of a scan within a transaction, beside its range. */
export interface TransactionScanOptions<Name extends string = string> extends Omit<
  ScanOptions<Name>,
  'snapshot'
> {}

/** What a transaction stands on. */
export interface TransactionParts {
  /** The moment that it reads, with its own writes over it. */
  readonly moment: Snapshot
  readonly traces: TransactionTraces
  /** Whether what it reads is noted, to be checked at the end. */
  readonly notesReads: boolean
  readonly signal: AbortSignal | undefined
  /** Throws a `TypeError` for a table of another database. */
  readonly checkOwn: (store: TableStore) => void
}

/** A table of any type, as far as a transaction looks into it. */
interface AnyTable {
  readonly name: string
  readonly writer: { readonly store: TableStore; readonly codec: unknown }
}

/** What a transaction did, by table. */
export type TransactionTraces = Map<TableStore, TableTrace>

/**
 * Reads of one moment of all tables, and writes that only it sees until they are committed together. Made by
 * `Database.transaction`; of use until the function that it was given to is done.
 */
export class Transaction {
  readonly #parts: TransactionParts
  readonly #scratch: ByteWriter = new ByteWriter(256)
  #writtenBytes = 0
  #isOpen = true

  constructor(parts: TransactionParts) {
    this.#parts = parts
  }

  /** The row of a key, or `undefined`. */
  get<Row, Insert, Key>(table: Table<Row, Insert, Key>, key: NoInfer<Key>): Promise<Row | undefined>
  get<Row, Insert, Key, N extends NameOf<Row>>(
    table: Table<Row, Insert, Key>,
    key: NoInfer<Key>,
    options: SelectOptions<N>,
  ): Promise<Pick<Row, N> | undefined>
  async get(table: Table, key: unknown, options?: SelectOptions): Promise<object | undefined> {
    this.#noteKeys(table, [key])
    return table.get(key, this.#options(options))
  }

  /** The rows of keys in their order; `undefined` for absent ones. */
  getMany<Row, Insert, Key>(
    table: Table<Row, Insert, Key>,
    keys: readonly NoInfer<Key>[],
  ): Promise<(Row | undefined)[]>
  getMany<Row, Insert, Key, N extends NameOf<Row>>(
    table: Table<Row, Insert, Key>,
    keys: readonly NoInfer<Key>[],
    options: SelectOptions<N>,
  ): Promise<(Pick<Row, N> | undefined)[]>
  async getMany(
    table: Table,
    keys: readonly unknown[],
    options?: SelectOptions,
  ): Promise<(object | undefined)[]> {
    this.#noteKeys(table, keys)
    return table.getMany(keys, this.#options(options))
  }

  async has<Row, Insert, Key>(table: Table<Row, Insert, Key>, key: NoInfer<Key>): Promise<boolean> {
    this.#noteKeys(table, [key])
    return table.has(key, { snapshot: this.#parts.moment })
  }

  /** The rows of a key range in key order. Own writes up to the first row asked for are among them. */
  scan<Row, Insert, Key>(table: Table<Row, Insert, Key>): RowScan<Row>
  scan<Row, Insert, Key, N extends NameOf<Row>>(
    table: Table<Row, Insert, Key>,
    query: KeyRange<NoInfer<Key>> & TransactionScanOptions<N> & Filtered<NoInfer<Row>>,
  ): RowScan<Pick<Row, N>>
  scan(table: Table, query: TransactionScanOptions & AnyRange = {}): RowScan<Record<string, unknown>> {
    const trace = this.#trace(table)
    const { codec } = trace
    const select = columnsWithKeys(codec, query.select)
    const { source } = table.scan({ ...this.#options(query), select } as never)
    const { notesReads } = this.#parts
    const check = (): void => this.#check(table)
    const scan = new TransactionScan({ query, trace, scan: source, notesReads, check })
    return new RowScan<Record<string, unknown>>(scan, codec as never, codec.select(query.select))
  }

  /** How many rows a key range holds. */
  count<Row, Insert, Key>(
    table: Table<Row, Insert, Key>,
    range?: KeyRange<NoInfer<Key>> & Pick<TransactionScanOptions, 'signal'> & Filtered<NoInfer<Row>>,
  ): Promise<number> {
    return this.scan(table, (range ?? {}) as never).count()
  }

  /** Inserts or replaces a row when the transaction is committed. Throws `INVALID` if it does not fit. */
  put<Row, Insert, Key>(table: Table<Row, Insert, Key>, row: NoInfer<Insert>): this {
    return this.putMany(table, [row])
  }

  /** As `put` for several rows; if one does not fit, none is put. */
  putMany<Row, Insert, Key>(table: Table<Row, Insert, Key>, rows: Iterable<NoInfer<Insert>>): this {
    const { writes, codec } = this.#trace(table)
    const ends: number[] = []
    const scratch = this.#scratch
    scratch.clear()
    for (const row of rows) ends.push(scratch.length + codec.encodeRow(row, scratch), scratch.length)
    this.#grow(table.name, scratch.length)
    for (let i = 0, start = 0; i < ends.length; i += 2) {
      writes.append(KIND_PUT, scratch.bytes.subarray(start), ends[i] - start, ends[i + 1] - start)
      start = ends[i + 1]
    }
    return this
  }

  /** Deletes the row of a key, if there is one, when the transaction is committed. */
  delete<Row, Insert, Key>(table: Table<Row, Insert, Key>, key: NoInfer<Key>): this {
    const { writes, codec } = this.#trace(table)
    const scratch = this.#scratch
    scratch.clear()
    codec.encodeKey(key, scratch)
    this.#grow(table.name, scratch.length)
    writes.append(KIND_DELETE, scratch.bytes, scratch.length, scratch.length)
    return this
  }

  /** From here on it neither reads nor writes. */
  end(): void {
    this.#isOpen = false
  }

  #noteKeys(table: AnyTable, keys: readonly unknown[]): void {
    const trace = this.#trace(table)
    if (!this.#parts.notesReads) return
    const scratch = this.#scratch
    for (const key of keys) {
      scratch.clear()
      trace.codec.encodeKey(key, scratch)
      trace.noteRead(scratch.written(), this.#parts.moment.seqno)
    }
  }

  #trace(table: AnyTable): TableTrace {
    this.#check(table)
    const { traces } = this.#parts
    const { store, codec } = table.writer
    let trace = traces.get(store)
    if (trace === undefined) traces.set(store, (trace = new TableTrace(store, codec as never)))
    return trace
  }

  #check(table: AnyTable): void {
    if (!this.#isOpen) {
      throw new TypeError('the transaction is over; await what it does within the function it was given to')
    }
    this.#parts.signal?.throwIfAborted()
    this.#parts.checkOwn(table.writer.store)
  }

  #options<O extends object>(options: O | undefined): O & { readonly snapshot: Snapshot } {
    if (options !== undefined && 'snapshot' in options && options.snapshot !== undefined) {
      throw new TypeError('a transaction reads its own moment; it has no option "snapshot"')
    }
    return { ...(options as O), snapshot: this.#parts.moment }
  }

  #grow(table: string, bytes: number): void {
    if (this.#writtenBytes + bytes > BATCH_BYTES_MAX) {
      throw new MeruError(
        'INVALID',
        `table "${table}": a transaction writes at most ${BATCH_BYTES_MAX} bytes; write less in one`,
      )
    }
    this.#writtenBytes += bytes
  }
}

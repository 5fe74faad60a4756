import {
  ByteWriter,
  KIND_DELETE,
  KIND_PUT,
  MeruError,
  type OperationTarget,
  type RowCodec,
  type SeqNo,
} from '@meru/core'
import { staleHandle } from './alter.ts'
import { checkOpen, checkWritable, type Engine } from './engine.ts'
import type { TableStore } from './table-store.ts'
import type { WriteGroup } from './write-group.ts'
import { WriteHandle } from './write-handle.ts'
import { checkWriteOptions, isDurable, type WriteOptions } from './write-options.ts'

/** A batch may hold this many bytes of encoded rows; more would be one log record beyond its limit. */
export const BATCH_BYTES_MAX: number = 512 * 1024 * 1024

/** Writes of one table. Rows are checked and encoded in the call, so they may change right after it. */
export class TableWriter<Insert, Key> {
  readonly #engine: Engine
  readonly store: TableStore
  readonly codec: RowCodec<never, Key>
  readonly #target: OperationTarget

  constructor(engine: Engine, table: TableStore, codec: RowCodec<never, Key>) {
    this.#engine = engine
    this.store = table
    this.codec = codec
    this.#target = { id: table.id, schemaId: codec.schema.schemaId }
  }

  put(row: Insert, options: WriteOptions | undefined): Promise<SeqNo> {
    try {
      const sync = this.#checked('put', options)
      const { writes } = this.#engine
      if (isHeld(this.#engine, this.store)) return this.#putLater(row, sync)
      const group = writes.join()
      this.putIn(group, row)
      return writes.joined(group, { sync })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  delete(key: Key, options: WriteOptions | undefined): Promise<SeqNo> {
    try {
      const sync = this.#checked('delete', options)
      const { writes } = this.#engine
      if (isHeld(this.#engine, this.store)) return this.#deleteLater(key, sync)
      const group = writes.join()
      this.deleteIn(group, key)
      return writes.joined(group, { sync })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** One atomic batch. An empty one resolves with what is visible now. */
  async putMany(rows: Iterable<Insert>, options: WriteOptions | undefined): Promise<SeqNo> {
    this.#checked('batch', options)
    const group = this.#engine.writes.atomicGroup()
    for (const row of rows) this.putIn(group, row)
    return submit(this.#engine, group, [this.store], options)
  }

  async deleteMany(keys: Iterable<Key>, options: WriteOptions | undefined): Promise<SeqNo> {
    this.#checked('batch', options)
    const group = this.#engine.writes.atomicGroup()
    for (const key of keys) this.deleteIn(group, key)
    return submit(this.#engine, group, [this.store], options)
  }

  /** Adds a put to a batch. Throws `INVALID` and adds nothing if the row is not allowed. */
  putIn(group: WriteGroup, row: Insert): void {
    this.#checkSchema()
    const { batch } = group
    const out = batch.begin(KIND_PUT, this.#target)
    try {
      const keyLength = this.codec.encodeRow(row, out)
      if (out.length > BATCH_BYTES_MAX) throw this.#batchTooLong(batch.count)
      batch.end(keyLength)
    } catch (error) {
      batch.cancel()
      throw error
    }
  }

  /** Adds a delete to a batch. */
  deleteIn(group: WriteGroup, key: Key): void {
    this.#checkSchema()
    const { batch } = group
    const out = batch.begin(KIND_DELETE, this.#target)
    try {
      const start = out.length
      this.codec.encodeKey(key, out)
      batch.end(out.length - start)
    } catch (error) {
      batch.cancel()
      throw error
    }
  }

  /** The row is encoded now, and written when there is room. */
  #putLater(row: Insert, sync: boolean): Promise<SeqNo> {
    const encoded = new ByteWriter()
    const keyLength = this.codec.encodeRow(row, encoded)
    return whenThereIsRoom(this.#engine, [this.store], () => {
      const group = this.#engine.writes.join()
      group.batch.put(this.#target, encoded.bytes, 0, keyLength, keyLength, encoded.length)
      return this.#engine.writes.joined(group, { sync })
    })
  }

  #deleteLater(key: Key, sync: boolean): Promise<SeqNo> {
    const encoded = new ByteWriter()
    this.codec.encodeKey(key, encoded)
    return whenThereIsRoom(this.#engine, [this.store], () => {
      const group = this.#engine.writes.join()
      group.batch.delete(this.#target, encoded.bytes, 0, encoded.length)
      return this.#engine.writes.joined(group, { sync })
    })
  }

  #batchTooLong(count: number): MeruError {
    const advice = `put fewer rows into one batch; ${count} fit`
    return new MeruError(
      'INVALID',
      `table "${this.store.name}": a batch holds at most ${BATCH_BYTES_MAX} bytes: ${advice}`,
    )
  }

  /** Whether the write waits for the log. Throws if the table takes none. */
  #checked(kind: 'put' | 'delete' | 'batch', options: WriteOptions | undefined): boolean {
    checkWriteOptions(kind, options)
    checkWritable(this.#engine)
    checkPresent(this.store)
    this.#checkSchema()
    return isDurable(options)
  }

  #checkSchema(): void {
    if (this.store.schema !== this.codec.schema) throw staleHandle(this.store, this.codec.schema)
  }
}

/** Sends a complete batch on its way: at once, or when there is room in all of its tables. */
export function submit(
  engine: Engine,
  group: WriteGroup,
  tables: Iterable<TableStore>,
  options: WriteOptions | undefined,
): Promise<SeqNo> {
  if (group.guard === undefined) checkWriteOptions('batch', options)
  group.sync = isDurable(options)
  const enter = (): Promise<SeqNo> => {
    if (group.batch.count === 0) return Promise.resolve(engine.writes.visibleSeqno)
    return engine.writes.submit(group)
  }
  const all = [...tables]
  if (all.some((table) => isHeld(engine, table))) return whenThereIsRoom(engine, all, enter)
  return enter()
}

/** Whether a write of the table has to wait, for room or behind others that do. */
function isHeld(engine: Engine, table: TableStore): boolean {
  return table.order.turns.isTaken || engine.background.stallOf(table).kind !== 'none'
}

/** Writes that are held back enter in the order in which they came; whoever comes meanwhile queues up. */
async function whenThereIsRoom(
  engine: Engine,
  tables: readonly TableStore[],
  enter: () => Promise<SeqNo>,
): Promise<SeqNo> {
  // Places in all tables at once: two batches never wait for each other.
  const places = tables.map((table) => table.order.turns.take())
  const schemas = tables.map((table) => table.schema)
  let done: Promise<SeqNo>
  try {
    const rooms = tables.map((table) => engine.background.waitForRoom(table))
    await Promise.allSettled([...rooms, ...places.map((place) => place.before)])
    await Promise.all(rooms)
    checkOpen(engine)
    tables.forEach((table, i) => {
      checkPresent(table)
      if (table.schema !== schemas[i]) throw staleHandle(table, schemas[i])
    })
    done = enter()
  } finally {
    for (const place of places) place.leave()
  }
  return done
}

function checkPresent(table: TableStore): void {
  if (table.isDropped) throw new MeruError('INVALID', `table "${table.name}" was dropped`)
}

/** What a write gives back: its promise, or for `buffered` the handle that can also wait for durability. */
export function handleOf(
  engine: Engine,
  applied: Promise<SeqNo>,
  options: WriteOptions | undefined,
): Promise<SeqNo> | WriteHandle {
  return isDurable(options) ? applied : new WriteHandle(applied, engine.writes)
}

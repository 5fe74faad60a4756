import { ByteWriter, MeruError, type RowCodec, type SeqNo } from '@meru/core'
import { checkOpen, type Engine } from './engine.ts'
import type { TableStore } from './table-store.ts'
import { WriteGroup } from './write-group.ts'
import { WriteHandle } from './write-handle.ts'

/** Options of a write. */
export interface WriteOptions {
  /**
   * `durable`, the default: resolves when the write survives a crash. `buffered`: resolves when it is
   * applied and visible; a crash may take back the last ones, never one without all later ones.
   */
  readonly durability?: 'durable' | 'buffered' | undefined
}

/** A batch may hold this many bytes of encoded rows; more would be one log record beyond its limit. */
const BATCH_BYTES_MAX = 512 * 1024 * 1024

/** Writes of one table. Rows are checked and encoded in the call, so they may change right after it. */
export class TableWriter<Insert, Key> {
  readonly #engine: Engine
  readonly store: TableStore
  readonly #codec: RowCodec<never, Key>
  readonly #scratch: ByteWriter = new ByteWriter(1024)
  readonly #target: { readonly id: number; readonly schemaId: number }

  constructor(engine: Engine, table: TableStore, codec: RowCodec<never, Key>) {
    this.#engine = engine
    this.store = table
    this.#codec = codec
    this.#target = { id: table.id, schemaId: table.schema.schemaId }
  }

  put(row: Insert, options: WriteOptions | undefined): Promise<SeqNo> {
    try {
      checkOpen(this.#engine)
      const scratch = this.#scratch
      scratch.clear()
      const keyLength = this.#codec.encodeRow(row, scratch)
      if (this.#stalled()) return this.#later(scratch.written().slice(), keyLength, options)
      return this.#add(scratch.bytes, keyLength, scratch.length, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  delete(key: Key, options: WriteOptions | undefined): Promise<SeqNo> {
    try {
      checkOpen(this.#engine)
      const scratch = this.#encodeKey(key)
      const group = this.#engine.writes.join({ sync: isDurable(options) })
      group.batch.delete(this.#target, scratch.bytes, 0, scratch.length)
      return group.done.promise
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** One atomic batch. An empty one resolves with what is visible now. */
  async putMany(rows: Iterable<Insert>, options: WriteOptions | undefined): Promise<SeqNo> {
    checkOpen(this.#engine)
    const group = new WriteGroup({ closed: true })
    for (const row of rows) this.putIn(group, row)
    return submit(this.#engine, group, [this.store], options)
  }

  async deleteMany(keys: Iterable<Key>, options: WriteOptions | undefined): Promise<SeqNo> {
    checkOpen(this.#engine)
    const group = new WriteGroup({ closed: true })
    for (const key of keys) this.deleteIn(group, key)
    return submit(this.#engine, group, [this.store], options)
  }

  /** Adds a put to a batch. Throws `INVALID` and adds nothing if the row is not allowed. */
  putIn(group: WriteGroup, row: Insert): void {
    const scratch = this.#scratch
    scratch.clear()
    const keyLength = this.#codec.encodeRow(row, scratch)
    if (group.batch.length + scratch.length > BATCH_BYTES_MAX) {
      const advice = `put fewer rows into one batch; ${group.batch.count} fit`
      throw new MeruError(
        'INVALID',
        `table "${this.store.name}": a batch holds at most ${BATCH_BYTES_MAX} bytes: ${advice}`,
      )
    }
    group.batch.put(this.#target, scratch.bytes, 0, keyLength, keyLength, scratch.length)
  }

  /** Adds a delete to a batch. */
  deleteIn(group: WriteGroup, key: Key): void {
    const scratch = this.#encodeKey(key)
    group.batch.delete(this.#target, scratch.bytes, 0, scratch.length)
  }

  #encodeKey(key: Key): ByteWriter {
    const scratch = this.#scratch
    scratch.clear()
    this.#codec.encodeKey(key, scratch)
    return scratch
  }

  #add(
    bytes: Uint8Array,
    keyLength: number,
    length: number,
    options: WriteOptions | undefined,
  ): Promise<SeqNo> {
    const group = this.#engine.writes.join({ sync: isDurable(options) })
    group.batch.put(this.#target, bytes, 0, keyLength, keyLength, length)
    return group.done.promise
  }

  #stalled(): boolean {
    return this.#engine.background.stallOf(this.store).kind !== 'none'
  }

  async #later(bytes: Uint8Array, keyLength: number, options: WriteOptions | undefined): Promise<SeqNo> {
    await this.#engine.background.waitForRoom(this.store)
    checkOpen(this.#engine)
    return this.#add(bytes, keyLength, bytes.length, options)
  }
}

/** Sends a complete batch on its way, after waiting for room in its tables. */
export async function submit(
  engine: Engine,
  group: WriteGroup,
  tables: Iterable<TableStore>,
  options: WriteOptions | undefined,
): Promise<SeqNo> {
  group.sync = isDurable(options)
  for (const table of tables) await engine.background.waitForRoom(table)
  checkOpen(engine)
  if (group.batch.count === 0) return engine.writes.visibleSeqno
  engine.writes.submit(group)
  return group.done.promise
}

/** What a write gives back: its promise, or for `buffered` the handle that can also wait for durability. */
export function handleOf(
  engine: Engine,
  applied: Promise<SeqNo>,
  options: WriteOptions | undefined,
): Promise<SeqNo> | WriteHandle {
  return isDurable(options) ? applied : new WriteHandle(applied, engine.writes)
}

function isDurable(options: WriteOptions | undefined): boolean {
  const durability = options?.durability ?? 'durable'
  if (durability === 'durable') return true
  if (durability === 'buffered') return false
  throw new TypeError(`durability is "${String(durability)}"; "durable" or "buffered" expected`)
}

import { ByteWriter, MeruError, type RowCodec, type SeqNo } from '@meru/core'
import { staleHandle } from './alter.ts'
import { checkOpen, checkWritable, type Engine } from './engine.ts'
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
export const BATCH_BYTES_MAX: number = 512 * 1024 * 1024

/** Writes of one table. Rows are checked and encoded in the call, so they may change right after it. */
export class TableWriter<Insert, Key> {
  readonly #engine: Engine
  readonly store: TableStore
  readonly codec: RowCodec<never, Key>
  readonly #scratch: ByteWriter = new ByteWriter(1024)
  readonly #target: { readonly id: number; readonly schemaId: number }

  constructor(engine: Engine, table: TableStore, codec: RowCodec<never, Key>) {
    this.#engine = engine
    this.store = table
    this.codec = codec
    this.#target = { id: table.id, schemaId: codec.schema.schemaId }
  }

  put(row: Insert, options: WriteOptions | undefined): Promise<SeqNo> {
    try {
      const sync = this.#checked(options)
      const scratch = this.#scratch
      scratch.clear()
      const keyLength = this.codec.encodeRow(row, scratch)
      if (!isHeld(this.#engine, this.store)) return this.#add(scratch.bytes, keyLength, scratch.length, sync)
      const bytes = scratch.written().slice()
      return this.#later(() => this.#add(bytes, keyLength, bytes.length, sync))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  delete(key: Key, options: WriteOptions | undefined): Promise<SeqNo> {
    try {
      const sync = this.#checked(options)
      const scratch = this.#encodeKey(key)
      if (!isHeld(this.#engine, this.store)) return this.#remove(scratch.bytes, scratch.length, sync)
      const bytes = scratch.written().slice()
      return this.#later(() => this.#remove(bytes, bytes.length, sync))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** One atomic batch. An empty one resolves with what is visible now. */
  async putMany(rows: Iterable<Insert>, options: WriteOptions | undefined): Promise<SeqNo> {
    this.#checked(options)
    const group = new WriteGroup({ closed: true })
    for (const row of rows) this.putIn(group, row)
    return submit(this.#engine, group, [this.store], options)
  }

  async deleteMany(keys: Iterable<Key>, options: WriteOptions | undefined): Promise<SeqNo> {
    this.#checked(options)
    const group = new WriteGroup({ closed: true })
    for (const key of keys) this.deleteIn(group, key)
    return submit(this.#engine, group, [this.store], options)
  }

  /** Adds a put to a batch. Throws `INVALID` and adds nothing if the row is not allowed. */
  putIn(group: WriteGroup, row: Insert): void {
    this.#checkSchema()
    const scratch = this.#scratch
    scratch.clear()
    const keyLength = this.codec.encodeRow(row, scratch)
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
    this.#checkSchema()
    const scratch = this.#encodeKey(key)
    group.batch.delete(this.#target, scratch.bytes, 0, scratch.length)
  }

  #encodeKey(key: Key): ByteWriter {
    const scratch = this.#scratch
    scratch.clear()
    this.codec.encodeKey(key, scratch)
    return scratch
  }

  #add(bytes: Uint8Array, keyLength: number, length: number, sync: boolean): Promise<SeqNo> {
    const group = this.#engine.writes.join({ sync })
    group.batch.put(this.#target, bytes, 0, keyLength, keyLength, length)
    return group.done.promise
  }

  #remove(bytes: Uint8Array, length: number, sync: boolean): Promise<SeqNo> {
    const group = this.#engine.writes.join({ sync })
    group.batch.delete(this.#target, bytes, 0, length)
    return group.done.promise
  }

  /** Whether the write waits for the log. Throws if the table takes none. */
  #checked(options: WriteOptions | undefined): boolean {
    checkWritable(this.#engine)
    checkPresent(this.store)
    this.#checkSchema()
    return isDurable(options)
  }

  #checkSchema(): void {
    if (this.store.schema !== this.codec.schema) throw staleHandle(this.store, this.codec.schema)
  }

  #later(enter: () => Promise<SeqNo>): Promise<SeqNo> {
    return whenThereIsRoom(this.#engine, [this.store], enter)
  }
}

/** Sends a complete batch on its way: at once, or when there is room in all of its tables. */
export function submit(
  engine: Engine,
  group: WriteGroup,
  tables: Iterable<TableStore>,
  options: WriteOptions | undefined,
): Promise<SeqNo> {
  if (group.guard === undefined) refuseConditions(options)
  group.sync = isDurable(options)
  const enter = (): Promise<SeqNo> => {
    if (group.batch.count === 0) return Promise.resolve(engine.writes.visibleSeqno)
    engine.writes.submit(group)
    return group.done.promise
  }
  const all = [...tables]
  if (all.some((table) => isHeld(engine, table))) return whenThereIsRoom(engine, all, enter)
  return enter()
}

/** Conditions of single writes mean nothing for a batch; to ignore them would lose data. */
function refuseConditions(options: object | undefined): void {
  for (const name of ['ifAbsent', 'ifVersion']) {
    if (options === undefined || !(name in options)) continue
    throw new TypeError(`a batch has no option "${name}"; put single rows with it, or use a transaction`)
  }
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

function isDurable(options: WriteOptions | undefined): boolean {
  const durability = options?.durability ?? 'durable'
  if (durability === 'durable') return true
  if (durability === 'buffered') return false
  throw new TypeError(`durability is "${String(durability)}"; "durable" or "buffered" expected`)
}

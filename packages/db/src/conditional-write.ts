import { ByteWriter, ConflictError, MeruError, type RowCodec, type SeqNo, showKey } from '@meru/core'
import { rowVersion } from '@meru/view'
import { staleHandle } from './alter.ts'
import { checkOpen, type Engine } from './engine.ts'
import { newestAfter } from './later-writes.ts'
import type { TableStore } from './table-store.ts'
import { WriteGroup } from './write-group.ts'
import type { PendingWrites } from './write-guard.ts'
import { checkWriteOptions, type WriteOptions } from './write-options.ts'
import { submit } from './writes.ts'

/** Options of a put: at most one condition. */
export interface PutOptions extends WriteOptions {
  /** Put the row only if there is none with its key. */
  readonly ifAbsent?: boolean | undefined
  /** Put the row only if the one that is there has this version; see `getWithVersion`. */
  readonly ifVersion?: SeqNo
}

/** Options of a delete. */
export interface DeleteOptions extends WriteOptions {
  /** Delete the row only if it has this version; see `getWithVersion`. */
  readonly ifVersion?: SeqNo
}

/** The version that a row must have: a seqno, or 0 for no row. */
type Expected = SeqNo

const NO_ROW: Expected = 0

/** Whether a write depends on the row that is there. */
export function isConditional(options: PutOptions | undefined): options is PutOptions {
  if (options === undefined) return false
  return 'ifVersion' in options || (options.ifAbsent ?? false) !== false
}

/** Throws a `TypeError` for what is no condition. */
function expectedVersion(options: PutOptions): Expected {
  const { ifAbsent, ifVersion } = options
  if (ifAbsent !== undefined && typeof ifAbsent !== 'boolean') {
    throw new TypeError(`ifAbsent is ${String(ifAbsent)}; true or false expected`)
  }
  if (!('ifVersion' in options)) return NO_ROW
  if (ifAbsent === true) throw new TypeError('a write has ifAbsent or ifVersion, not both')
  if (ifVersion !== undefined && Number.isSafeInteger(ifVersion) && ifVersion > 0) return ifVersion
  const advice = 'a version that getWithVersion gave is expected, or ifAbsent for no row'
  throw new TypeError(`ifVersion is ${String(ifVersion)}; ${advice}`)
}

/** Told to go round once more: too much was written since the row was looked at. */
const LOOK_AGAIN = new MeruError('CONFLICT', 'the row has to be looked at again')

/** Writes of one table that depend on the row that is there. */
export class ConditionalWriter<Row, Key> {
  readonly #engine: Engine
  readonly #table: TableStore
  readonly #codec: RowCodec<Row, Key>

  constructor(engine: Engine, table: TableStore, codec: RowCodec<Row, Key>) {
    this.#engine = engine
    this.#table = table
    this.#codec = codec
  }

  /** Puts a row if the condition holds. Resolves with the version of the new row. */
  async put(row: unknown, options: PutOptions): Promise<SeqNo> {
    checkWriteOptions('put', options)
    const expected = expectedVersion(options)
    const out = new ByteWriter(256)
    const keyLength = this.#codec.encodeRow(row, out)
    const bytes = out.written()
    return this.#write(bytes.subarray(0, keyLength), expected, options, (group) => {
      group.batch.put(this.#target(), bytes, 0, keyLength, keyLength, bytes.length)
    })
  }

  async delete(key: Key, options: DeleteOptions & Pick<PutOptions, 'ifAbsent'>): Promise<SeqNo> {
    checkWriteOptions('delete', options)
    const expected = expectedVersion(options)
    const out = new ByteWriter(256)
    this.#codec.encodeKey(key, out)
    const bytes = out.written()
    return this.#write(bytes, expected, options, (group) => {
      group.batch.delete(this.#target(), bytes, 0, bytes.length)
    })
  }

  #target(): { id: number; schemaId: number } {
    return { id: this.#table.id, schemaId: this.#codec.schema.schemaId }
  }

  /**
   * Looks the row up as of now, and when the write's turn comes, only what was written since. So the
   * condition holds at the write's place in the order, and nobody has to wait for a file in between.
   */
  async #write(
    key: Uint8Array,
    expected: Expected,
    options: WriteOptions,
    fill: (group: WriteGroup) => void,
  ): Promise<SeqNo> {
    const { writes, history, versions } = this.#engine
    const table = this.#table
    if (table.schema !== this.#codec.schema) throw staleHandle(table, this.#codec.schema)
    for (;;) {
      checkOpen(this.#engine)
      const since = history.hold(writes.visibleSeqno)
      const pin = versions.pin()
      try {
        const looked = rowVersion(this.#table.view(since.seqno), key)
        const before = looked instanceof Promise ? await looked : looked
        const group = new WriteGroup({ closed: true })
        fill(group)
        let version: SeqNo = 0
        group.guard = {
          refusal: (pending, firstSeqno) => {
            version = firstSeqno
            return this.#refusal(pending, key, { since: since.seqno, before, expected })
          },
        }
        await submit(this.#engine, group, [this.#table], options)
        return version
      } catch (error) {
        if (error !== LOOK_AGAIN) throw error
      } finally {
        versions.release(pin)
        history.release(since)
      }
    }
  }

  #refusal(
    pending: PendingWrites,
    key: Uint8Array,
    row: { since: SeqNo; before: SeqNo | undefined; expected: Expected },
  ): MeruError | undefined {
    const table = this.#table
    if (table.isDropped) return new MeruError('INVALID', `table "${table.name}" was dropped`)
    if (table.schema !== this.#codec.schema) return staleHandle(table, this.#codec.schema)
    const later = this.#engine.history.writesAfter(table, row.since)
    if (later === undefined) return LOOK_AGAIN
    const newest = newestAfter([...pending.of(table.id), ...later], key, 0, key.length, row.since)
    const found = newest === undefined ? row.before : newest.version
    if ((found ?? NO_ROW) === row.expected) return undefined
    return this.#conflict(key, found, row.expected)
  }

  #conflict(key: Uint8Array, version: SeqNo | undefined, expected: Expected): ConflictError {
    const table = this.#table.name
    const shape = this.#codec.decodeKey(key, 0, key.length)
    const wanted = expected === NO_ROW ? 'no row' : `version ${expected}`
    const found = version === undefined ? 'no row' : `version ${version}`
    return new ConflictError(
      { table, key: shape, version },
      `table "${table}", key ${showKey(shape)}: ${wanted} expected, ${found} found; read it again`,
    )
  }
}

import { ByteWriter, MeruError, type RowCodec, type Selection, type SeqNo } from '@meru/core'
import type { Pin } from '@meru/manifest'
import { findRow, IN_MEMTABLE, IN_SST, NEEDS_PAGE, type ReadView, RowHit, rowVersion } from '@meru/view'
import { checkOpen, type Engine } from './engine.ts'
import type { Snapshot } from './snapshot.ts'
import { staleHandle } from './alter.ts'
import type { TableStore, TableView } from './table-store.ts'
import { LOOKUP_UNITS } from './turn-share.ts'

/** Options of a read. */
export interface ReadOptions<Name extends string = string> {
  /** Reads the moment of the snapshot instead of now. */
  readonly snapshot?: Snapshot | undefined
  /** The columns to read; all without it. */
  readonly select?: readonly Name[] | undefined
}

/** A row with its version: the seqno of the put that it is from. */
export interface VersionedRow<Row> {
  readonly row: Row
  readonly version: SeqNo
}

const OPTION_NAMES = ['snapshot', 'select']

/** Throws a `TypeError` for options of a read that there are not. */
function checkOptions(options: object | undefined): void {
  if (options === undefined) return
  for (const name in options) {
    if (!OPTION_NAMES.includes(name)) {
      throw new TypeError(`a read has no option "${name}"; it has ${OPTION_NAMES.join(', ')}`)
    }
  }
}

/** Point reads of one table. */
export class PointReader<Row, Key> {
  readonly #engine: Engine
  readonly #table: TableStore
  readonly #codec: RowCodec<Row, Key>
  /** Used by one synchronous stretch at a time. */
  readonly #key: ByteWriter = new ByteWriter(128)
  readonly #hit: RowHit = new RowHit()

  constructor(engine: Engine, table: TableStore, codec: RowCodec<Row, Key>) {
    this.#engine = engine
    this.#table = table
    this.#codec = codec
  }

  /** The row, waiting for the disk on this thread if a page is missing. */
  getSync(key: Key, options: ReadOptions | undefined): Row | undefined {
    checkOptions(options)
    const view = this.viewOf(options?.snapshot)
    const selection = this.#codec.select(options?.select)
    this.#encode(key)
    for (;;) {
      const answer = this.#find(view, selection)
      if (answer !== NEEDS_PAGE) return this.#decode(answer, this.#hit, selection)
      this.#hit.reader?.loadMissingSync()
    }
  }

  get(key: Key, options: ReadOptions | undefined): Promise<Row | undefined> {
    try {
      checkOptions(options)
      const view = this.viewOf(options?.snapshot)
      const selection = this.#codec.select(options?.select)
      this.#encode(key)
      const answer = this.#find(view, selection)
      if (answer !== NEEDS_PAGE) return this.#settled(this.#decode(answer, this.#hit, selection))
      const pin = this.#hold(options?.snapshot)
      return this.#searchAndRelease(pin, view, this.#key.written().slice(), selection)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** The row and its version, of one moment. */
  async getWithVersion(key: Key, options: ReadOptions | undefined): Promise<VersionedRow<Row> | undefined> {
    checkOptions(options)
    const selection = this.#codec.select(options?.select)
    this.#encode(key)
    const bytes = this.#key.written().slice()
    const { view, pin } = this.hold(options?.snapshot)
    try {
      const version = await rowVersion(view, bytes)
      const row = await this.#search(view, bytes, selection)
      await this.#turnAfter(1)
      return row === undefined || version === undefined ? undefined : { row, version }
    } finally {
      this.#engine.versions.release(pin)
    }
  }

  /** One view for all keys; absent keys are `undefined`. */
  async getMany(keys: readonly Key[], options: ReadOptions | undefined): Promise<(Row | undefined)[]> {
    checkOptions(options)
    const selection = this.#codec.select(options?.select)
    const { view, pin } = this.hold(options?.snapshot)
    try {
      const rows: (Row | undefined)[] = []
      for (const key of keys) {
        this.#encode(key)
        const answer = this.#find(view, selection)
        if (answer === NEEDS_PAGE) rows.push(await this.#search(view, this.#key.written().slice(), selection))
        else rows.push(this.#decode(answer, this.#hit, selection))
      }
      await this.#turnAfter(keys.length)
      return rows
    } finally {
      this.#engine.versions.release(pin)
    }
  }

  async has(key: Key, options: ReadOptions | undefined): Promise<boolean> {
    checkOptions(options)
    this.#encode(key)
    const bytes = this.#key.written().slice()
    const { view, pin } = this.hold(options?.snapshot)
    try {
      await this.#turnAfter(1)
      const hit = new RowHit()
      for (;;) {
        const answer = findRow(view, bytes, 0, bytes.length, undefined, hit)
        if (answer !== NEEDS_PAGE) return answer === IN_MEMTABLE || answer === IN_SST
        const load = hit.load()
        if (load !== undefined) await load
      }
    } finally {
      this.#engine.versions.release(pin)
    }
  }

  /** What a read sees: the snapshot's moment, or now. */
  viewOf(snapshot: Snapshot | undefined): ReadView {
    checkOpen(this.#engine)
    const view =
      snapshot === undefined
        ? this.#table.view(this.#engine.writes.visibleSeqno)
        : snapshot.viewOf(this.#table)
    if (view.schema !== this.#codec.schema) throw this.#otherSchema(view, snapshot)
    return view
  }

  /** The same, with its files held until the pin is released through the version store. */
  hold(snapshot: Snapshot | undefined): { view: ReadView; pin: Pin } {
    return { view: this.viewOf(snapshot), pin: this.#hold(snapshot) }
  }

  #turnAfter(lookups: number): Promise<void> | undefined {
    const { turns } = this.#engine
    turns.spend(lookups * LOOKUP_UNITS)
    return turns.due()
  }

  #settled(row: Row | undefined): Promise<Row | undefined> {
    const turn = this.#turnAfter(1)
    return turn === undefined ? Promise.resolve(row) : turn.then(() => row)
  }

  #otherSchema({ schema }: TableView, snapshot: Snapshot | undefined): MeruError {
    if (snapshot === undefined) return staleHandle(this.#table, this.#codec.schema)
    return new MeruError(
      'INVALID',
      `the snapshot at seqno ${snapshot.seqno} sees table "${this.#table.name}" under schema ${schema.schemaId}, ` +
        `this handle is of schema ${this.#codec.schema.schemaId}; read it with a handle of that schema, or by table.at(snapshot)`,
    )
  }

  #hold(snapshot: Snapshot | undefined): Pin {
    return snapshot === undefined ? this.#engine.versions.pin() : snapshot.hold()
  }

  #encode(key: Key): void {
    this.#hit.begin()
    this.#key.clear()
    this.#codec.encodeKey(key, this.#key)
  }

  #find(view: ReadView, selection: Selection): number {
    return findRow(view, this.#key.bytes, 0, this.#key.length, selection.columnIds, this.#hit)
  }

  async #searchAndRelease(
    pin: Pin,
    view: ReadView,
    key: Uint8Array,
    selection: Selection,
  ): Promise<Row | undefined> {
    try {
      return await this.#search(view, key, selection)
    } finally {
      this.#engine.versions.release(pin)
    }
  }

  /** Loads pages until the answer is known. The caller holds a pin. */
  async #search(view: ReadView, key: Uint8Array, selection: Selection): Promise<Row | undefined> {
    const hit = new RowHit()
    for (;;) {
      const answer = findRow(view, key, 0, key.length, selection.columnIds, hit)
      if (answer !== NEEDS_PAGE) return this.#decode(answer, hit, selection)
      const load = hit.load()
      if (load !== undefined) await load
    }
  }

  #decode(answer: number, hit: RowHit, selection: Selection): Row | undefined {
    if (answer === IN_MEMTABLE) {
      const { bytes, keyStart, keyEnd, valueStart, valueEnd } = hit.entry
      return this.#codec.decodeRow(bytes, keyStart, keyEnd, valueStart, valueEnd, selection)
    }
    const row = hit.row
    if (answer !== IN_SST || row === undefined) return undefined
    if (row.bytes.length === 0) return this.#codec.rowAt(row.vectors, row.index, selection)
    return this.#codec.decodeRow(row.bytes, row.keyStart, row.keyEnd, row.valueStart, row.valueEnd, selection)
  }
}

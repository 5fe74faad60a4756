import {
  ByteWriter,
  BytesBuilder,
  partitionOf,
  RowCodec,
  Shredder,
  type ColumnModes,
  type I64Vector,
  type TableSchema,
} from '@meru/core'
import type { Environment, FileSystem } from '@meru/fs'
import { dataDirectory, sstPath, type SstFile } from '@meru/manifest'
import { DeadPositions, layoutFor, SstWriter, withRowLineage } from '@meru/sst'
import type { ExportedTable } from '../src/index.ts'
import type { TableLineage } from '../src/row-lineage.ts'

export type Row = Readonly<Record<string, unknown>>

interface TableOptions {
  readonly name: string
  readonly schema: TableSchema
  readonly modes?: ColumnModes
}

/** What a row was called before it was moved. */
interface Called {
  readonly rowId: number
  readonly updated: number
}

interface Entry {
  readonly row: Row
  readonly seqno: number
  readonly called?: Called | undefined
}

interface Place extends Entry {
  readonly key: Uint8Array
  readonly file: string
  readonly position: number
}

/**
 * A small engine over real SSTs: it flushes, resolves dead positions and compacts as the engine does, and
 * knows which rows must be seen. Flushes change the seqno, compactions do not.
 */
export class SampleTable {
  readonly fs: FileSystem
  seqno = 0
  files: SstFile[] = []
  readonly #env: Environment
  readonly #table: TableOptions & { readonly schemas: TableSchema[] }
  readonly #dead: Map<string, DeadPositions> = new Map()
  readonly #live: Map<string, Place> = new Map()

  private constructor(fs: FileSystem, env: Environment, table: TableOptions) {
    this.fs = fs
    this.#env = env
    this.#table = { ...table, schemas: [table.schema] }
  }

  static async create(fs: FileSystem, env: Environment, table: TableOptions): Promise<SampleTable> {
    await fs.makeDirectory(dataDirectory(table.name))
    for (const path of ['', 'tables', `tables/${table.name}`]) await fs.syncDirectory(path)
    return new SampleTable(fs, env, table)
  }

  get name(): string {
    return this.#table.name
  }

  get directory(): string {
    return `tables/${this.name}`
  }

  get schema(): TableSchema {
    return this.#table.schemas[this.#table.schemas.length - 1]
  }

  /** What the export is given. */
  get state(): ExportedTable {
    const { name, schemas } = this.#table
    return { id: 1, name, schemas, schemaId: this.schema.schemaId, files: this.files }
  }

  get dead(): (id: string) => DeadPositions | undefined {
    return (id) => this.#dead.get(id)
  }

  /** The rows that every reader must see, under the current schema. */
  get rows(): Row[] {
    const names = this.schema.columns.map((column) => column.name)
    return [...this.#live.values()].map(({ row }) =>
      Object.fromEntries(names.map((name) => [name, row[name] ?? null])),
    )
  }

  evolve(change: (schema: TableSchema) => Omit<TableSchema, 'schemaId'>): void {
    this.#table.schemas.push({ ...change(this.schema), schemaId: this.schema.schemaId + 1 })
  }

  /** Gives the live rows the form that a new schema shows them in; files stay as they are. */
  rewriteRows(change: (row: Row) => Row): void {
    const codec = RowCodec.compile(this.name, this.schema, this.#table.modes)
    const places = [...this.#live.values()]
    this.#live.clear()
    for (const place of places) {
      const row = change(place.row)
      this.#live.set(keyText(codec, row), { ...place, row })
    }
  }

  async flush(puts: readonly Row[], deletes: readonly Row[] = []): Promise<void> {
    const codec = RowCodec.compile(this.name, this.schema, this.#table.modes)
    const touched = new Map<string, Row | undefined>()
    for (const row of puts) touched.set(keyText(codec, row), row)
    for (const key of deletes) touched.set(keyText(codec, key), undefined)
    this.seqno += touched.size
    const killed = new Map<string, number[]>()
    for (const key of touched.keys()) {
      const place = this.#live.get(key)
      if (place === undefined) continue
      const positions = killed.get(place.file)
      if (positions === undefined) killed.set(place.file, [place.position])
      else positions.push(place.position)
      this.#live.delete(key)
    }
    const rows = [...touched.values()].filter((row) => row !== undefined)
    if (rows.length > 0)
      this.files.unshift(
        await this.#write(
          rows.map((row) => ({ row, seqno: this.seqno })),
          0,
        ),
      )
    this.#kill(killed)
  }

  /** Merges SSTs into one for each partition; dead rows go. With lineage, what rows are called is kept. */
  async compact(ids: readonly string[], level = 1, lineage?: TableLineage): Promise<void> {
    const places = [...this.#live.values()].filter((place) => ids.includes(place.file))
    this.files = this.files.filter((file) => !ids.includes(file.id))
    for (const id of ids) this.#dead.delete(id)
    const moved = places.map((place) => ({ ...place, called: calledBy(place, lineage) }))
    const parts = new Map<string, Entry[]>()
    for (const place of moved) {
      const partition = partitionOf(this.schema, place.key).join()
      const part = parts.get(partition)
      if (part === undefined) parts.set(partition, [place])
      else part.push(place)
    }
    for (const part of parts.values()) {
      this.files.push(await this.#write(part, level, lineage !== undefined))
    }
  }

  /** Removes SSTs that neither the version nor a published snapshot names, as the engine does. */
  async collectGarbage(retained: ReadonlySet<string>): Promise<void> {
    const named = new Set(this.files.map((file) => sstPath(this.name, file.id)))
    for (const name of await this.fs.list(dataDirectory(this.name))) {
      const path = `${dataDirectory(this.name)}/${name}`
      if (!named.has(path) && !retained.has(path)) await this.fs.remove(path)
    }
  }

  #kill(killed: ReadonlyMap<string, readonly number[]>): void {
    const puffin = this.#env.uuid()
    this.files = this.files.flatMap((file) => {
      const positions = killed.get(file.id)
      if (positions === undefined) return [file]
      const dead = (this.#dead.get(file.id) ?? DeadPositions.empty).with(positions)
      this.#dead.set(file.id, dead)
      if (dead.cardinality === file.rows) return []
      return [{ ...file, dead: { file: puffin, offset: 4, length: 40, cardinality: dead.cardinality } }]
    })
  }

  async #write(entries: readonly Entry[], level: number, keepsLineage = false): Promise<SstFile> {
    const codec = RowCodec.compile(this.name, this.schema, this.#table.modes)
    const encoded = entries
      .map(({ row, seqno, called }) => ({ seqno, called, ...encode(codec, row) }))
      .sort((a, b) => Buffer.compare(a.key, b.key))
    const keys = new BytesBuilder()
    const values = new BytesBuilder()
    const shredder = new Shredder(this.schema)
    for (const { key, value, bytes } of encoded) {
      keys.append(key, 0, key.length)
      values.append(value, 0, value.length)
      shredder.append(bytes, 0, key.length, key.length, bytes.length)
    }
    const id = this.#env.uuid()
    const path = sstPath(this.name, id)
    // A few row groups and pages in each, however few rows there are.
    const pageRows = 8 * Math.ceil(entries.length / 100)
    const layout = layoutFor(level, { pageRows, rowGroupRows: 4 * pageRows })
    const schema = keepsLineage ? withRowLineage(this.schema) : this.schema
    const writer = await SstWriter.create({ fs: this.fs, path, id, schema, level, layout })
    const calledColumns = [
      optionalLongs(encoded.map(({ called }) => called?.rowId)),
      optionalLongs(encoded.map(({ called }) => called?.updated)),
    ]
    await writer.append({
      length: encoded.length,
      keys: keys.finish(),
      columns: [...shredder.finish(), ...(keepsLineage ? calledColumns : [])],
      seqnos: Float64Array.from(encoded, (entry) => entry.seqno),
      ...(level === 0 ? { values: values.finish() } : {}),
    })
    const meta = await writer.finish()
    await this.fs.syncDirectory(dataDirectory(this.name))
    encoded.forEach(({ row, key, seqno, called }, position) => {
      this.#live.set(hex(key), { row, key, seqno, called, file: id, position })
    })
    return meta
  }
}

/** What the file keeps of a row, else what the published file lends it, else nothing. */
function calledBy({ called, file, position }: Place, lineage: TableLineage | undefined): Called | undefined {
  const lent = lineage?.get(file)
  if (called !== undefined || lent === undefined) return called
  return { rowId: lent.firstRowId + position, updated: lent.sequenceNumber }
}

function optionalLongs(values: readonly (number | undefined)[]): I64Vector {
  const validity = new Uint8Array((values.length + 7) >>> 3)
  values.forEach((value, i) => (validity[i >>> 3] |= value === undefined ? 0 : 1 << (i & 7)))
  const longs = BigInt64Array.from(values, (value) => BigInt(value ?? 0))
  return { physical: 'i64', length: values.length, values: longs, validity }
}

function encode(
  codec: RowCodec,
  given: Row,
): { row: Row; key: Uint8Array; value: Uint8Array; bytes: Uint8Array } {
  const out = new ByteWriter()
  const names = codec.schema.columns.map((column) => column.name)
  const row = Object.fromEntries(names.map((name) => [name, given[name] ?? null]))
  const keyLength = codec.encodeRow(row, out)
  const bytes = out.written().slice()
  return { row, key: bytes.slice(0, keyLength), value: bytes.slice(keyLength), bytes }
}

function keyText(codec: RowCodec, row: Row): string {
  const out = new ByteWriter()
  const names = codec.schema.key.map(
    (id) => codec.schema.columns.find((column) => column.id === id)?.name ?? '',
  )
  codec.encodeKey(Object.fromEntries(names.map((name) => [name, row[name]])), out)
  return hex(out.written())
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

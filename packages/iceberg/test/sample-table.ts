import { ByteWriter, BytesBuilder, RowCodec, Shredder, type ColumnModes, type TableSchema } from '@meru/core'
import type { Environment, FileSystem } from '@meru/fs'
import { dataDirectory, sstPath, type SstFile } from '@meru/manifest'
import { DeadPositions, layoutFor, SstWriter } from '@meru/sst'
import type { ExportedTable } from '../src/index.ts'

export type Row = Readonly<Record<string, unknown>>

interface TableOptions {
  readonly name: string
  readonly schema: TableSchema
  readonly modes?: ColumnModes
}

interface Place {
  readonly row: Row
  readonly key: Uint8Array
  readonly seqno: number
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

  /** Merges SSTs into one; dead rows go. */
  async compact(ids: readonly string[], level = 1): Promise<void> {
    const places = [...this.#live.values()].filter((place) => ids.includes(place.file))
    this.files = this.files.filter((file) => !ids.includes(file.id))
    for (const id of ids) this.#dead.delete(id)
    if (places.length > 0) this.files.push(await this.#write(places, level))
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

  async #write(entries: readonly { row: Row; seqno: number }[], level: number): Promise<SstFile> {
    const codec = RowCodec.compile(this.name, this.schema, this.#table.modes)
    const encoded = entries
      .map(({ row, seqno }) => ({ seqno, ...encode(codec, row) }))
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
    const writer = await SstWriter.create({ fs: this.fs, path, id, schema: this.schema, level, layout })
    await writer.append({
      length: encoded.length,
      keys: keys.finish(),
      columns: shredder.finish(),
      seqnos: Float64Array.from(encoded, (entry) => entry.seqno),
      ...(level === 0 ? { values: values.finish() } : {}),
    })
    const meta = await writer.finish()
    await this.fs.syncDirectory(dataDirectory(this.name))
    encoded.forEach(({ row, key, seqno }, position) => {
      this.#live.set(hex(key), { row, key, seqno, file: id, position })
    })
    return meta
  }
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

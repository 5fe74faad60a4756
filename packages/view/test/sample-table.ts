import {
  BytesBuilder,
  ByteWriter,
  KIND_DELETE,
  KIND_PUT,
  RowCodec,
  Shredder,
  t,
  table,
  type TableDefinition,
} from '@meru/core'
import { MemoryFs, type FileSystem } from '@meru/fs'
import { Memtable } from '@meru/memtable'
import { DeadPositions, layoutFor, PageCache, SstReader, SstWriter, type SstLayout } from '@meru/sst'
import { TestEnvironment } from '@meru/testkit'
import type { LiveFile } from '../src/index.ts'

export interface Item {
  tenant: string
  id: number
  note: string | null
  score: number
}
export type ItemKey = Pick<Item, 'tenant' | 'id'>

export const items: TableDefinition = table(
  'items',
  { tenant: t.string(), id: t.int(), note: t.string().nullable(), score: t.double() },
  { key: ['tenant', 'id'] },
)
export const codec: RowCodec<Item, ItemKey> = RowCodec.compile<Item, ItemKey>('items', items.schema)

/** Small pages and row groups, so that a few dozen rows fill several of each. */
const LAYOUT: Partial<SstLayout> = { pageRows: 8, rowGroupRows: 64, rowPageBytes: 256 }

export function item(tenant: string, id: number, note: string | null = `${tenant}${id}`): Item {
  return { tenant, id, note, score: id / 4 }
}

export function keyOf(key: ItemKey): Uint8Array {
  const out = new ByteWriter()
  codec.encodeKey({ tenant: key.tenant, id: key.id }, out)
  return out.written().slice()
}

/** A write of the memtable: a row to put, or a key to delete. */
export type Write = { seqno: number; put: Item } | { seqno: number; delete: ItemKey }

export function memtableOf(writes: readonly Write[]): Memtable {
  const memtable = new Memtable({ bytesMax: 1 << 20 })
  const out = new ByteWriter()
  for (const write of writes) {
    out.clear()
    if ('put' in write) {
      const keyLength = codec.encodeRow(write.put, out)
      memtable.apply(out.bytes, 0, keyLength, keyLength, out.length, write.seqno, KIND_PUT)
    } else {
      codec.encodeKey(write.delete, out)
      memtable.apply(out.bytes, 0, out.length, out.length, out.length, write.seqno, KIND_DELETE)
    }
  }
  return memtable
}

export interface FileShape {
  readonly level: number
  /** Ascending by key. */
  readonly rows: readonly Item[]
  /** Positions that are dead. */
  readonly dead?: readonly number[]
  /** Of the first row; the others follow. */
  readonly seqno?: number
}

/** SSTs in memory, opened with one page cache. */
export class SampleFiles {
  readonly fs: FileSystem
  readonly cache: PageCache
  readonly #env: TestEnvironment = new TestEnvironment()

  constructor(options: { cacheBytes?: number; fs?: FileSystem } = {}) {
    this.fs = options.fs ?? new MemoryFs()
    this.cache = new PageCache({ bytesMax: options.cacheBytes ?? 1 << 20 })
  }

  async add({ level, rows, dead = [], seqno = 1 }: FileShape): Promise<LiveFile> {
    const { fs, cache } = this
    const schema = items.schema
    const id = this.#env.uuid()
    const path = `${id}.parquet`
    const writer = await SstWriter.create({ fs, path, id, schema, level, layout: layoutFor(level, LAYOUT) })
    const keys = new BytesBuilder()
    const values = new BytesBuilder()
    const shredder = new Shredder(schema)
    const out = new ByteWriter()
    for (const row of rows) {
      out.clear()
      const keyLength = codec.encodeRow(row, out)
      keys.append(out.bytes, 0, keyLength)
      values.append(out.bytes, keyLength, out.length)
      shredder.append(out.bytes, 0, keyLength, keyLength, out.length)
    }
    await writer.append({
      length: rows.length,
      keys: keys.finish(),
      columns: shredder.finish(),
      seqnos: Float64Array.from(rows, (_, row) => seqno + row),
      values: level === 0 ? values.finish() : undefined,
    })
    const meta = await writer.finish()
    const reader = await SstReader.open({ fs, path, meta, schema, cache })
    return { file: meta, reader, dead: DeadPositions.of(dead) }
  }
}

import {
  BytesBuilder,
  type BytesVector,
  ByteWriter,
  KIND_DELETE,
  KIND_PUT,
  RowCodec,
  t,
  table,
  type SstMeta,
  type TableDefinition,
} from '@meru/core'
import { MemoryFs, type FileSystem } from '@meru/fs'
import { Memtable } from '@meru/memtable'
import { DeadPositions, layoutFor, PageCache, SstReader, type SstLayout } from '@meru/sst'
import { TestEnvironment } from '@meru/testkit'
import { flushMemtable, runMerge, type MergeInput, type MergeJob } from '../src/index.ts'

export interface Item {
  id: number
  note: string | null
}

export const items: TableDefinition = table(
  'items',
  { id: t.int(), note: t.string().nullable() },
  { key: ['id'] },
)
export const codec: RowCodec<Item, number> = RowCodec.compile<Item, number>('items', items.schema)

/** Small pages and row groups, so that a few dozen rows fill several of each. */
const TINY: Partial<SstLayout> = { pageRows: 8, rowGroupRows: 64, rowPageBytes: 256 }

/** A write: a row to put, or a key to delete. */
export interface Write {
  readonly seqno: number
  readonly id: number
  /** Absent: the key is deleted. */
  readonly note?: string | null
}

/** A row of an SST with its seqno, and with its position if it is dead. */
export interface StoredRow {
  readonly id: number
  readonly note: string | null
  readonly seqno: number
}

/** Rows `from` up to `to`, as writes with ascending seqnos. */
export function puts(from: number, to: number, seqno = 1): Write[] {
  return Array.from({ length: to - from }, (_, i) => ({
    seqno: seqno + i,
    id: from + i,
    note: `n${from + i}`,
  }))
}

export function memtableOf(writes: readonly Write[]): Memtable {
  const memtable = new Memtable({ bytesMax: 64 << 20 })
  const out = new ByteWriter()
  for (const { seqno, id, note } of writes) {
    out.clear()
    if (note === undefined) {
      codec.encodeKey(id, out)
      memtable.apply(out.bytes, 0, out.length, out.length, out.length, seqno, KIND_DELETE)
    } else {
      const keyLength = codec.encodeRow({ id, note }, out)
      memtable.apply(out.bytes, 0, keyLength, keyLength, out.length, seqno, KIND_PUT)
    }
  }
  memtable.seal()
  return memtable
}

export function keyOf(id: number): Uint8Array {
  const out = new ByteWriter()
  codec.encodeKey(id, out)
  return out.written().slice()
}

export function keysOf(ids: readonly number[]): BytesVector {
  const keys = new BytesBuilder()
  for (const id of ids) keys.append(keyOf(id), 0, 4)
  return keys.finish()
}

/** A directory of SSTs. */
export class SampleStore {
  readonly fs: FileSystem
  readonly env: TestEnvironment
  readonly cache: PageCache = new PageCache({ bytesMax: 1 << 20 })
  private readonly layout: Partial<SstLayout>
  private readonly pathOf: (id: string) => string

  constructor(
    options: {
      fs?: FileSystem
      layout?: Partial<SstLayout>
      seed?: number
      pathOf?: (id: string) => string
    } = {},
  ) {
    this.pathOf = options.pathOf ?? pathOf
    this.env = new TestEnvironment({ seed: options.seed ?? 1 })
    this.fs = options.fs ?? new MemoryFs()
    this.layout = options.layout ?? TINY
  }

  newFile(): { id: string; path: string } {
    const id = this.env.uuid()
    return { id, path: this.pathOf(id) }
  }

  flush(memtable: Memtable): ReturnType<typeof flushMemtable> {
    const { fs, layout } = this
    const options = { schema: items.schema, layout: layoutFor(0, layout), breathe: () => this.env.yield() }
    return flushMemtable({ fs, ...this.newFile(), ...options, memtable })
  }

  merge(inputs: readonly MergeInput[], options: MergeOptions): Promise<SstMeta[]> {
    const { level, fileBytesTarget = 1 << 30, cuts, ...rest } = options
    const { fs } = this
    const layout = layoutFor(level, { ...this.layout, compression: 'none' })
    const newFile = (): { id: string; path: string } => this.newFile()
    const output = { fs, schema: items.schema, level, layout, fileBytesTarget, cuts, newFile }
    return runMerge({ inputs, output, breathe: () => this.env.yield(), ...rest })
  }

  async open(meta: SstMeta, dead: DeadPositions = DeadPositions.empty): Promise<MergeInput> {
    const { fs, cache } = this
    const reader = await SstReader.open({ fs, path: this.pathOf(meta.id), meta, schema: items.schema, cache })
    return { id: meta.id, level: meta.level, rows: meta.rows, reader, dead }
  }

  /** Writes an SST of any level with these rows, in the order of their keys, and opens it. */
  async add(level: number, writes: readonly Write[], dead: readonly number[] = []): Promise<MergeInput> {
    const { meta } = await this.flush(memtableOf(writes))
    if (meta === undefined) throw new Error('a file needs rows')
    if (level === 0) return this.open(meta, DeadPositions.of(dead))
    const [moved] = await this.merge([await this.open(meta)], { level })
    return this.open(moved, DeadPositions.of(dead))
  }
}

interface MergeOptions extends Partial<Omit<MergeJob, 'inputs' | 'output'>> {
  level: number
  fileBytesTarget?: number
  cuts?: MergeJob['output']['cuts']
}

export function pathOf(id: string): string {
  return `${id}.parquet`
}

/** All rows of a file in their order, dead ones left out. */
export async function liveRowsOf({ reader, rows, dead }: MergeInput): Promise<StoredRow[]> {
  const { columns, seqnos } = await reader.readRows(0, rows, codec.all.columnIds, { seqnos: true })
  return codec
    .rowsOf(columns, 0, rows, codec.all)
    .map((row, position) => ({ ...row, seqno: seqnos?.[position] ?? Number.NaN }))
    .filter((_, position) => !dead.has(position))
}

import {
  BytesBuilder,
  ByteWriter,
  RowCodec,
  Shredder,
  t,
  table,
  type BytesVector,
  type SstMeta,
  type TableDefinition,
} from '@meru/core'
import { MemoryFs, type FileSystem } from '@meru/fs'
import { layoutFor, type SstLayout } from '../src/layout.ts'
import { PageCache } from '../src/page-cache.ts'
import type { SstBatch } from '../src/sst-batch.ts'
import { SstReader } from '../src/sst-reader.ts'
import { SstWriter } from '../src/sst-writer.ts'
import { seededRandom, type SeededRandom } from './seeded-random.ts'

export type Row = Record<string, unknown>

/** Every type, with and without nulls, under a composite key. */
export const everyType: TableDefinition = table(
  'every_type',
  {
    tenant: t.string(),
    id: t.long(),
    flag: t.boolean(),
    maybeFlag: t.boolean().nullable(),
    small: t.int().nullable(),
    big: t.long().nullable(),
    ratio: t.float().nullable(),
    score: t.double().nullable(),
    price: t.decimal(9, 2).nullable(),
    amount: t.decimal(18, 4).nullable(),
    huge: t.decimal(38, 10).nullable(),
    day: t.date().nullable(),
    clock: t.time().nullable(),
    at: t.timestamp({ mode: 'bigint' }).nullable(),
    zoned: t.timestamptz({ mode: 'bigint' }).nullable(),
    nano: t.timestampNs().nullable(),
    zonedNano: t.timestamptzNs().nullable(),
    text: t.string().nullable(),
    word: t.string(),
    uid: t.uuid().nullable(),
    code: t.fixed(5).nullable(),
    blob: t.binary().nullable(),
  },
  { key: ['tenant', 'id'] },
)

const WORDS = ['alpha', 'beta', 'gamma', '', 'δέλτα', 'epsilon with a longer text than the others have', '💾']

function decimal(random: SeededRandom, digits: number, scale: number): string {
  let text = ''
  for (let i = 0; i < 1 + random.below(digits); i++) text += String(random.below(10))
  const padded = text.padStart(scale + 1, '0')
  const whole = padded.slice(0, padded.length - scale).replace(/^0+(?=\d)/, '')
  const value = `${whole}.${padded.slice(padded.length - scale)}`
  return random.oneIn(2) && /[1-9]/.test(value) ? `-${value}` : value
}

function bigint(random: SeededRandom): bigint {
  if (random.oneIn(10)) return random.pick([0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, -(2n ** 31n)])
  return BigInt.asIntN(64, (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32)))
}

function uuid(random: SeededRandom): string {
  const hex = Buffer.from(random.bytes(16)).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A row of `everyType` with this key. `nulls` is how often a nullable value is null: once in so many. */
export function everyTypeRow(random: SeededRandom, tenant: string, id: bigint, nulls: number): Row {
  const maybe = <T>(value: () => T): T | null => (random.oneIn(nulls) ? null : value())
  const float = (): number =>
    random.pick([0, -0, NaN, Infinity, -Infinity, 1.5, -2.25, random.below(1000) / 8])
  return {
    tenant,
    id,
    flag: random.oneIn(2),
    maybeFlag: maybe(() => random.oneIn(2)),
    small: maybe(() => random.below(2 ** 32) - 2 ** 31),
    big: maybe(() => bigint(random)),
    ratio: maybe(() => Math.fround(float())),
    score: maybe(float),
    price: maybe(() => decimal(random, 9, 2)),
    amount: maybe(() => decimal(random, 18, 4)),
    huge: maybe(() => decimal(random, 38, 10)),
    day: maybe(() => new Date((random.below(40_000) - 10_000) * 86_400_000).toISOString().slice(0, 10)),
    clock: maybe(() => random.below(86_400) * 1_000_000 + random.below(1_000_000)),
    at: maybe(() => BigInt(random.below(2 ** 40)) * 1000n + BigInt(random.below(1000)) - 10n ** 14n),
    zoned: maybe(() => BigInt(random.below(2 ** 40)) * 1000n),
    nano: maybe(() => BigInt(random.below(2 ** 40)) * 1_000_000n + BigInt(random.below(1_000_000))),
    zonedNano: maybe(() => BigInt(random.below(2 ** 40)) * 1_000_000n + 7n),
    text: maybe(() => random.pick(WORDS) + (random.oneIn(3) ? String(random.below(1e6)) : '')),
    word: random.pick(WORDS),
    uid: maybe(() => uuid(random)),
    code: maybe(() => random.bytes(5)),
    blob: maybe(() => random.bytes(random.below(random.oneIn(20) ? 200 : 10))),
  }
}

/** Rows of `everyType`, ascending by key: a few tenants, ids with gaps. */
export function everyTypeRows(seed: number, count: number, nulls = 5): Row[] {
  const random = seededRandom(seed)
  const rows: Row[] = []
  const tenants = ['', 'a', 'a\u0000b', 'b', 'tenant with a name']
  let id = -50n
  for (let i = 0; i < count; i++) {
    const tenant = tenants[Math.floor((i * tenants.length) / count)]
    if (i > 0 && rows[i - 1].tenant !== tenant) id = -50n
    id += BigInt(1 + random.below(3))
    rows.push(everyTypeRow(random, tenant, id, nulls))
  }
  return rows
}

/** Rows as a writer takes them, and their encoded form to compare with. */
export interface EncodedRows {
  readonly keys: BytesVector
  readonly values: BytesVector
  batch(from: number, to: number, level: number): SstBatch
}

export function encodeRows(definition: TableDefinition, rows: readonly Row[]): EncodedRows {
  const codec = RowCodec.compile<Row, unknown>(definition.name, definition.schema, definition.modes)
  const out = new ByteWriter()
  const keyBuilder = new BytesBuilder()
  const valueBuilder = new BytesBuilder()
  for (const row of rows) {
    out.clear()
    const keyLength = codec.encodeRow(row, out)
    keyBuilder.append(out.bytes, 0, keyLength)
    valueBuilder.append(out.bytes, keyLength, out.length)
  }
  const keys = keyBuilder.finish()
  const values = valueBuilder.finish()
  const part = ({ bytes, offsets }: BytesVector, from: number, to: number): BytesVector => ({
    physical: 'bytes',
    length: to - from,
    bytes,
    offsets: offsets.subarray(from, to + 1),
  })
  return {
    keys,
    values,
    batch(from, to, level) {
      const shredder = new Shredder(definition.schema)
      const joined = new ByteWriter()
      for (let i = from; i < to; i++) {
        joined.clear()
        joined.append(keys.bytes.subarray(keys.offsets[i], keys.offsets[i + 1]))
        const keyLength = joined.length
        joined.append(values.bytes.subarray(values.offsets[i], values.offsets[i + 1]))
        shredder.append(joined.bytes, 0, keyLength, keyLength, joined.length)
      }
      return {
        length: to - from,
        keys: part(keys, from, to),
        columns: shredder.finish(),
        seqnos: Float64Array.from({ length: to - from }, (_, i) => seqnoOf(from + i)),
        values: level === 0 ? part(values, from, to) : undefined,
      }
    },
  }
}

/** The seqno of row `index` of a sample file; some above 2^32. */
export function seqnoOf(index: number): number {
  return index % 3 === 0 ? 2 ** 40 + index : 1 + index
}

export interface SampleFile {
  readonly fs: FileSystem
  readonly path: string
  readonly meta: SstMeta
  readonly encoded: EncodedRows
}

export interface SampleOptions {
  readonly level: number
  readonly layout?: Partial<SstLayout>
  /** Rows of each batch handed to the writer. */
  readonly batchRows?: number
  readonly fs?: FileSystem
  readonly path?: string
}

export async function writeSample(
  definition: TableDefinition,
  rows: readonly Row[],
  options: SampleOptions,
): Promise<SampleFile> {
  const { level, layout, batchRows = 37, fs = new MemoryFs(), path = 'sample.parquet' } = options
  const encoded = encodeRows(definition, rows)
  const id = '0b8e3b0e-6a1c-4d61-9c0e-4f5a3c2d1e00'
  const writer = await SstWriter.create({
    fs,
    path,
    id,
    schema: definition.schema,
    level,
    layout: layoutFor(level, layout),
  })
  for (let from = 0; from < rows.length; from += batchRows) {
    await writer.append(encoded.batch(from, Math.min(from + batchRows, rows.length), level))
  }
  return { fs, path, meta: await writer.finish(), encoded }
}

export function openSample(
  { fs, path, meta }: SampleFile,
  definition: TableDefinition,
  cache: PageCache = new PageCache({ bytesMax: 1 << 20 }),
): Promise<SstReader> {
  return SstReader.open({ fs, path, meta, schema: definition.schema, cache })
}

/** Small pages and row groups, so that a few hundred rows fill several of each. */
export const TINY: Partial<SstLayout> = { pageRows: 16, rowGroupRows: 64, rowPageBytes: 600 }

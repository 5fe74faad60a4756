import { ByteWriter, type BytesVector, type SstMeta, type TableSchema } from '@meru/core'
import { crc32, type FileSystem } from '@meru/fs'
import { encodeChunk, encodeRowChunk, rowPages, type EncodedChunk } from './chunk-encoder.ts'
import { statsOfColumns } from './column-stats.ts'
import { CODEC_NONE, codecFor } from './compression.ts'
import { FileOutput } from './file-output.ts'
import {
  encodeAnchor,
  METADATA_FORMAT,
  METADATA_ID,
  METADATA_KEY,
  METADATA_LEVEL,
  METADATA_SCHEMA_ID,
  CREATED_BY,
  FORMAT_VERSION,
  PARQUET_MAGIC,
  type BlockPlace,
} from './format.ts'
import { KeyFilterBuilder } from './key-filter.ts'
import { KeyIndexBuilder } from './key-index.ts'
import type { SstLayout } from './layout.ts'
import { encodePageStatistics } from './page-statistics.ts'
import { encodePagePlaces, ROW_GRID, TYPED_GRID, type PlacedChunk } from './page-places.ts'
import { countNulls } from './page-encoder.ts'
import { BOUND_BYTES_MAX, fileMetadata, pageIndexes, type WrittenColumn } from './parquet-footer.ts'
import { encodeFooter, encodePageIndexes } from './parquet-library.ts'
import { RowGroup } from './row-group.ts'
import { integerKeyId } from './row-keys.ts'
import { checkBatch, checkOrder, type SstBatch } from './sst-batch.ts'
import { encodeLeafChunk } from './nested-chunk.ts'
import { shredNested } from './nested-shredder.ts'
import { columnsOf, schemaCrc, storedColumns, type SstColumn } from './sst-columns.ts'
import { statRules, type StatRules } from './statistics.ts'

export interface SstWriterOptions {
  readonly fs: FileSystem
  readonly path: string
  /** UUID, lower case. */
  readonly id: string
  readonly schema: TableSchema
  readonly level: number
  /** See `layoutFor`. */
  readonly layout: SstLayout
}

const INTEGER_BYTES_MAX = 8
/** Of the bytes of the rows before encoding. */
const PLAIN_KEY_SHARE_MAX = 1 / 16

/** What is fixed for a file. */
interface FileSpec extends SstWriterOptions {
  readonly columns: readonly SstColumn[]
  /** The columns, nested ones leaf by leaf. */
  readonly stored: readonly SstColumn[]
  /** Parallel to the stored columns. */
  readonly rules: readonly StatRules[]
}

/** What a file holds so far. The lists of first rows and pages end with the totals. */
interface FileState {
  rows: number
  minSeqno: number
  maxSeqno: number
  firstKey: Uint8Array | undefined
  lastKey: Uint8Array | undefined
  readonly groupRows: number[]
  /** By grid. */
  readonly firstRows: number[][]
  readonly firstPages: number[][]
  /** By stored column; one chunk for each row group. */
  readonly chunks: PlacedChunk[][]
  /** Rows in which a nested column is null, by field id. */
  readonly nestedNulls: Map<number, number>
}

/**
 * Writes one SST. Holds the rows of one row group in memory. After an error, or when the file is not wanted any more,
 * call `abort`. The caller syncs the directory.
 */
export class SstWriter {
  private readonly spec: FileSpec
  private readonly output: FileOutput
  private readonly state: FileState
  private readonly pending: RowGroup = new RowGroup()
  private readonly keyIndex: KeyIndexBuilder = new KeyIndexBuilder()
  private readonly filter: KeyFilterBuilder = new KeyFilterBuilder()

  private constructor(spec: FileSpec, output: FileOutput) {
    this.spec = spec
    this.output = output
    const grids = spec.level === 0 ? [TYPED_GRID, ROW_GRID] : [TYPED_GRID]
    this.state = {
      rows: 0,
      minSeqno: Infinity,
      maxSeqno: 0,
      firstKey: undefined,
      lastKey: undefined,
      groupRows: [0],
      firstRows: grids.map(() => [0]),
      firstPages: grids.map(() => [0]),
      chunks: spec.stored.map(() => []),
      nestedNulls: new Map(),
    }
  }

  /** Creates the file; fails if there is one. */
  static async create(options: SstWriterOptions): Promise<SstWriter> {
    const columns = columnsOf(options.schema, options.level)
    const stored = storedColumns(columns)
    const rules = stored.map((column) => statRules(column, options.schema.key.includes(column.id)))
    const output = await FileOutput.create(options.fs, options.path)
    output.buffer.append(PARQUET_MAGIC)
    return new SstWriter({ ...options, columns, stored, rules }, output)
  }

  /** Rows appended. */
  get rows(): number {
    return this.state.rows
  }

  /** An estimate of the size of the file so far: what is encoded, and what waits as it is. */
  get bytes(): number {
    return this.output.length + this.pending.bytes
  }

  /**
   * Adds rows, all above those before; out of order is `CORRUPT`. The batch is kept by reference until its row group is
   * written, so it must not change.
   */
  async append(batch: SstBatch): Promise<void> {
    if (batch.length === 0) return
    const { schema, level, path, layout } = this.spec
    const { state, pending } = this
    checkBatch(batch, schema, level)
    checkOrder(batch.keys, state.lastKey, path)
    this.filter.add(batch.keys)
    state.firstKey ??= keyAt(batch.keys, 0)
    state.lastKey = keyAt(batch.keys, batch.length - 1)
    state.rows += batch.length
    for (let i = 0; i < batch.length; i++) {
      const seqno = batch.seqnos[i]
      if (seqno < state.minSeqno) state.minSeqno = seqno
      if (seqno > state.maxSeqno) state.maxSeqno = seqno
    }
    pending.add(batch)
    while (pending.rows >= layout.rowGroupRows || pending.bytes >= layout.rowGroupBytes) {
      const rows = Math.floor((layout.rowGroupBytes * pending.rows) / Math.max(pending.bytes, 1))
      const whole = Math.max(rows - (rows % layout.pageRows), layout.pageRows)
      await this.writeGroup(pending.split(Math.min(whole, layout.rowGroupRows, pending.rows)))
    }
  }

  /** Completes the file and makes it durable. A file without rows throws a `TypeError`: abort it instead. */
  async finish(): Promise<SstMeta> {
    const { spec, state, output } = this
    if (state.firstKey === undefined || state.lastKey === undefined) {
      throw new TypeError(`${spec.path} has no rows; abort it`)
    }
    if (this.pending.rows > 0) await this.writeGroup(this.pending.split(this.pending.rows))
    const columns = this.writtenColumns()
    const footer = await this.writeIndexes(columns)
    output.buffer.append(await this.writeBlocks(state.lastKey, columns, footer))
    output.buffer.append(footer)
    const bytes = output.length
    const hash = await output.finish()
    return {
      id: spec.id,
      level: spec.level,
      schemaId: spec.schema.schemaId,
      rows: state.rows,
      bytes,
      hash,
      minKey: state.firstKey,
      maxKey: state.lastKey,
      minSeqno: state.minSeqno,
      maxSeqno: state.maxSeqno,
      splitOffsets: state.chunks[0].map(({ offset }) => offset),
      columns: statsOfColumns(spec.columns.slice(0, spec.schema.columns.length), columns, spec.schema.key, {
        rows: state.rows,
        nulls: state.nestedNulls,
      }),
    }
  }

  /** Closes and removes the file. */
  async abort(): Promise<void> {
    await this.output.close()
    await this.spec.fs.remove(this.spec.path)
  }

  private async writeGroup(group: RowGroup): Promise<void> {
    const { spec, state, output } = this
    const typedPages = group.typedPages(spec.layout)
    const blobs = spec.level === 0 ? group.encodedRows() : undefined
    const blobPages = blobs && rowPages(blobs, spec.layout.rowPageBytes)
    group.forEachKey((blobPages ?? typedPages).slice(0, -1), (bytes, start, end) => {
      this.keyIndex.add(bytes, start, end)
    })
    let stored = 0
    for (let i = 0; i < spec.columns.length; i++) {
      if (spec.columns[i].tree !== undefined) {
        stored = await this.encodeNested(i, stored, group, typedPages)
        continue
      }
      const offset = output.length
      const isBlob = this.gridOf(stored) === ROW_GRID && blobs !== undefined && blobPages !== undefined
      const chunk = isBlob
        ? await encodeRowChunk(codecFor(spec.layout.compression), blobs, blobPages, output)
        : await this.encodeColumn(i, stored, group, typedPages)
      state.chunks[stored++].push({ chunk, offset })
    }
    const first = state.groupRows[state.groupRows.length - 1]
    state.groupRows.push(first + group.rows)
    for (const [grid, starts] of [typedPages, blobPages].entries()) {
      if (starts === undefined) continue
      const firstRows = state.firstRows[grid]
      for (const start of starts.slice(1)) firstRows.push(first + start)
      state.firstPages[grid].push(firstRows.length - 1)
    }
  }

  /** Writes the leaves of a nested column, the first of them being `stored`. Returns which stored column is next. */
  private async encodeNested(
    index: number,
    stored: number,
    group: RowGroup,
    pageStarts: readonly number[],
  ): Promise<number> {
    const { spec, state, output } = this
    const { id, tree } = spec.columns[index]
    if (tree === undefined) return stored
    const segments = group.column(index)
    const nulls = segments.reduce(
      (sum, vector) => sum + countNulls({ vector, from: 0, to: vector.length }),
      0,
    )
    state.nestedNulls.set(id, (state.nestedNulls.get(id) ?? 0) + nulls)
    let next = stored
    for (const leaf of shredNested(tree, segments, pageStarts)) {
      const offset = output.length
      const chunk = await encodeLeafChunk(codecFor(spec.layout.compression), spec.rules[next], leaf, output)
      state.chunks[next++].push({ chunk, offset })
    }
    return next
  }

  private encodeColumn(
    index: number,
    stored: number,
    group: RowGroup,
    pageStarts: readonly number[],
  ): Promise<EncodedChunk> {
    const { columns, rules, schema, layout } = this.spec
    const settings = {
      column: columns[index],
      rules: rules[stored],
      codec: isPlainKey(schema, columns[index], group) ? CODEC_NONE : codecFor(layout.compression),
      dictionary: layout.dictionary,
    }
    const segments = index < schema.columns.length ? group.column(index) : group.seqnos()
    return encodeChunk(settings, segments, pageStarts, this.output)
  }

  private writtenColumns(): WrittenColumn[] {
    const { stored, rules } = this.spec
    return stored.map((column, i) => ({
      column,
      rules: rules[i],
      boundBytesMax: BOUND_BYTES_MAX,
      chunks: this.state.chunks[i],
      firstRows: this.state.firstRows[this.gridOf(i)],
    }))
  }

  private gridOf(column: number): number {
    return this.spec.level === 0 && column === this.spec.stored.length - 1 ? ROW_GRID : TYPED_GRID
  }

  /** Writes the page indexes. Returns the footer, with the magic at its end. */
  private async writeIndexes(columns: readonly WrittenColumn[]): Promise<Uint8Array> {
    const { spec, state, output } = this
    const key = spec.schema.key.map((id) => spec.stored.findIndex((column) => column.id === id))
    const metadata = fileMetadata({
      columns: spec.columns,
      written: columns,
      groupRows: state.groupRows,
      keyColumns: key,
      createdBy: CREATED_BY,
      keyValues: [
        { key: METADATA_FORMAT, value: String(FORMAT_VERSION) },
        { key: METADATA_ID, value: spec.id },
        { key: METADATA_LEVEL, value: String(spec.level) },
        { key: METADATA_SCHEMA_ID, value: String(spec.schema.schemaId) },
        { key: METADATA_KEY, value: spec.schema.key.join(',') },
      ],
    })
    output.buffer.append(encodePageIndexes(pageIndexes(columns, metadata, state.groupRows), output.length))
    await output.drain()
    const out = new ByteWriter(4096)
    out.append(encodeFooter(metadata))
    out.append(PARQUET_MAGIC)
    return out.written()
  }

  /** Writes the engine's own blocks. Returns the anchor. */
  private async writeBlocks(
    lastKey: Uint8Array,
    columns: readonly WrittenColumn[],
    footer: Uint8Array,
  ): Promise<Uint8Array> {
    const { spec, state } = this
    const keyIndex = await this.writeBlock(this.keyIndex.finish(lastKey))
    const pages = await this.writeBlock(
      encodePagePlaces({
        groupRows: state.groupRows,
        grids: state.firstRows.map((firstRows, grid) => ({ firstRows, firstPages: state.firstPages[grid] })),
        columns: spec.stored.map((column, i) => ({ column, grid: this.gridOf(i), chunks: state.chunks[i] })),
      }),
    )
    const filter = await this.writeBlock(this.filter.finish(spec.layout.filterBits))
    await this.writeBlock(encodePageStatistics(columns.filter(({ column }) => isFlat(column, spec.schema))))
    return encodeAnchor({
      level: spec.level,
      idCrc: crc32(new TextEncoder().encode(spec.id)),
      schemaId: spec.schema.schemaId,
      schemaCrc: schemaCrc(spec.schema),
      rows: state.rows,
      keyIndex,
      pages,
      filter,
      footerLength: footer.length,
      footerCrc: crc32(footer),
    })
  }

  private async writeBlock(block: Uint8Array): Promise<BlockPlace> {
    const place = { offset: this.output.length, length: block.length, crc: crc32(block) }
    this.output.buffer.append(block)
    await this.output.drain()
    return place
  }
}

/** True for the columns of the schema, without those that are stored as leaves and without the engine's own. */
function isFlat({ id }: SstColumn, schema: TableSchema): boolean {
  return schema.columns.some((column) => column.id === id)
}

function keyAt(keys: BytesVector, row: number): Uint8Array {
  return keys.bytes.slice(keys.offsets[row], keys.offsets[row + 1])
}

/**
 * Each flush looks its keys up in the pages they fall into, and decompressing would be most of that. Integers are left
 * as they are where they are a small part of the rows.
 */
function isPlainKey(schema: TableSchema, { id }: SstColumn, { rows, bytes }: RowGroup): boolean {
  return id === integerKeyId(schema) && rows * INTEGER_BYTES_MAX <= bytes * PLAIN_KEY_SHARE_MAX
}

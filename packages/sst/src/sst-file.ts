import { CorruptionError, physicalOf, type SstMeta, type TableSchema } from '@meru/core'
import { crc32, errnoOf, type FileSystem, type ReadHandle } from '@meru/fs'
import {
  ANCHOR_BYTES,
  decodeAnchor,
  PARQUET_MAGIC,
  PARQUET_TAIL_BYTES,
  type Anchor,
  type BlockPlace,
} from './format.ts'
import { KeyFilter } from './key-filter.ts'
import { KeyIndex } from './key-index.ts'
import {
  decodePagePlaces,
  ROW_GRID,
  TYPED_GRID,
  type ColumnPlaces,
  type Grid,
  type PagePlaces,
} from './page-places.ts'
import type { ByteRange } from './byte-ranges.ts'
import { TypedPages } from './page-selection.ts'
import { RowAssembler } from './row-assembler.ts'
import { hasRowLineage, withRowLineage } from './row-lineage.ts'
import { columnsOf, schemaCrc } from './sst-columns.ts'
import { prepareZstd } from './zstd-decoder.ts'

/** An open file: its handle, and all that is kept in memory of it apart from pages. */
export interface SstFile {
  readonly handle: ReadHandle
  readonly meta: SstMeta
  readonly schema: TableSchema
  readonly places: PagePlaces
  readonly keyIndex: KeyIndex
  readonly filter: KeyFilter
  /** The division into pages that the key index knows. */
  readonly keyGrid: Grid
  /** The division of the typed columns. */
  readonly typedGrid: Grid
  /** Places of the key columns among `places.columns`, in key order. */
  readonly keyColumns: readonly number[]
  /** Places among `places.columns` by field id. */
  readonly columnById: ReadonlyMap<number, number>
  /** Makes encoded rows of columns of the schema. */
  readonly assembler: RowAssembler
  readonly typedPages: TypedPages
  /** Where `_row` is, if the file was written for level 0. */
  readonly rowColumn: ColumnPlaces | undefined
}

/** First read of a file: enough for the footer and the blocks of most. */
const TAIL_BYTES = 64 * 1024

/**
 * Opens a file and checks everything but its pages: size, anchor, footer, blocks, and that they are those of `meta` and
 * `schema`.
 */
export async function openSstFile(
  fs: FileSystem,
  path: string,
  meta: SstMeta,
  schema: TableSchema,
): Promise<SstFile> {
  await prepareZstd()
  const handle = await openFile(fs, path)
  try {
    return await readSstFile(handle, meta, schema)
  } catch (error) {
    // What went wrong first is what counts.
    await handle.close().catch(() => undefined)
    throw error
  }
}

async function openFile(fs: FileSystem, path: string): Promise<ReadHandle> {
  try {
    return await fs.open(path)
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause
    throw new CorruptionError({ file: path }, 'is missing; the manifest names it: restore it', { cause })
  }
}

async function readSstFile(handle: ReadHandle, meta: SstMeta, schema: TableSchema): Promise<SstFile> {
  const { path: file, size } = handle
  if (size !== meta.bytes) throw new CorruptionError({ file }, `${size} bytes, ${meta.bytes} expected`)
  const tail = new Tail(
    handle,
    await readAt(handle, Math.max(0, size - TAIL_BYTES), Math.min(size, TAIL_BYTES)),
  )
  const { anchor, offset: anchorOffset } = await readAnchor(tail, size)
  const fail = (problem: string): never => {
    throw new CorruptionError({ file }, problem)
  }
  if (anchor.idCrc !== crc32(new TextEncoder().encode(meta.id))) fail(`not the file with id ${meta.id}`)
  if (anchor.rows !== meta.rows) fail(`${anchor.rows} rows, ${meta.rows} expected`)
  const written = hasRowLineage(meta) ? withRowLineage(schema) : schema
  if (anchor.schemaId !== meta.schemaId || anchor.schemaCrc !== schemaCrc(written)) {
    fail(`written under schema ${anchor.schemaId}, which is not schema ${schema.schemaId} as given`)
  }
  const blocksStart = anchor.keyIndex.offset
  const indexBlock = await readBlock(tail, anchor.keyIndex)
  const keyIndex = KeyIndex.decode(indexBlock, file, anchor.keyIndex.offset, keyWidth(schema))
  const columns = columnsOf(written, anchor.level)
  const pageBlock = await readBlock(tail, anchor.pages)
  const places = decodePagePlaces(pageBlock, columns, blocksStart, file, anchor.pages.offset)
  const filter = KeyFilter.decode(await readBlock(tail, anchor.filter), file, anchor.filter.offset)
  const keyGrid = places.grids[anchor.level === 0 ? ROW_GRID : TYPED_GRID]
  if (keyGrid === undefined || keyGrid.pages !== keyIndex.pages || places.rows !== meta.rows) {
    fail(`the key index has ${keyIndex.pages} pages and ${places.rows} rows`)
  }
  const columnById = new Map(columns.map(({ id }, i) => [id, i]))
  return {
    handle,
    meta,
    schema,
    places,
    keyIndex,
    filter,
    keyGrid,
    typedGrid: places.grids[TYPED_GRID],
    keyColumns: schema.key.map((id) => columnById.get(id) as number),
    columnById,
    typedPages: new TypedPages(
      handle,
      places.grids[TYPED_GRID],
      statisticsPlace(anchor.filter, anchorOffset),
    ),
    assembler: new RowAssembler(schema),
    rowColumn: anchor.level === 0 ? places.columns[columns.length - 1] : undefined,
  }
}

/** The length of all keys, 0 if they differ in it. */
function keyWidth({ columns, key }: TableSchema): number {
  let width = 0
  for (const column of columns) {
    if (!key.includes(column.id)) continue
    const physical = physicalOf(column.type)
    if (physical.physical === 'bytes') return 0
    width += physical.width
  }
  return width
}

/** The statistics block lies between the filter block and the anchor. */
function statisticsPlace(filter: BlockPlace, anchorOffset: number): ByteRange | undefined {
  const offset = filter.offset + filter.length
  return offset < anchorOffset ? { offset, length: anchorOffset - offset } : undefined
}

/** The end of a file in memory, with a way to what lies before. */
class Tail {
  readonly handle: ReadHandle
  private readonly bytes: Uint8Array

  constructor(handle: ReadHandle, bytes: Uint8Array) {
    this.handle = handle
    this.bytes = bytes
  }

  async slice(offset: number, length: number): Promise<Uint8Array> {
    const { path: file, size } = this.handle
    if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
      throw new CorruptionError({ file, offset }, `${length} bytes expected, the file ends at ${size}`)
    }
    const start = size - this.bytes.length
    if (offset >= start) return this.bytes.subarray(offset - start, offset - start + length)
    return readAt(this.handle, offset, length)
  }
}

async function readAnchor(tail: Tail, size: number): Promise<{ anchor: Anchor; offset: number }> {
  const file = tail.handle.path
  const end = await tail.slice(size - PARQUET_TAIL_BYTES, PARQUET_TAIL_BYTES)
  if (PARQUET_MAGIC.some((byte, i) => end[4 + i] !== byte)) {
    throw new CorruptionError({ file, offset: size - 4 }, 'no Parquet file: its magic number is missing')
  }
  const metadataBytes = new DataView(end.buffer, end.byteOffset).getUint32(0, true)
  const footerLength = metadataBytes + PARQUET_TAIL_BYTES
  const offset = size - footerLength - ANCHOR_BYTES
  const anchor = decodeAnchor(await tail.slice(offset, ANCHOR_BYTES), file, offset)
  const footer = await tail.slice(size - footerLength, footerLength)
  if (anchor.footerLength !== footerLength || crc32(footer) !== anchor.footerCrc) {
    throw new CorruptionError({ file, offset: size - footerLength }, 'the CRC of the footer does not match')
  }
  return { anchor, offset }
}

async function readBlock(tail: Tail, { offset, length, crc }: BlockPlace): Promise<Uint8Array> {
  const block = await tail.slice(offset, length)
  if (crc32(block) !== crc) {
    throw new CorruptionError(
      { file: tail.handle.path, offset },
      `the CRC of a block of ${length} bytes does not match`,
    )
  }
  return block
}

async function readAt(handle: ReadHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  const count = await handle.read(bytes, offset)
  if (count !== length)
    throw new CorruptionError({ file: handle.path, offset }, `${length} bytes expected, ${count} read`)
  return bytes
}

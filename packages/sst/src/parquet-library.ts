/**
 * All that Meru uses of `hyparquet` and `hyparquet-writer` to store data: footers, page indexes, snappy, and the rows of
 * files that are small and rarely read. Both are pinned to exact versions, since most of these are their internals;
 * test/parquet-library.test.ts fails where an upgrade changes them.
 */
import { parquetReadObjects, type FileMetaData } from 'hyparquet'
import { snappyUncompress as uncompress } from 'hyparquet/src/snappy.js'
import { ByteWriter as LibraryWriter } from 'hyparquet-writer/src/bytewriter.js'
import { writeIndexes } from 'hyparquet-writer/src/indexes.js'
import { writeMetadata } from 'hyparquet-writer/src/metadata.js'
import { snappyCompress as compress } from 'hyparquet-writer/src/snappy.js'
import { serializeTCompactProtocol } from 'hyparquet-writer/src/thrift.js'

export type { ColumnChunk, FileMetaData, RowGroup, SchemaElement, Statistics } from 'hyparquet'

/** The page indexes of one column chunk. The chunk gets their places. */
export type PageIndexes = Parameters<typeof writeIndexes>[1][number]

/** The rows of a whole file of bytes and longs. `zstd` decompresses a page body of known length. */
export async function readParquetRows(
  bytes: Uint8Array,
  zstd: (body: Uint8Array, rawBytes: number) => Uint8Array,
): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({ file: bytes.slice().buffer, compressors: { ZSTD: zstd } })
}

/** Parquet metadata, followed by its length. */
export function encodeFooter(metadata: FileMetaData): Uint8Array {
  const writer = new LibraryWriter()
  writeMetadata(writer, metadata, Infinity)
  return writer.getBytes()
}

/**
 * The page indexes of chunks, to be written at `offset` of the file. Sets their places in each chunk. None where every
 * chunk is of one page; else each has an offset index, for readers refuse a file in which one is missing.
 */
export function encodePageIndexes(indexes: PageIndexes[], offset: number): Uint8Array {
  const writer = new LibraryWriter()
  writer.offset = offset
  writeIndexes(writer, indexes)
  // The library leaves chunks of one page out.
  if (indexes.some(({ chunk }) => chunk.offset_index_offset !== undefined)) {
    for (const each of indexes) if (each.chunk.offset_index_offset === undefined) writeOffsets(writer, each)
  }
  return writer.getBytes()
}

function writeOffsets(writer: LibraryWriter, { chunk, offsetIndex }: PageIndexes): void {
  const start = writer.offset
  const pages = (offsetIndex?.page_locations ?? []).map((page) => ({
    field_1: page.offset,
    field_2: page.compressed_page_size,
    field_3: page.first_row_index,
  }))
  serializeTCompactProtocol(writer, { field_1: pages })
  chunk.offset_index_offset = BigInt(start)
  chunk.offset_index_length = writer.offset - start
}

export function snappyCompress(body: Uint8Array): Uint8Array {
  return compress(body)
}

/** Fills `raw`; throws if the bytes do not decompress to exactly that many. */
export function snappyUncompress(body: Uint8Array, raw: Uint8Array): void {
  uncompress(body, raw)
}

import { ByteWriter } from '@meru/core'
import { crc32 } from '@meru/fs'
import { parquetHeader } from 'hyparquet/src/column.js'
import { parquetMetadata } from 'hyparquet'
import { readColumnIndex, readOffsetIndex } from 'hyparquet/src/indexes.js'
import { describe, expect, test } from 'vitest'
import {
  appendDataPageHeader,
  appendDictionaryPageHeader,
  ENCODING_RLE_DICTIONARY,
} from '../src/page-header.ts'
import {
  encodeFooter,
  encodePageIndexes,
  snappyCompress,
  snappyUncompress,
  type FileMetaData,
  type PageIndexes,
} from '../src/parquet-library.ts'
import { seededRandom } from './seeded-random.ts'
import { everyType, everyTypeRows, TINY, writeSample } from './sample-files.ts'

function metadata(): FileMetaData {
  return {
    version: 2,
    schema: [
      { name: 'table', num_children: 2 },
      { name: 'id', type: 'INT64', repetition_type: 'REQUIRED', field_id: 10 },
      {
        name: 'price',
        type: 'FIXED_LEN_BYTE_ARRAY',
        type_length: 9,
        repetition_type: 'OPTIONAL',
        field_id: 11,
        converted_type: 'DECIMAL',
        precision: 20,
        scale: 0,
        logical_type: { type: 'DECIMAL', precision: 20, scale: 0 },
      },
    ],
    num_rows: 3n,
    row_groups: [
      {
        columns: [chunk('id', 'INT64', 4n), chunk('price', 'FIXED_LEN_BYTE_ARRAY', 2n ** 33n)],
        num_rows: 3n,
        total_byte_size: 200n,
        total_compressed_size: 100n,
        file_offset: 4n,
        sorting_columns: [{ column_idx: 0, descending: false, nulls_first: false }],
      },
    ],
    key_value_metadata: [{ key: 'a', value: 'b' }],
    created_by: 'meru version 1.2.3',
    metadata_length: 0,
  }
}

function chunk(
  name: string,
  type: 'INT64' | 'FIXED_LEN_BYTE_ARRAY',
  offset: bigint,
): FileMetaData['row_groups'][0]['columns'][0] {
  return {
    file_offset: 0n,
    meta_data: {
      type,
      encodings: ['PLAIN', 'RLE', 'RLE_DICTIONARY'],
      path_in_schema: [name],
      codec: 'ZSTD',
      num_values: 3n,
      total_uncompressed_size: 100n,
      total_compressed_size: 50n,
      data_page_offset: offset + 20n,
      dictionary_page_offset: offset,
      statistics: {
        null_count: 1n,
        min_value: -5n,
        max_value: 2n ** 40n,
        is_min_value_exact: true,
        is_max_value_exact: false,
      },
      encoding_stats: [{ page_type: 'DATA_PAGE', encoding: 'RLE_DICTIONARY', count: 2 }],
    },
  }
}

describe('what is used of the Parquet library', () => {
  test('a footer holds all that goes in, and ends with its length', () => {
    const footer = encodeFooter(metadata())
    const length = new DataView(footer.buffer, footer.byteOffset).getUint32(footer.length - 4, true)
    expect(length).toBe(footer.length - 4)
    const read = parquetMetadata(Uint8Array.of(...footer, 0x50, 0x41, 0x52, 0x31))
    const { columns, ...group } = metadata().row_groups[0]
    expect(read.row_groups[0]).toMatchObject(group)
    expect(read.row_groups[0].columns[0]).toMatchObject(columns[0])
    expect(read.row_groups[0].columns[1].meta_data).toMatchObject({
      data_page_offset: 2n ** 33n + 20n,
      dictionary_page_offset: 2n ** 33n,
    })
    expect(read).toMatchObject({
      version: 2,
      num_rows: 3n,
      created_by: 'meru version 1.2.3',
      key_value_metadata: [{ key: 'a', value: 'b' }],
    })
    expect(read.schema.map((element) => JSON.parse(JSON.stringify(element)) as unknown)).toEqual(
      metadata().schema,
    )
  })

  test('bounds that are long stay whole: the library is not to cut what was cut already', () => {
    const long = metadata()
    const { meta_data } = long.row_groups[0].columns[1]
    if (meta_data !== undefined)
      meta_data.statistics = { null_count: 0n, max_value: 2n ** 70n, min_value: -(2n ** 70n) }
    const read = parquetMetadata(Uint8Array.of(...encodeFooter(long), 0x50, 0x41, 0x52, 0x31))
    expect(read.row_groups[0].columns[1].meta_data?.statistics?.max_value).toBe(2 ** 70)
  })

  test('page indexes are written where they say', () => {
    const [first, second] = metadata().row_groups[0].columns
    const page = (
      offset: bigint,
    ): { offset: bigint; compressed_page_size: number; first_row_index: bigint } => ({
      offset,
      compressed_page_size: 9,
      first_row_index: offset,
    })
    const indexes: PageIndexes[] = [
      {
        chunk: first,
        offsetIndex: { page_locations: [page(1n), page(2n)] },
        columnIndex: {
          null_pages: [false, true],
          min_values: [Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), new Uint8Array()],
          max_values: [Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0), new Uint8Array()],
          boundary_order: 'ASCENDING',
          null_counts: [0n, 3n],
        },
      },
      { chunk: second, offsetIndex: { page_locations: [page(5n)] } },
    ]
    const bytes = encodePageIndexes(indexes, 1000)
    const at = (offset: bigint | undefined): { view: DataView; offset: number } => ({
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      offset: Number(offset) - 1000,
    })
    const column = readColumnIndex(at(first.column_index_offset), metadata().schema[1])
    expect(column).toMatchObject({
      null_pages: [false, true],
      boundary_order: 'ASCENDING',
      null_counts: [0n, 3n],
    })
    expect([column.min_values[0], column.max_values[0]]).toEqual([1n, 2n])
    expect(readOffsetIndex(at(first.offset_index_offset)).page_locations).toEqual([page(1n), page(2n)])
    // Readers refuse a file in which one chunk has no offset index and another has one.
    expect(readOffsetIndex(at(second.offset_index_offset)).page_locations).toEqual([page(5n)])
    expect(second.offset_index_length).toBeGreaterThan(0)
    const [alone] = metadata().row_groups[0].columns
    expect(
      encodePageIndexes([{ chunk: alone, offsetIndex: { page_locations: [page(1n)] } }], 1000),
    ).toHaveLength(0)
    expect(alone.offset_index_offset).toBeUndefined()
  })

  test('snappy gives back what it was given, and refuses the rest', () => {
    const random = seededRandom(1)
    for (const length of [2, 10, 100, 5000, 100_000]) {
      const raw = Uint8Array.from({ length }, () => random.below(random.oneIn(2) ? 4 : 256))
      const packed = snappyCompress(raw)
      const read = new Uint8Array(length)
      snappyUncompress(packed, read)
      expect(read).toEqual(raw)
      for (const other of [length + 1, length - 1]) {
        expect(() => snappyUncompress(packed, new Uint8Array(other))).toThrow(/input|literal|snappy/)
      }
    }
  })
})

describe('page headers', () => {
  test.each([
    [0, 0, 0, 0],
    [1, 63, 64, 0x7fffffff],
    [8191, 8192, 100, 0x80000000],
    [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1, 0xffffffff],
  ])('the library reads them: %i values, %i and %i bytes, CRC %i', (values, rawBytes, bytes, crc) => {
    const out = new ByteWriter()
    appendDataPageHeader({ rawBytes, bytes, crc, values, encoding: ENCODING_RLE_DICTIONARY }, out)
    const sizes = { uncompressed_page_size: rawBytes, compressed_page_size: bytes, crc: crc | 0 }
    expect(headerIn(out)).toMatchObject({
      ...sizes,
      type: 'DATA_PAGE',
      data_page_header: {
        num_values: values,
        encoding: 'RLE_DICTIONARY',
        definition_level_encoding: 'RLE',
        repetition_level_encoding: 'RLE',
      },
    })
    out.clear()
    appendDictionaryPageHeader({ rawBytes, bytes, crc, values }, out)
    expect(headerIn(out)).toMatchObject({
      ...sizes,
      type: 'DICTIONARY_PAGE',
      dictionary_page_header: { num_values: values, encoding: 'PLAIN' },
    })
  })

  test('every page of a file has the CRC of its body in its header', async () => {
    const { fs, path } = await writeSample(everyType, everyTypeRows(61, 150), {
      level: 0,
      layout: { ...TINY, dictionary: true },
    })
    const bytes = (await fs.readFile(path)) as Uint8Array
    let pages = 0
    for (const group of parquetMetadata(bytes).row_groups) {
      for (const { meta_data } of group.columns) {
        let at = Number(meta_data?.dictionary_page_offset ?? meta_data?.data_page_offset)
        const end = at + Number(meta_data?.total_compressed_size)
        while (at < end) {
          const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: at }
          const header = parquetHeader(reader)
          at = reader.offset + header.compressed_page_size
          expect(crc32(bytes, reader.offset, at) | 0).toBe(header.crc)
          pages++
        }
        expect(at).toBe(end)
      }
    }
    expect(pages).toBeGreaterThan(200)
  })
})

function headerIn(out: ByteWriter): ReturnType<typeof parquetHeader> {
  const reader = { view: new DataView(out.bytes.buffer, 0, out.length), offset: 0 }
  const header = parquetHeader(reader)
  expect(reader.offset).toBe(out.length)
  return header
}

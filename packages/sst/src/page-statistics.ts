/**
 * The statistics block: what each page of the typed columns holds, so that a scan with a filter reads only pages that may
 * have a match. Optional; it lies between the filter block and the anchor.
 *
 *     u32 columns, each: u32 field id | u32 length of its pages
 *     for each of these columns, its pages:
 *       u8 flags: 1 a lower bound, 2 an upper bound, 4 NaNs | u32 nulls | bounds, each: u8 length | bytes
 *     u32 CRC of the bytes before
 *
 * Bounds are Iceberg single values, as in `ColumnStats`.
 */
import { ByteReader, ByteWriter, CorruptionError, type ColumnStats } from '@meru/core'
import { crc32 } from '@meru/fs'
import { boundsOf } from './column-stats.ts'
import type { Grid } from './page-places.ts'
import type { WrittenColumn } from './parquet-footer.ts'

const HAS_LOWER = 1
const HAS_UPPER = 2
const HAS_NANS = 4
const CRC_BYTES = 4
/** A longer bound is left out: the page is read then. */
const BOUND_BYTES_MAX = 255

/** Encodes the block; `columns` are those of the schema, without nested ones. */
export function encodePageStatistics(columns: readonly WrittenColumn[]): Uint8Array {
  const parts = columns.map(encodeColumn)
  const out = new ByteWriter(CRC_BYTES + parts.reduce((sum, part) => sum + part.length + 8, 8))
  out.u32(columns.length)
  columns.forEach(({ column }, i) => {
    out.u32(column.id)
    out.u32(parts[i].length)
  })
  for (const part of parts) out.append(part)
  out.u32(crc32(out.bytes, 0, out.length))
  return out.written()
}

function encodeColumn({ column, chunks }: WrittenColumn): Uint8Array {
  const out = new ByteWriter(1024)
  for (const { chunk } of chunks) {
    for (const stats of chunk.stats) {
      const { lower, upper } = boundsOf(column, stats, false)
      const isLower = lower !== undefined && lower.length <= BOUND_BYTES_MAX
      const isUpper = upper !== undefined && upper.length <= BOUND_BYTES_MAX
      out.u8((isLower ? HAS_LOWER : 0) | (isUpper ? HAS_UPPER : 0) | (stats.nans > 0 ? HAS_NANS : 0))
      out.u32(stats.nulls)
      if (isLower) appendBound(out, lower)
      if (isUpper) appendBound(out, upper)
    }
  }
  return out.written()
}

function appendBound(out: ByteWriter, bound: Uint8Array): void {
  out.u8(bound.length)
  out.append(bound)
}

/** The statistics block of a file in memory. */
export class PageStatistics {
  private readonly block: Uint8Array
  private readonly grid: Grid
  private readonly where: { readonly file: string; readonly offset: number }
  /** Where the pages of each column start, by field id. */
  private readonly starts: Map<number, number> = new Map()

  private constructor(block: Uint8Array, grid: Grid, where: { file: string; offset: number }) {
    this.block = block
    this.grid = grid
    this.where = where
  }

  /** Takes a block and checks it; `where` is its place, for messages. */
  static decode(block: Uint8Array, grid: Grid, where: { file: string; offset: number }): PageStatistics {
    const fail = (problem: string): never => {
      throw new CorruptionError(where, problem)
    }
    const end = block.length - CRC_BYTES
    if (end < 4) fail(`a statistics block of ${block.length} bytes`)
    const crc = new ByteReader(block.subarray(end), where.file, where.offset + end).u32()
    if (crc32(block, 0, end) !== crc) fail('the CRC of the statistics block does not match')
    const statistics = new PageStatistics(block.subarray(0, end), grid, where)
    const reader = new ByteReader(statistics.block, where.file, where.offset)
    const columns = reader.u32()
    let start = 4 + 8 * columns
    for (let i = 0; i < columns; i++) {
      statistics.starts.set(reader.u32(), start)
      start += reader.u32()
    }
    if (start !== end) fail(`${end} bytes of statistics, ${start} expected`)
    return statistics
  }

  /**
   * For each page of [firstPage, endPage) whether `mayMatch` says so of the statistics of those columns that the file
   * has, by field id.
   */
  select(
    ids: readonly number[],
    [firstPage, endPage]: readonly [number, number],
    mayMatch: (columns: readonly ColumnStats[]) => boolean,
  ): boolean[] {
    const cursors = ids
      .filter((id) => this.starts.has(id))
      .map((id) => {
        const reader = new ByteReader(this.block, this.where.file, this.where.offset)
        reader.position = this.starts.get(id) as number
        return { id, reader }
      })
    const { firstRows } = this.grid
    const selected: boolean[] = []
    for (let page = 0; page < endPage; page++) {
      const rows = firstRows[page + 1] - firstRows[page]
      const stats = cursors.map(({ id, reader }) => readPage(reader, id, rows))
      if (page >= firstPage) selected.push(mayMatch(stats))
    }
    return selected
  }
}

function readPage(reader: ByteReader, id: number, rows: number): ColumnStats {
  const flags = reader.u8()
  const nulls = reader.u32()
  const bound = (flag: number): Uint8Array | undefined =>
    (flags & flag) === 0 ? undefined : reader.take(reader.u8())
  const lower = bound(HAS_LOWER)
  const upper = bound(HAS_UPPER)
  return {
    id,
    values: rows,
    nulls,
    nans: (flags & HAS_NANS) === 0 ? 0 : 1,
    bytes: 0,
    ...(lower === undefined ? {} : { lower }),
    ...(upper === undefined ? {} : { upper }),
  }
}

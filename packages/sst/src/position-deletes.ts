/**
 * Files of position deletes: dead positions as Iceberg's format version 2 has them.
 *
 *     "PAR1" | row groups: file_path, pos | footer: Parquet metadata | u32 LE its length | "PAR1"
 *
 *     file_path   a dictionary of the paths, then pages with a run of its index for each path; one path is not compressed
 *     pos         pages of PLAIN longs, compressed unless they are few
 *
 * Rows ascend by path, in the order of its bytes, then by position. Source: Iceberg specification, "Position Delete
 * Files". See docs/format/iceberg-mapping.md.
 */
import { BytesBuilder, ByteWriter, compareKeys } from '@meru/core'
import { appendPages, encodePages, type EncodedChunk } from './chunk-encoder.ts'
import { CODEC_NONE, codecFor } from './compression.ts'
import { appendRun, bitWidthOf } from './dictionary-indexes.ts'
import type { PageOutput } from './file-output.ts'
import { CREATED_BY, PARQUET_MAGIC } from './format.ts'
import { appendPlain } from './page-encoder.ts'
import type { PlacedChunk } from './page-places.ts'
import { fileMetadata } from './parquet-footer.ts'
import { encodeFooter, readParquetRows } from './parquet-library.ts'
import type { SstColumn } from './sst-columns.ts'
import { statRules, type RangeStats, type StatRules, type StatValue } from './statistics.ts'
import { zstdDecompress } from './zstd-decoder.ts'

/** Field ids of the two columns. */
export const DELETE_FILE_PATH_ID = 2147483546
export const DELETE_POSITION_ID = 2147483545

const ROW_GROUP_ROWS = 1 << 20
const PAGE_ROWS = 1 << 16
/** A zstd frame would make fewer positions hardly smaller. */
const COMPRESSED_ROWS_MIN = 64

const PATH: SstColumn = {
  id: DELETE_FILE_PATH_ID,
  name: 'file_path',
  type: { kind: 'string' },
  physical: 'bytes',
  width: 0,
  optional: false,
}
const POSITION: SstColumn = {
  id: DELETE_POSITION_ID,
  name: 'pos',
  type: { kind: 'long' },
  physical: 'i64',
  width: 8,
  optional: false,
}
const PATH_RULES: StatRules = statRules(PATH, true)
const POSITION_RULES: StatRules = statRules(POSITION, true)

/** Dead rows of one data file. */
export interface DeadRows {
  /** The data file as the Iceberg metadata names it. */
  readonly referencedDataFile: string
  /** Ascending. */
  readonly positions: BigInt64Array
}

/** Some of the dead rows of one data file. */
interface PathRows {
  readonly path: Uint8Array
  readonly positions: BigInt64Array
}

/** A whole file. Every data file is there once, with a position: readers fail on files without rows. */
export async function writePositionDeletes(dead: readonly DeadRows[]): Promise<Uint8Array> {
  const out = new ByteWriter(4096)
  const output: PageOutput = { buffer: out, isFull: false, drain: () => Promise.resolve() }
  out.append(PARQUET_MAGIC)
  const paths: PlacedChunk[] = []
  const positions: PlacedChunk[] = []
  const groupRows = [0]
  for (const parts of rowGroups(dead)) {
    const firstRows = firstRowsOf(parts)
    const pathOffset = out.length
    paths.push({ chunk: await encodePaths(parts, firstRows, output), offset: pathOffset })
    const offset = out.length
    positions.push({ chunk: await encodePositions(parts, firstRows, output), offset })
    groupRows.push(groupRows[groupRows.length - 1] + firstRows[parts.length])
  }
  // Whole bounds, so that readers tell data files apart whose paths begin alike.
  const whole = { boundBytesMax: Infinity, firstRows: groupRows }
  const metadata = fileMetadata({
    columns: [PATH, POSITION],
    written: [
      { column: PATH, rules: PATH_RULES, chunks: paths, ...whole },
      { column: POSITION, rules: POSITION_RULES, chunks: positions, ...whole },
    ],
    groupRows,
    keyColumns: [0, 1],
    createdBy: CREATED_BY,
    keyValues: [],
  })
  out.append(encodeFooter(metadata))
  out.append(PARQUET_MAGIC)
  return out.written().slice()
}

/** The rows in the order of the file, cut into row groups. */
function rowGroups(dead: readonly DeadRows[]): PathRows[][] {
  const encoder = new TextEncoder()
  const sorted = dead
    .map(({ referencedDataFile, positions }) => {
      if (positions.length === 0) throw new TypeError(`no dead position for ${referencedDataFile}`)
      return { path: encoder.encode(referencedDataFile), positions }
    })
    .sort((a, b) => compareKeys(a.path, b.path))
  if (sorted.length === 0) throw new TypeError('no dead positions')
  const groups: PathRows[][] = []
  let room = 0
  for (const { path, positions } of sorted) {
    for (let from = 0; from < positions.length;) {
      if (room === 0) {
        groups.push([])
        room = ROW_GROUP_ROWS
      }
      const part = positions.subarray(from, from + room)
      groups[groups.length - 1].push({ path, positions: part })
      room -= part.length
      from += part.length
    }
  }
  return groups
}

/** The first row of each part within its row group, then the number of rows. */
function firstRowsOf(parts: readonly PathRows[]): number[] {
  const starts = [0]
  for (const [i, { positions }] of parts.entries()) starts.push(starts[i] + positions.length)
  return starts
}

/** Where pages start, then the number of rows. */
function pagesOf(rows: number): number[] {
  const starts: number[] = []
  for (let start = 0; start < rows; start += PAGE_ROWS) starts.push(start)
  return [...starts, rows]
}

function encodePaths(
  parts: readonly PathRows[],
  firstRows: readonly number[],
  output: PageOutput,
): Promise<EncodedChunk> {
  const dictionary = new BytesBuilder()
  for (const { path } of parts) dictionary.append(path, 0, path.length)
  const bitWidth = bitWidthOf(parts.length)
  const pageStarts = pagesOf(firstRows[parts.length])
  const plan = {
    codec: parts.length === 1 ? CODEC_NONE : codecFor('zstd'),
    dictionary: { values: dictionary.finish() },
    pageStarts,
    appendBody: (page: number, body: ByteWriter): void => {
      body.u8(bitWidth)
      for (let part = 0; part < parts.length; part++) {
        const from = Math.max(firstRows[part], pageStarts[page])
        const to = Math.min(firstRows[part + 1], pageStarts[page + 1])
        if (from < to) appendRun(part, to - from, bitWidth, body)
      }
    },
    stats: [statsOf(firstRows[parts.length], parts[0].path, parts[parts.length - 1].path)],
  }
  return encodePages(plan, output)
}

function encodePositions(
  parts: readonly PathRows[],
  firstRows: readonly number[],
  output: PageOutput,
): Promise<EncodedChunk> {
  const rows = firstRows[parts.length]
  const values = new BigInt64Array(rows)
  let min = parts[0].positions[0]
  let max = min
  for (const [i, { positions }] of parts.entries()) {
    values.set(positions, firstRows[i])
    const last = positions[positions.length - 1]
    if (positions[0] < min) min = positions[0]
    if (last > max) max = last
  }
  const pageStarts = pagesOf(rows)
  const plan = {
    codec: rows < COMPRESSED_ROWS_MIN ? CODEC_NONE : codecFor('zstd'),
    dictionary: undefined,
    pageStarts,
    appendBody: (page: number, body: ByteWriter): void => {
      const vector = { physical: 'i64', length: rows, values } as const
      appendPlain({ vector, from: pageStarts[page], to: pageStarts[page + 1] }, 0, body)
    },
    stats: [statsOf(rows, min, max)],
  }
  return appendPages(plan, output)
}

function statsOf(values: number, min: StatValue, max: StatValue): RangeStats {
  const bounds = { min: { value: min, isExact: true }, max: { value: max, isExact: true } }
  return { values, nulls: 0, nans: 0, signs: 0, ...bounds }
}

/** Reads `writePositionDeletes`, or what another engine wrote. */
export async function readPositionDeletes(bytes: Uint8Array): Promise<DeadRows[]> {
  const byFile = new Map<string, bigint[]>()
  for (const row of await readParquetRows(bytes, zstdDecompress)) {
    const path = String(row[PATH.name])
    const position = row[POSITION.name] as bigint
    const known = byFile.get(path)
    if (known === undefined) byFile.set(path, [position])
    else known.push(position)
  }
  return [...byFile].map(([referencedDataFile, positions]) => ({
    referencedDataFile,
    positions: BigInt64Array.from(positions),
  }))
}

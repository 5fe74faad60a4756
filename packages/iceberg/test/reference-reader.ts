import { zstdDecompressSync } from 'node:zlib'
import type { FileSystem } from '@meru/fs'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { decodeAvro, type AvroRecord } from '../src/check/avro-decode.ts'
import { valueText } from '../src/check/report.ts'
import { decodeRoaring64 } from '../src/check/roaring-decode.ts'
import type { TableMetadata } from '../src/table-metadata.ts'
import type { Row } from './sample-table.ts'

/** A row as a reader sees it, and what row lineage says of it (format version 3). */
export interface LineageRow {
  readonly row: Row
  readonly rowId: number | undefined
  readonly updated: number
}

/** Where a file of a test's table is, below the root: in memory, or among the golden ones. */
export function pathOf(uri: string): string {
  return uri.replace(/^(?:memory:\/\/\/files|file:\/\/\/golden\/[a-z0-9]+)\//, '')
}

/**
 * Reads one snapshot by the letter of the specification: every manifest, every delete file of either form,
 * columns by field id. For tables of plain numbers and texts.
 */
export async function readSnapshot(
  fs: FileSystem,
  metadata: TableMetadata,
  snapshotId: number,
): Promise<LineageRow[]> {
  const snapshot = metadata.snapshots.find((candidate) => candidate['snapshot-id'] === snapshotId)
  const schemas = metadata.schemas as { 'schema-id': number; fields: { id: number; name: string }[] }[]
  const fields = schemas.find((schema) => schema['schema-id'] === snapshot?.['schema-id'])?.fields ?? []
  const read = async (uri: string): Promise<Uint8Array> => {
    const bytes = await fs.readFile(pathOf(uri))
    if (bytes === undefined) throw new Error(`${uri} is absent`)
    return bytes
  }
  const data: DataFile[] = []
  const deleted = new Map<string, Set<number>>()
  for (const row of decodeAvro(await read(snapshot?.['manifest-list'] ?? '')).records) {
    let nextRowId = numberOf(row['first_row_id'])
    for (const entry of decodeAvro(await read(valueText(row['manifest_path']))).records) {
      if (entry['status'] === 2) continue
      const file = entry['data_file'] as AvroRecord
      if (file['content'] === 0) {
        const own = numberOf(file['first_row_id'])
        const sequence = numberOf(entry['sequence_number']) ?? numberOf(row['sequence_number'])
        data.push({
          path: valueText(file['file_path']),
          firstRowId: own ?? nextRowId,
          sequence: sequence ?? 0,
        })
        if (own === undefined && nextRowId !== undefined) nextRowId += Number(file['record_count'])
      } else {
        await addDeleted(file, await read(valueText(file['file_path'])), deleted)
      }
    }
  }
  const rows: LineageRow[] = []
  for (const file of data) rows.push(...(await liveRowsOf(file, await read(file.path), { fields, deleted })))
  return rows
}

interface DataFile {
  readonly path: string
  readonly firstRowId: number | undefined
  readonly sequence: number
}

const compressors = { ZSTD: (input: Uint8Array): Uint8Array => zstdDecompressSync(input) }

const ROW_ID = 2147483540
const UPDATED = 2147483539

async function liveRowsOf(
  file: DataFile,
  bytes: Uint8Array,
  shown: { fields: readonly { id: number; name: string }[]; deleted: ReadonlyMap<string, Set<number>> },
): Promise<LineageRow[]> {
  const buffer = bytes.slice().buffer
  const names = new Map(parquetMetadata(buffer).schema.map((element) => [element.field_id, element.name]))
  const dead = shown.deleted.get(file.path)
  const objects = await parquetReadObjects({ file: buffer, compressors })
  const lineage = (row: Row, id: number): number | undefined => numberOf(row[names.get(id) ?? ''])
  return objects.flatMap((object, position) => {
    if (dead?.has(position) === true) return []
    const row = Object.fromEntries(
      shown.fields.map(({ id, name }) => [name, object[names.get(id) ?? ''] ?? null]),
    )
    const inherited = file.firstRowId === undefined ? undefined : file.firstRowId + position
    return [
      {
        row,
        rowId: lineage(object, ROW_ID) ?? inherited,
        updated: lineage(object, UPDATED) ?? file.sequence,
      },
    ]
  })
}

async function addDeleted(
  file: AvroRecord,
  bytes: Uint8Array,
  deleted: Map<string, Set<number>>,
): Promise<void> {
  const add = (target: string, position: number): void => {
    const known = deleted.get(target) ?? new Set()
    deleted.set(target, known.add(position))
  }
  if (file['file_format'] === 'PUFFIN') {
    const start = Number(file['content_offset'])
    const end = start + Number(file['content_size_in_bytes'])
    for (const position of decodeRoaring64(bytes.subarray(start + 8, end - 4))) {
      add(valueText(file['referenced_data_file']), position)
    }
    return
  }
  for (const row of await parquetReadObjects({ file: bytes.slice().buffer, compressors })) {
    add(valueText(row['file_path']), Number(row['pos']))
  }
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : undefined
}

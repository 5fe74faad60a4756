import { crc32, type FileSystem } from '@meru/fs'
import { checkInside, type DeletedRows } from './file-rules.ts'
import { readJson, recordOf, recordsOf, textOf, type JsonRecord } from './json-value.ts'
import type { LiveFile } from './manifest-rules.ts'
import type { Report } from './report.ts'
import { decodeRoaring64 } from './roaring-decode.ts'

/** "PFA1", at the start, before the footer and at the end. */
const FILE_MAGIC = 0x50464131
const BLOB_MAGIC = 0xd1d33964
/** Field id of the metadata column `_pos`. */
const POSITION_FIELD = 2147483645

/** The rules for a deletion vector: the Puffin file around it, its blob, the data file that it is about. */
export async function checkDeletionVector(
  fs: FileSystem,
  file: LiveFile,
  path: string,
  rowsOf: (uri: string) => number | undefined,
  report: Report,
): Promise<DeletedRows> {
  const bytes = await fs.readFile(path)
  if (bytes === undefined) {
    report.add('delete-file', path, `the file does not exist; ${file.manifest} names it`)
    return new Map()
  }
  report.equal(file.bytes, bytes.length, 'delete-file', path, 'file_size_in_bytes')
  try {
    checkFooter(footerOf(bytes), file, path, report)
    const positions = positionsOf(blobOf(bytes, file))
    report.equal(file.records, positions.length, 'delete-file', path, `record_count of ${file.target}`)
    checkInside(positions, rowsOf(file.target ?? ''), path, report)
    return new Map([[file.target ?? '', positions]])
  } catch (error) {
    report.add('delete-file', path, error instanceof Error ? error.message : String(error))
    return new Map()
  }
}

/** Throws an `Error` if the file is no Puffin. */
function footerOf(bytes: Uint8Array): JsonRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 28) throw new Error(`${bytes.length} bytes are too few for a Puffin file`)
  const length = view.getInt32(bytes.length - 12, true)
  const start = bytes.length - 12 - length
  if (length < 0 || start < 8) throw new Error(`a footer of ${length} bytes in ${bytes.length}`)
  for (const offset of [0, start - 4, bytes.length - 4]) {
    if (view.getUint32(offset) !== FILE_MAGIC) throw new Error(`byte ${offset}: no Puffin magic`)
  }
  if (view.getUint32(bytes.length - 8) !== 0) throw new Error('flags that are not zero')
  return recordOf(readJson(bytes.subarray(start, start + length)))
}

function checkFooter(footer: JsonRecord, file: LiveFile, path: string, report: Report): void {
  const offset = Number(file.record['content_offset'])
  const blobs = recordsOf(footer['blobs']).filter((blob) => blob['offset'] === offset)
  if (!report.require(blobs.length === 1, 'delete-file', path, `${blobs.length} blobs at byte ${offset}`))
    return
  const [blob] = blobs
  const properties = recordOf(blob['properties'])
  const expect = (actual: unknown, wanted: unknown, what: string): void =>
    report.equal(actual, wanted, 'delete-file', path, `${what} of the blob at byte ${offset}`)
  expect(blob['type'], 'deletion-vector-v1', 'type')
  expect(blob['fields'], [POSITION_FIELD], 'fields')
  expect(blob['snapshot-id'], -1, 'snapshot-id')
  expect(blob['sequence-number'], -1, 'sequence-number')
  expect(blob['length'], file.record['content_size_in_bytes'], 'length')
  expect(blob['compression-codec'] === undefined, true, 'absence of compression-codec')
  expect(textOf(properties['referenced-data-file']), file.target, 'referenced-data-file')
  expect(textOf(properties['cardinality']), file.records, 'cardinality')
}

function blobOf(bytes: Uint8Array, file: LiveFile): Uint8Array {
  const offset = Number(file.record['content_offset'])
  const blob = bytes.subarray(offset, offset + Number(file.record['content_size_in_bytes']))
  if (blob.length < 20) throw new Error(`byte ${offset}: a blob of ${blob.length} bytes`)
  return blob
}

/** Throws an `Error` if the blob is damaged. */
function positionsOf(blob: Uint8Array): number[] {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength)
  if (view.getUint32(0) !== blob.length - 8)
    throw new Error(`a blob of ${blob.length} bytes says ${view.getUint32(0)}`)
  if (view.getUint32(4) !== BLOB_MAGIC) throw new Error('a blob without the magic of deletion vectors')
  const crc = crc32(blob, 4, blob.length - 4)
  if (view.getUint32(blob.length - 4) !== crc) throw new Error('a blob with a wrong CRC')
  return decodeRoaring64(blob.subarray(8, blob.length - 4))
}

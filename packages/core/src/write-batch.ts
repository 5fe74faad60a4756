import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { KEY_BYTES_MAX, KIND_DELETE, KIND_PUT, VALUE_BYTES_MAX, type EntryKind, type SeqNo } from './entry.ts'
import { MeruError } from './errors.ts'

/**
 * The payload of one log record: operations that become visible together. Format: docs/format/write-batch.md.
 *
 *   u8 version | u64 first seqno | u32 count | operations
 *   operation: u8 kind | varint table | varint schema | varint key length
 *              | varint value length (puts only) | key | value (puts only)
 */
export const BATCH_VERSION = 1
const HEADER_LENGTH = 13
/** Kind, three varints and one byte of key: no operation is shorter. */
const OPERATION_LENGTH_MIN = 5
const ID_MAX = 0xffffffff

/** Builds the payload of a batch. Reusable: `finish` starts it over. */
export class BatchWriter {
  readonly #out: ByteWriter
  #count = 0

  constructor(capacity = 4096) {
    this.#out = new ByteWriter(capacity)
    this.#out.length = HEADER_LENGTH
  }

  /** Operations so far. */
  get count(): number {
    return this.#count
  }

  /** Bytes of the payload so far. */
  get length(): number {
    return this.#out.length
  }

  /** Appends a put; key and value are copied out of `bytes`. */
  put(
    table: { readonly id: number; readonly schemaId: number },
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
  ): void {
    const out = this.#out
    this.#begin(KIND_PUT, table, keyEnd - keyStart)
    out.varint(valueEnd - valueStart)
    append(out, bytes, keyStart, keyEnd)
    append(out, bytes, valueStart, valueEnd)
  }

  /** Appends a delete; the key is copied out of `bytes`. */
  delete(
    table: { readonly id: number; readonly schemaId: number },
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
  ): void {
    this.#begin(KIND_DELETE, table, keyEnd - keyStart)
    append(this.#out, bytes, keyStart, keyEnd)
  }

  /**
   * The payload, as a view that is valid until the next operation; the writer starts over. Operation i
   * has the seqno `firstSeqno + i`.
   */
  finish(firstSeqno: SeqNo): Uint8Array {
    const out = this.#out
    const end = out.length
    out.length = 0
    out.u8(BATCH_VERSION)
    out.u64(firstSeqno)
    out.u32(this.#count)
    this.clear()
    return out.bytes.subarray(0, end)
  }

  /** Forgets all operations. */
  clear(): void {
    this.#count = 0
    this.#out.length = HEADER_LENGTH
  }

  #begin(
    kind: EntryKind,
    table: { readonly id: number; readonly schemaId: number },
    keyLength: number,
  ): void {
    const out = this.#out
    out.u8(kind)
    out.varint(table.id)
    out.varint(table.schemaId)
    out.varint(keyLength)
    this.#count++
  }
}

function append(out: ByteWriter, bytes: Uint8Array, start: number, end: number): void {
  const length = end - start
  out.reserve(length)
  const at = out.length
  const to = out.bytes
  if (length <= 24) for (let i = 0; i < length; i++) to[at + i] = bytes[start + i]
  else to.set(bytes.subarray(start, end), at)
  out.length = at + length
}

/** Gets the operations of a batch in order. Positions are indexes into the payload; deletes have an empty value. */
export type BatchVisitor = (
  kind: EntryKind,
  seqno: SeqNo,
  tableId: number,
  schemaId: number,
  keyStart: number,
  keyEnd: number,
  valueStart: number,
  valueEnd: number,
) => void

export interface BatchSummary {
  readonly firstSeqno: SeqNo
  readonly count: number
}

/**
 * Checks a whole payload, then hands its operations to `visit`. Nothing is visited if anything is
 * damaged: that throws `CORRUPT`, naming the file and the offset. `UNSUPPORTED` for a newer version.
 */
export function readBatch(
  payload: Uint8Array,
  where: { readonly file: string; readonly offset: number },
  visit: BatchVisitor,
): BatchSummary {
  const reader = new ByteReader(payload, where.file, where.offset)
  const version = reader.u8()
  if (version > BATCH_VERSION) {
    const message = `${where.file} at byte ${where.offset}: batch version ${version}, this release reads up to ${BATCH_VERSION}`
    throw new MeruError('UNSUPPORTED', message)
  }
  if (version !== BATCH_VERSION) throw reader.corrupt(`batch version ${version}`, 0)
  const firstSeqno = reader.u64()
  const count = reader.u32()
  if (firstSeqno < 1 || !Number.isSafeInteger(firstSeqno + count)) {
    throw reader.corrupt(`a batch of ${count} operations from seqno ${firstSeqno}`, 1)
  }
  if (count * OPERATION_LENGTH_MIN > reader.remaining) {
    throw reader.corrupt(`${count} operations in ${reader.remaining} bytes`, 9)
  }
  readOperations(reader, count, firstSeqno, undefined)
  if (reader.remaining !== 0) throw reader.corrupt(`${reader.remaining} bytes after the last operation`)
  reader.position = HEADER_LENGTH
  readOperations(reader, count, firstSeqno, visit)
  return { firstSeqno, count }
}

function readOperations(
  reader: ByteReader,
  count: number,
  firstSeqno: SeqNo,
  visit: BatchVisitor | undefined,
): void {
  for (let i = 0; i < count; i++) {
    const start = reader.position
    const kind = reader.u8()
    if (kind !== KIND_PUT && kind !== KIND_DELETE) throw reader.corrupt(`operation kind ${kind}`, start)
    const tableId = reader.varint()
    const schemaId = reader.varint()
    const keyLength = reader.varint()
    const valueLength = kind === KIND_PUT ? reader.varint() : 0
    if (tableId > ID_MAX || schemaId > ID_MAX)
      throw reader.corrupt(`table ${tableId}, schema ${schemaId}`, start)
    if (keyLength < 1 || keyLength > KEY_BYTES_MAX) throw reader.corrupt(`a key of ${keyLength} bytes`, start)
    if (valueLength > VALUE_BYTES_MAX) throw reader.corrupt(`a value of ${valueLength} bytes`, start)
    const keyStart = reader.skip(keyLength)
    const valueStart = reader.skip(valueLength)
    if (visit === undefined) continue
    visit(kind, firstSeqno + i, tableId, schemaId, keyStart, valueStart, valueStart, valueStart + valueLength)
  }
}

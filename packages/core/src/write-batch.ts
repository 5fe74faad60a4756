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

/** What an operation writes to. */
export interface OperationTarget {
  readonly id: number
  readonly schemaId: number
}

/** Builds the payload of a batch. Reusable: `finish` starts it over. */
export class BatchWriter {
  readonly #out: ByteWriter
  #count = 0
  /** Behind the last operation that is complete. */
  #end = HEADER_LENGTH
  /** The operation begun: where its lengths are, and how much room they have been given. */
  readonly #open: { kind: EntryKind; lengthsAt: number; room: number; isOpen: boolean } = {
    kind: KIND_PUT,
    lengthsAt: HEADER_LENGTH,
    room: 2,
    isOpen: false,
  }

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
    return this.#end
  }

  /** Bytes of memory it holds. */
  get capacity(): number {
    return this.#out.bytes.length
  }

  /**
   * Begins an operation: append the key to what is returned, for a put then the value, and call `end`, or
   * `cancel`. Throws `TypeError` inside of another operation: code of the caller ran while it was encoded.
   */
  begin(kind: EntryKind, target: OperationTarget): ByteWriter {
    const out = this.#out
    const open = this.#open
    if (open.isOpen) throw new TypeError('a write was asked for while another was being encoded')
    open.isOpen = true
    out.u8(kind)
    out.varint(target.id)
    out.varint(target.schemaId)
    open.kind = kind
    open.lengthsAt = out.length
    // Lengths of the size of the last ones: neighbours are alike, so that bytes hardly ever move.
    out.reserve(open.room)
    out.length += open.room
    return out
  }

  /** Ends the operation begun, whose key has `keyLength` bytes; the value is the rest. */
  end(keyLength: number): void {
    const out = this.#out
    const { kind, lengthsAt, room } = this.#open
    const from = lengthsAt + room
    const valueLength = out.length - from - keyLength
    const needed = varintLength(keyLength) + (kind === KIND_PUT ? varintLength(valueLength) : 0)
    const end = lengthsAt + needed + keyLength + valueLength
    if (needed !== room) {
      out.reserve(Math.max(0, needed - room))
      out.bytes.copyWithin(lengthsAt + needed, from, out.length)
      this.#open.room = needed
    }
    out.length = lengthsAt
    out.varint(keyLength)
    if (kind === KIND_PUT) out.varint(valueLength)
    out.length = end
    this.#open.isOpen = false
    this.#end = end
    this.#count++
  }

  /** Forgets the operation begun. */
  cancel(): void {
    this.#open.isOpen = false
    this.#out.length = this.#end
  }

  /** Appends a put; key and value are copied out of `bytes`. */
  put(
    target: OperationTarget,
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
  ): void {
    const out = this.begin(KIND_PUT, target)
    append(out, bytes, keyStart, keyEnd)
    append(out, bytes, valueStart, valueEnd)
    this.end(keyEnd - keyStart)
  }

  /** Appends a delete; the key is copied out of `bytes`. */
  delete(target: OperationTarget, bytes: Uint8Array, keyStart: number, keyEnd: number): void {
    append(this.begin(KIND_DELETE, target), bytes, keyStart, keyEnd)
    this.end(keyEnd - keyStart)
  }

  /**
   * The payload, as a view that is valid until the next operation; the writer starts over. Operation i
   * has the seqno `firstSeqno + i`.
   */
  finish(firstSeqno: SeqNo): Uint8Array {
    const out = this.#out
    const end = this.#end
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
    this.#end = HEADER_LENGTH
    this.#out.length = HEADER_LENGTH
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

/** Bytes of a safe non-negative integer as unsigned LEB128. */
function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) length++
  return length
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

/**
 * Hands the operations of a payload that a `BatchWriter` of this process has made to `visit`. Checks
 * nothing: bytes that were anywhere else go through `readBatch`.
 */
export function visitBatch(payload: Uint8Array, firstSeqno: SeqNo, visit: BatchVisitor): void {
  let at = HEADER_LENGTH
  for (let seqno = firstSeqno; at < payload.length; seqno++) {
    const kind = payload[at++] as EntryKind
    const tableId = varintAt(payload, at)
    at += varintLength(tableId)
    const schemaId = varintAt(payload, at)
    at += varintLength(schemaId)
    const keyLength = varintAt(payload, at)
    at += varintLength(keyLength)
    const valueLength = kind === KIND_PUT ? varintAt(payload, at) : 0
    if (kind === KIND_PUT) at += varintLength(valueLength)
    const valueStart = at + keyLength
    const valueEnd = valueStart + valueLength
    visit(kind, seqno, tableId, schemaId, at, valueStart, valueStart, valueEnd)
    at = valueEnd
  }
}

function varintAt(bytes: Uint8Array, start: number): number {
  let at = start
  let byte = bytes[at]
  let value = byte & 0x7f
  for (let scale = 128; byte > 0x7f; scale *= 128) {
    byte = bytes[++at]
    value += (byte & 0x7f) * scale
  }
  return value
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

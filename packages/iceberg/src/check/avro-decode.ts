/** Reads any Avro file whose schema uses what Iceberg uses. Written from the Avro specification alone. */

export type AvroValue = null | boolean | number | bigint | string | Uint8Array | AvroValue[] | AvroRecord
export type AvroRecord = { readonly [field: string]: AvroValue }

/** A schema as the header of a file has it. */
export type AvroSchema = string | AvroSchema[] | { readonly [attribute: string]: unknown }

export interface DecodedFile {
  readonly metadata: ReadonlyMap<string, string>
  readonly schema: AvroSchema
  readonly records: readonly AvroRecord[]
}

const MAGIC = [0x4f, 0x62, 0x6a, 0x01]
const SYNC_BYTES = 16

/** Throws an `Error` that says what is wrong and at which byte. */
export function decodeAvro(bytes: Uint8Array): DecodedFile {
  const cursor = new Cursor(bytes)
  if (MAGIC.some((byte) => cursor.byte() !== byte))
    throw new Error('byte 0: not an Avro object container file')
  const metadata = new Map<string, string>()
  cursor.blocks(() => metadata.set(cursor.text(), cursor.text()))
  const codec = metadata.get('avro.codec') ?? 'null'
  if (codec !== 'null') throw new Error(`codec ${codec}, which this check does not read`)
  const schema = JSON.parse(metadata.get('avro.schema') ?? 'null') as AvroSchema
  const sync = cursor.bytes(SYNC_BYTES).join()
  const records: AvroRecord[] = []
  while (cursor.position < bytes.length) {
    const count = cursor.count()
    const end = cursor.count() + cursor.position
    for (let i = 0; i < count; i++) {
      if (cursor.position >= end)
        throw new Error(`byte ${cursor.position}: a block of fewer records than ${count}`)
      records.push(readValue(cursor, schema) as AvroRecord)
    }
    if (cursor.position !== end) throw new Error(`byte ${cursor.position}: the block should end at ${end}`)
    if (cursor.bytes(SYNC_BYTES).join() !== sync) throw new Error(`byte ${end}: wrong sync marker`)
  }
  return { metadata, schema, records }
}

function readValue(cursor: Cursor, schema: AvroSchema): AvroValue {
  if (Array.isArray(schema)) {
    const index = cursor.count()
    if (index >= schema.length)
      throw new Error(`byte ${cursor.position}: branch ${index} of ${schema.length}`)
    return readValue(cursor, schema[index])
  }
  const type = typeof schema === 'string' ? schema : schema['type']
  if (typeof schema === 'object' && type === 'record') {
    const record: Record<string, AvroValue> = {}
    for (const field of fieldsOf(schema)) record[field.name] = readValue(cursor, field.type)
    return record
  }
  if (typeof schema === 'object' && type === 'array') {
    const items: AvroValue[] = []
    cursor.blocks(() => items.push(readValue(cursor, schema['items'] as AvroSchema)))
    return items
  }
  return readPrimitive(cursor, String(type))
}

function readPrimitive(cursor: Cursor, type: string): AvroValue {
  switch (type) {
    case 'null':
      return null
    case 'boolean':
      return cursor.byte() === 1
    case 'int':
      return Number(cursor.long())
    case 'long':
      return cursor.long()
    case 'string':
      return cursor.text()
    case 'bytes':
      return cursor.bytes(cursor.count())
    default:
      throw new Error(`byte ${cursor.position}: Avro type ${type}, which Iceberg metadata does not use`)
  }
}

export interface AvroField {
  readonly name: string
  readonly type: AvroSchema
  readonly [attribute: string]: unknown
}

export function fieldsOf(schema: AvroSchema): readonly AvroField[] {
  if (typeof schema !== 'object' || Array.isArray(schema)) return []
  const fields = schema['fields']
  return Array.isArray(fields) ? (fields as AvroField[]) : []
}

class Cursor {
  position = 0
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  byte(): number {
    if (this.position >= this.#bytes.length) throw new Error(`byte ${this.position}: the file ends too early`)
    return this.#bytes[this.position++]
  }

  bytes(length: number): Uint8Array {
    const end = this.position + length
    if (end > this.#bytes.length) throw new Error(`byte ${this.position}: ${length} bytes expected`)
    const taken = this.#bytes.slice(this.position, end)
    this.position = end
    return taken
  }

  /** A zigzag varint of up to 64 bits. */
  long(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    }
    throw new Error(`byte ${this.position}: an integer of more than ten bytes`)
  }

  /** A length or a count: what it counts takes at least one byte each, so more than the file is wrong. */
  count(): number {
    const value = this.long()
    if (value < 0n || value > BigInt(this.#bytes.length))
      throw new Error(`byte ${this.position}: count ${value}`)
    return Number(value)
  }

  text(): string {
    return new TextDecoder('utf-8', { fatal: true }).decode(this.bytes(this.count()))
  }

  /** The items of an array or of a map. */
  blocks(readItem: () => void): void {
    for (let count = this.count(); count > 0; count = this.count()) {
      for (let i = 0; i < count; i++) readItem()
    }
  }
}

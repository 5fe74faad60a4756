import { ByteReader, ByteWriter, CorruptionError, MeruError } from '@meru/core'
import { crc32, type Environment } from '@meru/fs'
import avsc from 'avsc'
import { AVRO_CHECKSUM } from './format.ts'
import { formatJson, type JsonObject } from './json.ts'

const MAGIC = Uint8Array.of(0x4f, 0x62, 0x6a, 0x01)
const SYNC_BYTES = 16
const CHECKSUM_DIGITS = 8
const NO_CHECKSUM = '0'.repeat(CHECKSUM_DIGITS)
const HEADER_ENTRIES_MAX = 1000

const encoder = new TextEncoder()

/** A schema, ready for use. */
export interface AvroSchema {
  /** What files carry, word for word: the Avro library would drop the field ids. */
  readonly text: string
  encode(record: unknown): Uint8Array
  /** The record at `position` and the offset after it; that is negative if the bytes end too early. */
  decode(bytes: Uint8Array, position: number): { readonly value: unknown; readonly offset: number }
}

export interface AvroFile {
  readonly schema: AvroSchema
  /** What the header says, apart from Avro's own entries. */
  readonly metadata: ReadonlyMap<string, string>
  readonly records: readonly unknown[]
}

export interface AvroContent {
  readonly schema: AvroSchema
  readonly metadata: Readonly<Record<string, string>>
  readonly records: readonly unknown[]
  /** 16 random bytes that separate blocks. */
  readonly sync: Uint8Array
}

export function compileAvroSchema(schema: JsonObject): AvroSchema {
  const text = formatJson(schema)
  const type = avsc.Type.forSchema(JSON.parse(text))
  return {
    text,
    encode: (record) => type.toBuffer(record),
    decode: (bytes, position) => type.decode(asBuffer(bytes), position),
  }
}

/** A value for a field of type `bytes`: the Avro library takes no other form. */
export function avroBytes(bytes: Uint8Array): Uint8Array {
  return asBuffer(bytes)
}

/**
 * An Avro object container file: one block, not compressed. The header carries a checksum of the whole
 * file, because Avro has none.
 */
export function encodeAvroFile(content: AvroContent): Uint8Array {
  const out = new ByteWriter(4096)
  out.append(MAGIC)
  const header = {
    'avro.schema': content.schema.text,
    'avro.codec': 'null',
    ...content.metadata,
    [AVRO_CHECKSUM]: NO_CHECKSUM,
  }
  let checksumAt = 0
  writeLong(out, Object.keys(header).length)
  for (const [key, value] of Object.entries(header)) {
    writeText(out, key)
    writeText(out, value)
    if (key === AVRO_CHECKSUM) checksumAt = out.length - CHECKSUM_DIGITS
  }
  writeLong(out, 0)
  out.append(content.sync)

  if (content.records.length > 0) {
    const block = new ByteWriter(4096)
    for (const record of content.records) block.append(content.schema.encode(record))
    writeLong(out, content.records.length)
    writeLong(out, block.length)
    out.append(block.written())
    out.append(content.sync)
  }

  const file = out.written().slice()
  const checksum = crc32(file).toString(16).padStart(CHECKSUM_DIGITS, '0')
  file.set(encoder.encode(checksum), checksumAt)
  return file
}

/**
 * Reads what `encodeAvroFile` wrote with a schema that is known. Throws a `CorruptionError` for damaged bytes, so
 * the records are those that were written and the library decodes nothing else.
 */
export function decodeAvroFile(bytes: Uint8Array, schemaOf: SchemaOf, file: string): AvroFile {
  const reader = new ByteReader(bytes, file)
  if (!MAGIC.every((byte) => reader.u8() === byte)) throw reader.corrupt('not an Avro file', 0)
  const metadata = readHeader(reader)
  const sync = reader.take(SYNC_BYTES)
  const schema = schemaOf(metadata.get('avro.schema') ?? '')
  if (schema === undefined) {
    throw new MeruError('UNSUPPORTED', `${file}: written with another Avro schema than Meru's`)
  }
  if (metadata.get('avro.codec') !== 'null') {
    throw new MeruError('UNSUPPORTED', `${file}: compressed, which Meru never writes`)
  }
  const records: unknown[] = []
  while (reader.remaining > 0) {
    const count = readLong(reader)
    const block = reader.take(readLong(reader))
    let position = 0
    for (let i = 0; i < count && position < block.length; i++) {
      const { value, offset } = schema.decode(block, position)
      if (offset < 0) break
      records.push(value)
      position = offset
    }
    const isWhole = position === block.length && sameBytes(reader.take(SYNC_BYTES), sync)
    if (!isWhole) throw reader.corrupt('a block that does not end where it says')
  }
  return { schema, metadata, records }
}

/** The schema that a text is of, if it is one of Meru's. */
export type SchemaOf = (text: string) => AvroSchema | undefined

/** Knows schemas by their texts. */
export function oneOf(schemas: readonly AvroSchema[]): SchemaOf {
  return (text) => schemas.find((schema) => schema.text === text)
}

/** A file like another one with other records. */
export function rewriteAvroFile(
  given: {
    readonly bytes: Uint8Array
    readonly file: string
    readonly records: readonly unknown[]
    readonly sync: Uint8Array
  },
  schemaOf: SchemaOf,
): Uint8Array {
  const { schema, metadata } = decodeAvroFile(given.bytes, schemaOf, given.file)
  const own = new Set(['avro.schema', 'avro.codec', AVRO_CHECKSUM])
  const kept = Object.fromEntries([...metadata].filter(([name]) => !own.has(name)))
  return encodeAvroFile({ schema, metadata: kept, records: given.records, sync: given.sync })
}

/** Bytes that separate blocks. */
export function randomSync(env: Environment): Uint8Array {
  const words = Uint32Array.from({ length: 4 }, () => env.random(2 ** 32))
  return new Uint8Array(words.buffer)
}

function readHeader(reader: ByteReader): Map<string, string> {
  const entries = new Map<string, string>()
  let checksumAt: number | undefined
  for (let count = readLong(reader); count !== 0; count = readLong(reader)) {
    if (entries.size + count > HEADER_ENTRIES_MAX) throw reader.corrupt(`a header of ${count} entries`)
    for (let i = 0; i < count; i++) {
      const key = reader.text(readLong(reader))
      const value = reader.text(readLong(reader))
      if (key === AVRO_CHECKSUM) checksumAt = reader.position - value.length
      entries.set(key, value)
    }
  }
  const stored = entries.get(AVRO_CHECKSUM)
  if (checksumAt === undefined || stored?.length !== CHECKSUM_DIGITS) {
    throw new MeruError(
      'UNSUPPORTED',
      `${reader.file}: not written by Meru (no ${AVRO_CHECKSUM} in its header)`,
    )
  }
  const { bytes } = reader
  const before = crc32(bytes, 0, checksumAt)
  const zeros = crc32(encoder.encode(NO_CHECKSUM), 0, CHECKSUM_DIGITS, before)
  const actual = crc32(bytes, checksumAt + CHECKSUM_DIGITS, bytes.length, zeros)
  if (actual.toString(16).padStart(CHECKSUM_DIGITS, '0') !== stored) {
    throw new CorruptionError({ file: reader.file }, `checksum ${stored} expected for the file`)
  }
  return entries
}

function asBuffer(bytes: Uint8Array): Buffer {
  return globalThis.Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Avro's integers are zigzag varints; all that are written here are not negative. */
function writeLong(out: ByteWriter, value: number): void {
  out.varint(value * 2)
}

function readLong(reader: ByteReader): number {
  const value = reader.varint()
  if (value % 2 !== 0) throw reader.corrupt('a negative length')
  return value / 2
}

function writeText(out: ByteWriter, text: string): void {
  const bytes = encoder.encode(text)
  writeLong(out, bytes.length)
  out.append(bytes)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

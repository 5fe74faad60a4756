import { Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { avroBytes, compileAvroSchema, decodeAvroFile, oneOf, encodeAvroFile } from '../src/avro-file.ts'
import { manifestEntrySchema, manifestFileSchema } from '../src/avro-schema.ts'
import { decodeAvro } from '../src/check/avro-decode.ts'

const SCHEMA = compileAvroSchema({
  type: 'record',
  name: 'pair',
  fields: [
    { name: 'id', type: 'long', 'field-id': 7 },
    { name: 'bytes', type: ['null', 'bytes'], default: null, 'field-id': 8 },
  ],
})
const SYNC = Uint8Array.from({ length: 16 }, (_, i) => i)

function encode(records: readonly unknown[]): Uint8Array {
  return encodeAvroFile({ schema: SCHEMA, metadata: { content: 'data' }, records, sync: SYNC })
}

describe('a container file', () => {
  test('gives back its records and metadata', () => {
    const records = [
      { id: 0, bytes: null },
      { id: 2 ** 52, bytes: avroBytes(Uint8Array.of(1, 2)) },
      { id: -5, bytes: avroBytes(new Uint8Array(0)) },
    ]
    const file = decodeAvroFile(encode(records), oneOf([SCHEMA]), 'x.avro')
    expect(file.records).toEqual(records)
    expect(file.metadata.get('content')).toBe('data')
    expect(decodeAvroFile(encode([]), oneOf([SCHEMA]), 'x.avro').records).toEqual([])
  })

  test('is what another reader of the format reads', () => {
    const { records, schema, metadata } = decodeAvro(
      encode([{ id: 300, bytes: avroBytes(Uint8Array.of(9)) }]),
    )
    expect(records).toEqual([{ id: 300n, bytes: Uint8Array.of(9) }])
    expect(schema).toEqual(JSON.parse(SCHEMA.text))
    expect(metadata.get('avro.codec')).toBe('null')
  })

  test('is spelled in these bytes', () => {
    const bytes = Buffer.from(encode([{ id: 1, bytes: null }]))
    const header = Buffer.concat([Buffer.from('Obj\x01'), zigzag(4), zigzag(11), Buffer.from('avro.schema')])
    expect(bytes.subarray(0, header.length)).toEqual(header)
    // The end of the header, its sync marker; one record of two bytes: 1, and the branch null; the marker.
    const end = Buffer.concat([zigzag(0), SYNC, zigzag(1), zigzag(2), zigzag(1), zigzag(0), SYNC])
    expect(bytes.subarray(-end.length)).toEqual(end)
  })

  test('with any bit flipped is corrupt or not ours, never other records', () => {
    const random = new Random(1)
    const whole = encode(Array.from({ length: 20 }, (_, id) => ({ id, bytes: avroBytes(random.bytes(4)) })))
    for (let i = 0; i < whole.length; i++) {
      const damaged = whole.slice()
      damaged[i] ^= 1 << random.below(8)
      expect(() => decodeAvroFile(damaged, oneOf([SCHEMA]), 'x.avro')).toThrow(/x\.avro/)
    }
  })

  test('cut anywhere is corrupt', () => {
    const whole = encode([{ id: 1, bytes: null }])
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeAvroFile(whole.subarray(0, length), oneOf([SCHEMA]), 'x.avro')).toThrow(/x\.avro/)
    }
  })

  test('of another schema is refused', () => {
    const other = compileAvroSchema(manifestFileSchema(2))
    expect(() => decodeAvroFile(encode([]), oneOf([other]), 'x.avro')).toThrow(/another Avro schema/)
  })
})

test('the schemas of Iceberg compile, with their field ids in the text', () => {
  for (const schema of [manifestEntrySchema(2), manifestFileSchema(2)]) {
    expect(compileAvroSchema(schema).text).toMatch(/"field-id":5\d\d|"field-id":1\d\d/)
  }
})

function zigzag(value: number): Buffer {
  return Buffer.from([value * 2])
}

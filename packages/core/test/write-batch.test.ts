import { describe, expect, test } from 'vitest'
import {
  BatchWriter,
  ByteWriter,
  KEY_BYTES_MAX,
  KIND_DELETE,
  KIND_PUT,
  readBatch,
  visitBatch,
} from '../src/index.ts'
import { failureOf } from './failure.ts'
import { Random } from './random.ts'

const where = { file: 'wal/1-1.wal', offset: 4096 }

interface Operation {
  readonly kind: number
  readonly seqno: number
  readonly table: number
  readonly schema: number
  readonly key: string
  readonly value: string
}

function hex(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return Buffer.from(bytes.subarray(start, end)).toString('hex')
}

function operations(payload: Uint8Array): Operation[] {
  const found: Operation[] = []
  readBatch(payload, where, (kind, seqno, table, schema, keyStart, keyEnd, valueStart, valueEnd) => {
    const key = hex(payload, keyStart, keyEnd)
    found.push({ kind, seqno, table, schema, key, value: hex(payload, valueStart, valueEnd) })
  })
  return found
}

/** The same as `visitBatch` gives them. */
function visited(payload: Uint8Array, firstSeqno: number): Operation[] {
  const found: Operation[] = []
  visitBatch(payload, firstSeqno, (kind, seqno, table, schema, keyStart, keyEnd, valueStart, valueEnd) => {
    const key = hex(payload, keyStart, keyEnd)
    found.push({ kind, seqno, table, schema, key, value: hex(payload, valueStart, valueEnd) })
  })
  return found
}

function sample(): Uint8Array {
  const writer = new BatchWriter()
  const row = Uint8Array.of(1, 2, 3, 4, 5)
  writer.put({ id: 3, schemaId: 1 }, row, 0, 2, 2, 5)
  writer.delete({ id: 300, schemaId: 0 }, row, 1, 3)
  writer.put({ id: 3, schemaId: 1 }, row, 0, 1, 1, 1)
  return writer.finish(41).slice()
}

describe('a batch comes back as it was written', () => {
  test('with seqnos in order', () => {
    const payload = sample()
    expect(operations(payload)).toEqual([
      { kind: KIND_PUT, seqno: 41, table: 3, schema: 1, key: '0102', value: '030405' },
      { kind: KIND_DELETE, seqno: 42, table: 300, schema: 0, key: '0203', value: '' },
      { kind: KIND_PUT, seqno: 43, table: 3, schema: 1, key: '01', value: '' },
    ])
    expect(readBatch(payload, where, () => undefined)).toEqual({ firstSeqno: 41, count: 3 })
  })

  test('of any size, from one writer', () => {
    const random = new Random(31)
    const writer = new BatchWriter(16)
    for (let round = 0; round < 200; round++) {
      const firstSeqno = random.pick([1, 2 ** 32, 2 ** 52, round + 1])
      const expected: Operation[] = []
      const count = random.below(20)
      for (let i = 0; i < count; i++) {
        const bytes = random.bytes(1 + random.below(200))
        const keyEnd = 1 + random.below(bytes.length)
        const id = { id: random.pick([0, 127, 128, 4294967295]), schemaId: random.below(300) }
        const kind = random.below(3) === 0 ? KIND_DELETE : KIND_PUT
        if (kind === KIND_PUT) writer.put(id, bytes, 0, keyEnd, keyEnd, bytes.length)
        else writer.delete(id, bytes, 0, keyEnd)
        const value = kind === KIND_PUT ? hex(bytes, keyEnd) : ''
        expected.push({
          kind,
          seqno: firstSeqno + i,
          table: id.id,
          schema: id.schemaId,
          key: hex(bytes, 0, keyEnd),
          value,
        })
      }
      expect(writer.count).toBe(count)
      const length = writer.length
      const payload = writer.finish(firstSeqno)
      expect(payload).toHaveLength(length)
      expect(operations(payload)).toEqual(expected)
      expect(visited(payload, firstSeqno)).toEqual(expected)
    }
  })

  test('encoded in place, whatever lengths follow one another', () => {
    const random = new Random(32)
    const writer = new BatchWriter(16)
    const expected: Operation[] = []
    for (let i = 0; i < 300; i++) {
      const key = random.bytes(random.pick([1, 20, 127, 128, 300]))
      const value = random.bytes(random.pick([0, 5, 127, 128, 16_383, 16_384]))
      const kind = random.below(3) === 0 ? KIND_DELETE : KIND_PUT
      const out = writer.begin(kind, { id: 7, schemaId: 2 })
      out.append(key)
      if (kind === KIND_PUT) out.append(value)
      writer.end(key.length)
      const shown = kind === KIND_PUT ? hex(value) : ''
      expected.push({ kind, seqno: 1 + i, table: 7, schema: 2, key: hex(key), value: shown })
    }
    const payload = writer.finish(1)
    expect(operations(payload)).toEqual(expected)
    expect(visited(payload, 1)).toEqual(expected)
  })

  test('without what was begun and cancelled', () => {
    const writer = new BatchWriter(16)
    const id = { id: 1, schemaId: 0 }
    writer.begin(KIND_PUT, id).append(new Uint8Array(100))
    expect(writer.length).toBe(13)
    expect(failureOf(() => writer.delete(id, Uint8Array.of(9), 0, 1))).toBeInstanceOf(TypeError)
    writer.cancel()
    writer.delete(id, Uint8Array.of(9), 0, 1)
    writer.begin(KIND_PUT, id).append(new Uint8Array(100))
    writer.cancel()
    expect(writer.count).toBe(1)
    const found = operations(writer.finish(5))
    expect(found).toEqual([{ kind: KIND_DELETE, seqno: 5, table: 1, schema: 0, key: '09', value: '' }])
  })

  test('without what was cleared', () => {
    const writer = new BatchWriter()
    writer.delete({ id: 1, schemaId: 0 }, Uint8Array.of(1), 0, 1)
    writer.clear()
    expect(writer.count).toBe(0)
    expect(operations(writer.finish(1))).toEqual([])
  })
})

describe('damaged payloads', () => {
  test('are refused whole: no operation is seen before the last is checked', () => {
    const payload = sample()
    for (let end = 0; end < payload.length; end++) {
      let seen = 0
      const error = failureOf(() => readBatch(payload.subarray(0, end), where, () => seen++))
      expect(error).toMatchObject({ code: 'CORRUPT', file: where.file })
      expect(seen).toBe(0)
    }
  })

  test('are refused or read within their bounds, whichever bits change', () => {
    const payload = sample()
    const wrong: unknown[] = []
    for (let at = 0; at < payload.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const bytes = payload.slice()
        bytes[at] ^= 1 << bit
        const error = failureOf(() =>
          readBatch(bytes, where, (kind, seqno, table, schema, keyStart, keyEnd, valueStart, valueEnd) => {
            const isInside =
              keyStart < keyEnd && keyEnd <= valueStart && valueStart <= valueEnd && valueEnd <= bytes.length
            if (!isInside || kind > 1 || !Number.isSafeInteger(seqno + table + schema)) wrong.push([at, bit])
          }),
        ) as { code?: string } | undefined
        if (error !== undefined && error.code !== 'CORRUPT' && error.code !== 'UNSUPPORTED')
          wrong.push([at, bit, error])
      }
    }
    expect(wrong).toEqual([])
  })

  function payloadOf(build: (out: ByteWriter) => void): Uint8Array {
    const out = new ByteWriter()
    build(out)
    return out.written()
  }

  function header(out: ByteWriter, count: number, firstSeqno = 1): void {
    out.u8(1)
    out.u64(firstSeqno)
    out.u32(count)
  }

  const broken: readonly (readonly [string, (out: ByteWriter) => void, string])[] = [
    ['no version', (out) => out.append(new Uint8Array(13)), 'wal/1-1.wal at byte 4096: batch version 0'],
    ['seqno 0', (out) => header(out, 0, 0), 'at byte 4097: a batch of 0 operations from seqno 0'],
    ['seqnos beyond 2^53', (out) => header(out, 2, Number.MAX_SAFE_INTEGER), 'operations from seqno'],
    [
      'a count beyond the bytes',
      (out) => header(out, 4_000_000_000),
      'at byte 4105: 4000000000 operations in 0 bytes',
    ],
    [
      'bytes left over',
      (out) => (header(out, 0), out.u8(0)),
      'at byte 4109: 1 bytes after the last operation',
    ],
    [
      'an unknown kind',
      (out) => (header(out, 1), out.append(Uint8Array.of(2, 0, 0, 1, 0, 9))),
      'operation kind 2',
    ],
    [
      'an empty key',
      (out) => (header(out, 1), out.append(Uint8Array.of(0, 0, 0, 0, 0, 9))),
      'a key of 0 bytes',
    ],
    [
      'a key too long',
      (out) => {
        header(out, 1)
        out.append(Uint8Array.of(1, 0, 0))
        out.varint(KEY_BYTES_MAX + 1)
        out.append(new Uint8Array(KEY_BYTES_MAX + 1))
      },
      'a key of 65536 bytes',
    ],
    [
      'a value too long',
      (out) => {
        header(out, 1)
        out.append(Uint8Array.of(0, 0, 0, 1))
        out.varint(2 ** 40)
      },
      'a value of 1099511627776 bytes',
    ],
    [
      'a table id too large',
      (out) => {
        header(out, 1)
        out.u8(1)
        out.varint(2 ** 32)
        out.append(Uint8Array.of(0, 1, 9))
      },
      'table 4294967296',
    ],
  ]

  test.each(broken)('%s', (_, build, message) => {
    const error = failureOf(() => readBatch(payloadOf(build), where, () => undefined))
    expect(error).toMatchObject({ code: 'CORRUPT' })
    expect((error as Error).message).toContain(message)
  })

  test('a newer version asks for a newer release', () => {
    const payload = sample()
    payload[0] = 2
    expect(failureOf(() => readBatch(payload, where, () => undefined))).toMatchObject({
      code: 'UNSUPPORTED',
      message: 'wal/1-1.wal at byte 4096: batch version 2, this release reads up to 1',
    })
  })
})

import { RowCodec, type BytesVector, type Vector } from '@meru/core'
import { describe, expect, test } from 'vitest'
import { RowAssembler } from '../src/row-assembler.ts'
import {
  frameBytes,
  frameHeadBytes,
  indexFrame,
  findRow,
  lowerRow,
  rowMemory,
  rowParts,
  type RowParts,
} from '../src/row-page.ts'
import { keyPrefix } from '../src/key-prefix.ts'
import { encodeRows, everyType, everyTypeRows, type Row } from './sample-files.ts'

const codec = RowCodec.compile<Row, unknown>(everyType.name, everyType.schema, everyType.modes)

function parts(): RowParts {
  return { bytes: new Uint8Array(), keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 }
}

describe('rows made of columns', () => {
  const rows = everyTypeRows(31, 150)
  const encoded = encodeRows(everyType, rows)
  const columns: readonly Vector[] = encoded.batch(0, rows.length, 1).columns
  const assembler = new RowAssembler(everyType.schema)
  // What was in its memory before must not be seen.
  assembler.assemble(columns, encoded.keys).fill(0xff)
  const made = assembler.assemble(columns, encoded.keys)
  const bytes = made.length
  const at = 64
  const memory = rowMemory(at + frameBytes(rows.length, bytes))
  const start = at + frameHeadBytes(rows.length)
  memory.bytes.set(made, start)
  indexFrame(memory, { at, rows: rows.length, start, end: start + bytes }, 0, { file: 'f', offset: 0 })

  test('are the bytes that the columns were made of', () => {
    const found = parts()
    rows.forEach((row, i) => {
      rowParts(memory, at, rows.length, i, found)
      expect(found.bytes.slice(found.keyStart, found.keyEnd)).toEqual(bytesAt(encoded.keys, i))
      expect(found.bytes.slice(found.valueStart, found.valueEnd)).toEqual(bytesAt(encoded.values, i))
      expect(
        codec.decodeRow(found.bytes, found.keyStart, found.keyEnd, found.valueStart, found.valueEnd),
      ).toEqual(row)
    })
  })

  test('are found by key, however wrong the guess', () => {
    rows.forEach((_, i) => {
      const key = bytesAt(encoded.keys, i)
      const prefix = keyPrefix(key, 0, key.length)
      const wanted = { bytes: key, start: 0, end: key.length, prefix, isExact: false }
      for (const guess of [-1, 0, i, i + 1, i - 1, 3, 149, 150, 9999, (i * 7) % 150]) {
        expect(lowerRow(memory, at, rows.length, wanted, guess)).toBe(i)
        expect(findRow(memory, at, rows.length, wanted, guess)).toBe(i)
      }
    })
  })

  test('bytes that are no rows are corrupt', () => {
    const frame = { at, rows: rows.length, start, end: start + bytes }
    const where = { file: 'f', offset: 9 }
    expect(() => indexFrame(memory, { ...frame, end: start + bytes - 1 }, 0, where)).toThrow(
      /f at byte 9: row 149/,
    )
    expect(() => indexFrame(memory, { ...frame, rows: 149 }, 0, where)).toThrow(/bytes after the last row/)
    const damaged = rowMemory(memory.bytes.length)
    damaged.bytes.set(memory.bytes)
    damaged.bytes[start + 4] = 0xff
    damaged.bytes[start + 5] = 0x7f
    expect(() => indexFrame(damaged, frame, 0, where)).toThrow(/the key of row 0 is longer/)
  })
})

function bytesAt({ bytes, offsets }: BytesVector, index: number): Uint8Array {
  return bytes.slice(offsets[index], offsets[index + 1])
}

import { describe, expect, test } from 'vitest'
import {
  frameBytes,
  frameHeadBytes,
  indexFrame,
  rowMemory,
  rowParts,
  type RowMemory,
} from '../src/row-page.ts'
import { RowTexts } from '../src/row-texts.ts'

const AT = 16

/** A frame at the end of its memory, of rows with keys of one byte, whose values are the texts. */
function frameOf(texts: readonly string[]): { memory: RowMemory; at: number; rows: number } {
  const encoded = texts.map((text) => new TextEncoder().encode(text))
  const rowBytes = encoded.reduce((sum, { length }) => sum + 4 + 2 + length, 0)
  const rows = texts.length
  const memory = rowMemory(AT + frameBytes(rows, rowBytes))
  const start = AT + frameHeadBytes(rows)
  let to = start
  encoded.forEach((text, i) => {
    memory.bytes.set([text.length + 2, (text.length + 2) >>> 8, (text.length + 2) >>> 16, 0, 1, i], to)
    memory.bytes.set(text, to + 6)
    to += 6 + text.length
  })
  indexFrame(memory, { at: AT, rows, start, end: to }, 0, { file: 'frame', offset: 0 })
  return { memory, at: AT, rows }
}

const short = Array.from({ length: 40 }, (_, i) => (i % 7 === 3 ? `text ${i}: größer` : `text number ${i}`))

describe.each([false, true])('texts of rows, in reverse: %s', (reverse) => {
  test.each([
    ['short rows', short],
    // So that nothing lies behind the last row.
    ['rows that fill their frame', [...short.slice(0, 7), 'eight by itself, whole']],
    ['a row of much text among short ones', short.with(11, 'x'.repeat(200_000))],
    ['rows of much text', Array.from({ length: 6 }, (_, i) => `${i}`.repeat(30_000))],
    ['one row', ['alone']],
  ])('%s', (_, texts) => {
    const frame = frameOf(texts)
    for (const count of [1, 3, 4, 10, 1000]) {
      const rowTexts = new RowTexts()
      const parts = { bytes: frame.memory.bytes, keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 }
      for (let n = 0; n < texts.length; n++) {
        const index = reverse ? texts.length - 1 - n : n
        rowTexts.serve(frame, index, count, reverse)
        rowParts(frame.memory, frame.at, frame.rows, index, parts)
        expect(rowTexts.block.read(parts.valueStart, parts.valueEnd)).toBe(texts[index])
      }
    }
  })
})

test('frames are tried that end with their memory', () => {
  const { memory, at, rows } = frameOf([...short.slice(0, 7), 'eight by itself, whole'])
  expect(at + memory.words[(at >>> 2) + 3 * rows] - 4).toBe(memory.bytes.length)
})

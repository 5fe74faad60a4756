import { describe, expect, test } from 'vitest'
import { placeFiles, type Span } from '../src/ingest-level.ts'

const span = (level: number, min: number, max: number): Span => {
  return { level, minKey: Uint8Array.of(min), maxKey: Uint8Array.of(max) }
}
const place = (incoming: Span[], files: Span[], claims: Span[] = []): number =>
  placeFiles(incoming, { files, claims })

describe('where loaded files go', () => {
  test.each<[what: string, incoming: Span[], files: Span[], level: number]>([
    ['an empty table', [span(0, 1, 9)], [], 6],
    ['beyond the last key', [span(0, 5, 9)], [span(1, 0, 9), span(6, 0, 4)], 6],
    ['between files', [span(0, 3, 4)], [span(6, 0, 2), span(6, 5, 9)], 6],
    ['a border that both have', [span(0, 4, 9)], [span(6, 0, 4)], 5],
    ['over the lowest', [span(0, 5, 9)], [span(6, 0, 9), span(4, 0, 9)], 5],
    ['over several', [span(0, 1, 2), span(0, 5, 9)], [span(6, 0, 9), span(5, 7, 7), span(4, 3, 4)], 4],
    ['over everything', [span(0, 5, 9)], [1, 2, 3, 4, 5, 6].map((level) => span(level, 9, 10)), 0],
  ])('%s', (_, incoming, files, level) => {
    expect(place(incoming, files)).toBe(level)
  })

  test('not where a running compaction may write', () => {
    expect(place([span(0, 5, 9)], [span(6, 0, 4)], [span(6, 3, 6)])).toBe(5)
  })
})

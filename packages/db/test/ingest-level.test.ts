import { describe, expect, test } from 'vitest'
import { placeFiles, type Span } from '../src/ingest-level.ts'

const SETTINGS = {
  l0CompactionFiles: 4,
  l0SlowdownFiles: 8,
  level1BytesTarget: 1000,
  levelRatio: 10,
  deadFractionMax: 0.3,
}

const span = (level: number, min: number, max: number, bytes = 100): Span => {
  return { level, bytes, minKey: Uint8Array.of(min), maxKey: Uint8Array.of(max) }
}
const place = (incoming: Span[], files: Span[], claims: Span[] = []): number =>
  placeFiles(incoming, { files, claims }, SETTINGS)

describe('where loaded files go', () => {
  test.each<[what: string, incoming: Span[], files: Span[], level: number]>([
    ['an empty table: the first level with room for all', [span(0, 1, 9)], [], 1],
    ['an empty table and much to load', [span(0, 1, 4, 9000), span(0, 5, 9, 9000)], [], 3],
    ['beyond the last key: beside the deepest files', [span(0, 5, 9)], [span(1, 0, 9), span(3, 0, 4)], 3],
    ['between deep files', [span(0, 3, 4)], [span(2, 0, 2), span(2, 5, 9)], 2],
    ['a border that both have', [span(0, 4, 9)], [span(1, 0, 4)], 0],
    ['over the deepest, a level above with room', [span(0, 5, 9)], [span(3, 0, 9), span(1, 0, 9)], 2],
    ['over the deepest, no room above', [span(0, 5, 9, 1200)], [span(2, 0, 9)], 0],
    ['over everything, and few', [span(0, 5, 9)], [span(1, 0, 9)], 0],
    [
      'over everything, and so many that writers would wait',
      Array.from({ length: 8 }, (_, i) => span(0, i, i)),
      [span(1, 0, 9)],
      2,
    ],
    [
      'the deepest level that there is cannot be passed',
      Array.from({ length: 8 }, (_, i) => span(0, i, i, 1e9)),
      [span(6, 0, 9)],
      0,
    ],
  ])('%s', (_, incoming, files, level) => {
    expect(place(incoming, files)).toBe(level)
  })

  test('not where a running compaction may write', () => {
    expect(place([span(0, 5, 9)], [span(2, 0, 4)])).toBe(2)
    expect(place([span(0, 5, 9)], [span(2, 0, 4)], [span(2, 3, 6)])).toBe(1)
    expect(place([span(0, 5, 9)], [], [span(1, 3, 6)])).toBe(0)
  })
})

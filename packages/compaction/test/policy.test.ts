import type { SstFile } from '@meru/manifest'
import { describe, expect, test } from 'vitest'
import { fullCompaction, pickJob } from '../src/policy.ts'
import { deadFraction, type LevelSettings, levelBytesTarget, scoreLevels } from '../src/score.ts'

const settings: LevelSettings = {
  l0CompactionFiles: 3,
  level1BytesTarget: 1000,
  levelRatio: 10,
  deadFractionMax: 0.5,
}

function file(id: string, level: number, range: [number, number], more: Partial<SstFile> = {}): SstFile {
  const [min, max] = range
  return {
    id,
    level,
    schemaId: 0,
    rows: 100,
    bytes: 400,
    hash: '',
    minKey: Uint8Array.of(min),
    maxKey: Uint8Array.of(max),
    minSeqno: 1,
    maxSeqno: 1,
    splitOffsets: [],
    columns: [],
    ...more,
  }
}

function dead(cardinality: number): Partial<SstFile> {
  return { dead: { file: 'd', offset: 0, length: 1, cardinality } }
}

describe('scores', () => {
  test('level 0 counts files, deeper levels bytes against a growing target', () => {
    expect(levelBytesTarget(1, settings)).toBe(1000)
    expect(levelBytesTarget(3, settings)).toBe(100_000)
    const scores = scoreLevels([file('a', 0, [0, 9]), file('b', 1, [0, 9], { bytes: 2500 })], settings)
    expect(scores[0]).toEqual({ level: 1, score: 2.5 })
    expect(scores[1]).toEqual({ level: 0, score: 1 / 3 })
  })

  test('the dead share of a file', () => {
    expect(deadFraction(file('a', 1, [0, 1]))).toBe(0)
    expect(deadFraction(file('a', 1, [0, 1], dead(25)))).toBe(0.25)
  })
})

describe('pickJob', () => {
  test('nothing is due in an idle table', () => {
    expect(pickJob([], new Set(), settings)).toBeUndefined()
    expect(pickJob([file('a', 0, [0, 9]), file('b', 1, [0, 9])], new Set(), settings)).toBeUndefined()
  })

  test('a full level 0 goes down with what it overlaps on level 1', () => {
    const files = [
      file('a', 0, [0, 20]),
      file('b', 0, [10, 30]),
      file('c', 0, [5, 6]),
      file('d', 1, [0, 9], { bytes: 300 }),
      file('e', 1, [31, 40], { bytes: 300 }),
      file('f', 1, [30, 30], { bytes: 300 }),
    ]
    expect(pickJob(files, new Set(), settings)).toEqual({
      kind: 'merge',
      inputs: ['a', 'b', 'c', 'd', 'f'],
      outputLevel: 1,
    })
  })

  test('a file below that shares a single key is an input too', () => {
    const upper = [file('a', 0, [10, 20]), file('b', 0, [12, 14]), file('c', 0, [11, 13])]
    const below = [
      file('d', 1, [0, 9], { bytes: 1 }),
      file('e', 1, [10, 10], { bytes: 1 }),
      file('f', 1, [20, 30], { bytes: 1 }),
      file('g', 1, [31, 40], { bytes: 1 }),
    ]
    expect(pickJob([...upper, ...below], new Set(), settings)).toEqual({
      kind: 'merge',
      inputs: ['a', 'b', 'c', 'e', 'f'],
      outputLevel: 1,
    })
  })

  test('a file that overlaps nothing below moves as it is; one with dead rows is rewritten', () => {
    const files = [
      file('a', 1, [0, 9], { bytes: 900 }),
      file('b', 1, [10, 19], { bytes: 900 }),
      file('c', 2, [0, 9]),
    ]
    expect(pickJob(files, new Set(), settings)).toEqual({ kind: 'move', input: 'b', outputLevel: 2 })
    const withDead = [files[0], file('b', 1, [10, 19], { bytes: 900, ...dead(1) }), files[2]]
    expect(pickJob(withDead, new Set(), settings)).toEqual({ kind: 'merge', inputs: ['b'], outputLevel: 2 })
  })

  test('a mostly dead file is rewritten on its level', () => {
    const files = [file('a', 2, [0, 9], dead(51)), file('b', 2, [10, 19], dead(50))]
    expect(pickJob(files, new Set(), settings)).toEqual({ kind: 'merge', inputs: ['a'], outputLevel: 2 })
  })

  test('inputs of running jobs are left alone', () => {
    const files = [file('a', 0, [0, 9]), file('b', 0, [0, 9]), file('c', 0, [0, 9])]
    expect(pickJob(files, new Set(['b']), settings)).toBeUndefined()
    expect(fullCompaction(files, new Set(['b']), 0)).toBeUndefined()
  })
})

describe('fullCompaction', () => {
  test('merges everything into the deepest level in use', () => {
    const files = [file('a', 0, [0, 9]), file('b', 3, [0, 9])]
    expect(fullCompaction(files, new Set(), 0)).toEqual({ kind: 'merge', inputs: ['a', 'b'], outputLevel: 3 })
    expect(fullCompaction([file('a', 0, [0, 9])], new Set(), 0)).toEqual({
      kind: 'merge',
      inputs: ['a'],
      outputLevel: 1,
    })
  })

  test('a compact table stays as it is', () => {
    expect(fullCompaction([], new Set(), 0)).toBeUndefined()
    expect(fullCompaction([file('a', 1, [0, 9]), file('b', 1, [10, 19])], new Set(), 0)).toBeUndefined()
    expect(fullCompaction([file('a', 1, [0, 9], dead(1))], new Set(), 0)).not.toBeUndefined()
    expect(fullCompaction([file('a', 1, [0, 9], { schemaId: 1 })], new Set(), 1)).toBeUndefined()
  })

  test('a compact table of an earlier schema is folded into the later one', () => {
    const files = [file('a', 1, [0, 9], { schemaId: 1 }), file('b', 1, [10, 19])]
    expect(fullCompaction(files, new Set(), 1)).toEqual({
      kind: 'merge',
      inputs: ['a', 'b'],
      outputLevel: 1,
    })
  })
})

import type { SstFile } from '@meru/manifest'
import { describe, expect, test } from 'vitest'
import { conflicts, forcedCompaction, pickJob, type RunningJob } from '../src/policy.ts'
import {
  deadFraction,
  type LevelSettings,
  levelBytesTarget,
  pendingBytes,
  scoreLevels,
} from '../src/score.ts'

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
    expect(pickJob([], [], settings)).toBeUndefined()
    expect(pickJob([file('a', 0, [0, 9]), file('b', 1, [0, 9])], [], settings)).toBeUndefined()
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
    expect(pickJob(files, [], settings)).toEqual({
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
    expect(pickJob([...upper, ...below], [], settings)).toEqual({
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
    expect(pickJob(files, [], settings)).toEqual({ kind: 'move', input: 'b', outputLevel: 2 })
    const withDead = [files[0], file('b', 1, [10, 19], { bytes: 900, ...dead(1) }), files[2]]
    expect(pickJob(withDead, [], settings)).toEqual({ kind: 'merge', inputs: ['b'], outputLevel: 2 })
  })

  test('a mostly dead file is rewritten on its level', () => {
    const files = [file('a', 2, [0, 9], dead(51)), file('b', 2, [10, 19], dead(50))]
    expect(pickJob(files, [], settings)).toEqual({ kind: 'merge', inputs: ['a'], outputLevel: 2 })
  })

  test('inputs of running jobs are left alone', () => {
    const files = [0, 1, 2, 3].map((n) => file(`f${n}`, 0, [10 * n, 10 * n + 5]))
    const running = [job(['f0'], 1, [0, 5])]
    expect(pickJob(files, running, settings)).toMatchObject({ inputs: ['f1', 'f2', 'f3'] })
    expect(pickJob(files, [job(['f0', 'f1'], 1, [0, 15])], settings)).toBeUndefined()
  })

  test('no job writes where the outputs of another may lie', () => {
    const files = [1, 2, 3].map((n) => file(`f${n}`, 0, [10 * n, 10 * n + 5]))
    expect(pickJob(files, [job(['gone'], 1, [35, 40])], settings)).toBeUndefined()
    expect(pickJob(files, [job(['gone'], 1, [36, 40])], settings)).toMatchObject({ outputLevel: 1 })
    expect(pickJob(files, [job(['gone'], 2, [0, 99])], settings)).toMatchObject({ outputLevel: 1 })
    const level1 = [file('a', 1, [0, 9], { bytes: 900 }), file('b', 1, [20, 29], { bytes: 900 })]
    expect(pickJob(level1, [job(['gone'], 2, [5, 6])], settings)).toMatchObject({ input: 'b' })
  })

  test('what is most overdue goes first, by size or by dead rows', () => {
    const overdue = [file('a', 1, [0, 9], { bytes: 1500 }), file('b', 2, [50, 59], dead(99))]
    expect(pickJob(overdue, [], settings)).toMatchObject({ inputs: ['b'] })
    expect(pickJob([file('a', 1, [0, 9], { bytes: 2500 }), overdue[1]], [], settings)).toMatchObject({
      input: 'a',
    })
  })

  test('jobs of several levels and ranges run side by side until nothing is left', () => {
    const files = [
      ...[0, 1, 2].map((n) => file(`new${n}`, 0, [0, 20])),
      file('d', 1, [30, 39], { bytes: 900 }),
      file('e', 1, [40, 49], { bytes: 900 }),
      file('f', 2, [30, 33]),
      file('g', 3, [0, 99], dead(80)),
    ]
    const running: RunningJob[] = []
    for (let picked = pickJob(files, running, settings); picked; picked = pickJob(files, running, settings)) {
      expect(conflicts(picked, files, running)).toBe(false)
      const ids = picked.kind === 'move' ? [picked.input] : picked.inputs
      const inputs = files.filter(({ id }) => ids.includes(id))
      const range = [Math.min(...inputs.map((f) => f.minKey[0])), Math.max(...inputs.map((f) => f.maxKey[0]))]
      running.push(job(ids, picked.outputLevel, range as [number, number]))
    }
    expect(running.map(({ inputs }) => inputs)).toEqual([['e'], ['g'], ['new0', 'new1', 'new2']])
  })
})

function job(inputs: readonly string[], level: number, [min, max]: [number, number]): RunningJob {
  return { inputs, level, minKey: Uint8Array.of(min), maxKey: Uint8Array.of(max) }
}

describe('forcedCompaction', () => {
  test('merges everything into the deepest level in use', () => {
    const files = [file('a', 0, [0, 9]), file('b', 3, [0, 9])]
    expect(forcedCompaction(files, {}, 0)).toEqual({ kind: 'merge', inputs: ['a', 'b'], outputLevel: 3 })
    expect(forcedCompaction([file('a', 0, [0, 9])], {}, 0)).toEqual({
      kind: 'merge',
      inputs: ['a'],
      outputLevel: 1,
    })
  })

  test('a compact table stays as it is', () => {
    expect(forcedCompaction([], {}, 0)).toBeUndefined()
    const compact = [file('a', 1, [0, 9]), file('b', 1, [10, 19])]
    expect(forcedCompaction(compact, {}, 0)).toBeUndefined()
    const withDead = [...compact, file('c', 1, [20, 29], dead(1))]
    expect(forcedCompaction(withDead, {}, 0)).toMatchObject({ inputs: ['a', 'b', 'c'] })
    const all = { lower: Uint8Array.of() }
    expect(forcedCompaction(withDead, all, 0)).toMatchObject({ inputs: ['c'] })
    expect(forcedCompaction([...compact, file('c', 0, [5, 6])], all, 0)).toMatchObject({ inputs: ['c', 'a'] })
  })

  test('files of an earlier schema are folded into the later one', () => {
    const files = [file('a', 1, [0, 9], { schemaId: 1 }), file('b', 1, [10, 19])]
    expect(forcedCompaction(files, {}, 1)).toMatchObject({ inputs: ['a', 'b'], outputLevel: 1 })
    expect(forcedCompaction(files, { lower: Uint8Array.of() }, 1)).toMatchObject({ inputs: ['b'] })
    expect(forcedCompaction([files[0]], {}, 1)).toBeUndefined()
  })

  test('of a span takes the files that touch it, and those that the outputs would overlap', () => {
    const files = [
      file('a', 0, [0, 9]),
      file('b', 1, [5, 25]),
      file('c', 2, [0, 12]),
      file('d', 2, [13, 20]),
      file('e', 2, [26, 30], dead(1)),
    ]
    const inputsOf = (lower?: number, upper?: number): unknown => {
      const span = { lower: lower === undefined ? lower : Uint8Array.of(lower) }
      const end = upper === undefined ? upper : Uint8Array.of(upper)
      const picked = forcedCompaction(files, { ...span, upper: end }, 0)
      return picked?.kind === 'merge' ? picked.inputs : picked
    }
    expect(inputsOf(15, 16)).toEqual(['b', 'c', 'd'])
    expect(inputsOf(undefined, 5)).toEqual(['a', 'c'])
    expect(inputsOf(undefined, 6)).toEqual(['a', 'b', 'c', 'd'])
    expect(inputsOf(26, 27)).toEqual(['e'])
    expect(inputsOf(31)).toBeUndefined()
  })
})

describe('pendingBytes', () => {
  test('is nothing while no level is overdue, and grows with what is', () => {
    const idle = [file('a', 0, [0, 9]), file('b', 1, [0, 9], { bytes: 900 })]
    expect(pendingBytes(idle, settings)).toBe(0)
    const level0 = [...idle, file('c', 0, [0, 9]), file('d', 0, [0, 9])]
    // Level 0 with level 1, and what then is above the target of level 1; nothing is below.
    expect(pendingBytes(level0, settings)).toBe(1200 + 900 + 1100)
    const deep = [file('b', 1, [0, 9], { bytes: 1500 }), file('e', 2, [0, 9], { bytes: 3000 })]
    expect(pendingBytes(deep, settings)).toBe(500 * 3)
  })
})

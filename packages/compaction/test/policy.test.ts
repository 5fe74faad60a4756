import type { SstFile } from '@meru/manifest'
import { describe, expect, test } from 'vitest'
import { pendingBytes, scoreOfLevel0 } from '../src/overdue.ts'
import { conflicts, forcedCompaction, pickJob, type RunningJob } from '../src/policy.ts'
import { deadFraction, LEVEL_MAX, type LevelSettings } from '../src/score.ts'

const settings: LevelSettings = {
  l0CompactionFiles: 3,
  levelRatio: 2,
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

test('level 0 counts files', () => {
  expect(scoreOfLevel0([file('a', 0, [0, 9]), file('b', 1, [0, 9])], settings)).toBe(1 / 3)
})

test('the dead share of a file', () => {
  expect(deadFraction(file('a', 1, [0, 1]))).toBe(0)
  expect(deadFraction(file('a', 1, [0, 1], dead(25)))).toBe(0.25)
})

describe('pickJob', () => {
  test('nothing is due in an idle table', () => {
    expect(pickJob([], [], settings)).toBeUndefined()
    expect(pickJob([file('a', 0, [0, 9]), file('b', 1, [0, 9])], [], settings)).toBeUndefined()
  })

  test('a full level 0 with nothing below goes to the lowest level', () => {
    const files = [0, 1, 2].map((n) => file(`new${n}`, 0, [n, 9]))
    const inputs = ['new0', 'new1', 'new2']
    expect(pickJob(files, [], settings)).toEqual({ kind: 'merge', inputs, outputLevel: LEVEL_MAX })
  })

  test('a file below that shares a single key is an input too', () => {
    const upper = [file('a', 0, [10, 20]), file('b', 0, [12, 14]), file('c', 0, [11, 13])]
    const below = [
      file('d', 1, [0, 9]),
      file('e', 1, [10, 10]),
      file('f', 1, [20, 30]),
      file('g', 1, [31, 40]),
    ]
    expect(pickJob([...upper, ...below], [], settings)).toEqual({
      kind: 'merge',
      inputs: ['a', 'b', 'c', 'e', 'f'],
      outputLevel: 1,
    })
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
    expect(pickJob(files, [job(['gone'], LEVEL_MAX, [35, 40])], settings)).toBeUndefined()
    expect(pickJob(files, [job(['gone'], LEVEL_MAX, [36, 40])], settings)).toBeDefined()
    expect(pickJob(files, [job(['gone'], 2, [0, 99])], settings)).toBeDefined()
  })

  test('what is most overdue goes first, level 0 or dead rows', () => {
    const overdue = [0, 1, 2, 3].map((n) => file(`new${n}`, 0, [0, 9]))
    const mostly = file('b', 2, [50, 59], dead(66))
    expect(pickJob([...overdue, mostly], [], settings)).toMatchObject({
      inputs: ['new0', 'new1', 'new2', 'new3'],
    })
    expect(pickJob([...overdue, { ...mostly, ...dead(67) }], [], settings)).toMatchObject({ inputs: ['b'] })
  })

  test('jobs of several levels and ranges run side by side until nothing is left', () => {
    const files = [
      ...[0, 1, 2].map((n) => file(`new${n}`, 0, [0, 20])),
      file('d', 1, [30, 39]),
      file('e', 1, [40, 49], dead(60)),
      file('f', 2, [30, 33]),
      file('g', 3, [30, 37], dead(80)),
    ]
    const running: RunningJob[] = []
    for (let picked = pickJob(files, running, settings); picked; picked = pickJob(files, running, settings)) {
      expect(conflicts(picked, files, running)).toBe(false)
      const ids = picked.kind === 'move' ? [picked.input] : picked.inputs
      const inputs = files.filter(({ id }) => ids.includes(id))
      const range = [Math.min(...inputs.map((f) => f.minKey[0])), Math.max(...inputs.map((f) => f.maxKey[0]))]
      running.push(job(ids, picked.outputLevel, range as [number, number]))
    }
    expect(running.map(({ inputs }) => inputs)).toEqual([['d', 'f', 'g'], ['e'], ['new0', 'new1', 'new2']])
  })
})

describe('lazy leveling', () => {
  const level0 = [0, 1, 2].map((n) => file(`new${n}`, 0, [n, 90]))
  const lowest = [0, 1, 2].map((n) =>
    file(`low${n}`, LEVEL_MAX, [30 * n, 30 * n + 25], { rows: 300, bytes: 1 }),
  )

  test('level 0 and what is small beside it become one', () => {
    const inputs = ['new0', 'new1', 'new2', 'low0', 'low1']
    const job = { kind: 'merge', inputs, outputLevel: LEVEL_MAX }
    expect(pickJob([...level0, ...lowest.slice(0, 2)], [], settings)).toEqual(job)
  })

  test('what is large beside level 0 is left alone; the outputs are cut where its files begin', () => {
    expect(pickJob([...level0, ...lowest], [], settings)).toEqual({
      kind: 'merge',
      inputs: ['new0', 'new1', 'new2'],
      outputLevel: LEVEL_MAX - 1,
      cuts: [Uint8Array.of(30), Uint8Array.of(60)],
    })
  })

  test('a run goes as deep as it can without passing what it overlaps', () => {
    const run = file('run', 3, [10, 12], { rows: 1, bytes: 1 })
    expect(pickJob([...level0, ...lowest, run], [], settings)).toMatchObject({ outputLevel: 2 })
  })

  test('without a free level files go down, the lowest first', () => {
    const files = [
      ...level0,
      ...lowest.map((low) => ({ ...low, level: 2 })),
      file('run', 1, [5, 6], { rows: 9 }),
    ]
    expect(pickJob(files, [], settings)).toEqual({ kind: 'move', input: 'low0', outputLevel: LEVEL_MAX })
    const lower = files.map((low) => (low.level === 2 ? { ...low, level: LEVEL_MAX } : low))
    expect(pickJob(lower, [], settings)).toEqual({ kind: 'move', input: 'run', outputLevel: LEVEL_MAX - 1 })
  })

  test('where nothing can go down, runs of similar size become one', () => {
    const rows = [300, 600, 1201, 1, 1]
    const runs = rows.map((count, i) => file(`run${i}`, i + 1, [0, 89], { rows: count, bytes: 1 }))
    const wide = lowest.map((low) => ({ ...low, rows: 9000 }))
    expect(pickJob([...level0, ...runs, ...wide], [], settings)).toMatchObject({
      inputs: ['new0', 'new1', 'new2', 'run0', 'run1'],
      outputLevel: 2,
    })
  })

  test('a lowest file is written anew when many rows lie above it, with the files that hold them', () => {
    const above = (rows: number): SstFile[] => [
      file('a', 2, [0, 9], { rows, bytes: 1 }),
      file('b', 4, [5, 20], { rows: 75, bytes: 1 }),
    ]
    expect(pickJob([...above(75), ...lowest], [], settings)).toBeUndefined()
    expect(pickJob([...above(76), ...lowest], [], settings)).toEqual({
      kind: 'merge',
      inputs: ['a', 'b', 'low0'],
      outputLevel: LEVEL_MAX,
    })
  })

  test('files that reach over several lowest files count against all of them', () => {
    const above = (rows: number): SstFile[] => [...lowest, file('a', 2, [5, 35], { rows, bytes: 1 })]
    expect(pickJob(above(300), [], settings)).toBeUndefined()
    expect(pickJob(above(301), [], settings)).toMatchObject({ inputs: ['a', 'low0', 'low1'] })
  })

  test('where nothing can go down and nothing is left, all goes to the lowest of the range', () => {
    const beside = file('deep', 2, [91, 99], { rows: 30_000, bytes: 1 })
    const held = file('held', 1, [50, 95], { rows: 9000, bytes: 1 })
    expect(pickJob([...level0, held, beside], [], settings)).toEqual({
      kind: 'merge',
      inputs: ['new0', 'new1', 'new2', 'held'],
      outputLevel: 1,
    })
  })

  test('a run that reaches beyond level 0 takes along what its outputs would overlap', () => {
    const wide = lowest.map((low) => ({ ...low, rows: 900_000 }))
    const narrow = [0, 1, 2].map((n) => file(`new${n}`, 0, [n, 40]))
    const runs = [1, 2, 3, 4, 5].map((level) =>
      file(`run${level}`, level, [0, 40], { rows: level > 1 ? 9000 : 1 }),
    )
    const reaching = { ...runs[0], maxKey: Uint8Array.of(89) }
    const beyond = file('beyond', 1, [90, 95], { rows: 1 })
    const files = [...narrow, reaching, ...runs.slice(1), beyond, ...wide]
    expect(pickJob(files, [], settings)).toMatchObject({
      inputs: ['new0', 'new1', 'new2', 'run1'],
      outputLevel: 1,
    })
    const second = { ...runs[1], rows: 1 }
    const far = file('far', 2, [60, 80], { rows: 1 })
    const deeper = [...narrow, reaching, second, far, ...runs.slice(2), ...wide]
    expect(pickJob(deeper, [], settings)).toMatchObject({
      inputs: ['new0', 'new1', 'new2', 'run1', 'run2', 'far'],
      outputLevel: 2,
    })
  })

  test('small beside level 0 is what the whole merge takes along', () => {
    const wide = file('wide', 5, [0, 89], { rows: 2, bytes: 1 })
    const narrow = [0, 1, 2].map((n) => file(`new${n}`, 0, [n, 20]))
    expect(pickJob([...narrow, lowest[0], wide], [], settings)).toMatchObject({ outputLevel: LEVEL_MAX })
    const all = lowest.map((low) => ({ ...low, rows: 550 }))
    expect(pickJob([...narrow, ...all, wide], [], settings)).toMatchObject({ outputLevel: 4 })
  })

  test('a file with dead rows goes without what reaches over its neighbors', () => {
    const wide = file('wide', 5, [0, 89], { rows: 2, bytes: 1 })
    const own = file('own', 4, [0, 9], { rows: 2, bytes: 1 })
    const withDead = [{ ...lowest[0], ...dead(151) }, ...lowest.slice(1)]
    expect(pickJob([...withDead, wide, own], [], settings)).toEqual({
      kind: 'merge',
      inputs: ['own', 'low0'],
      outputLevel: LEVEL_MAX,
    })
  })

  test('what another job merges is left out', () => {
    const files = [...lowest, file('a', 2, [0, 9], { rows: 999, bytes: 1 })]
    expect(pickJob(files, [job(['a'], 1, [0, 9])], settings)).toBeUndefined()
  })
})

function job(inputs: readonly string[], level: number, [min, max]: [number, number]): RunningJob {
  return { inputs, level, minKey: Uint8Array.of(min), maxKey: Uint8Array.of(max) }
}

describe('forcedCompaction', () => {
  test('merges everything into the lowest level', () => {
    const inputs = ['a', 'b']
    const files = [file('a', 0, [0, 9]), file('b', 3, [0, 9])]
    expect(forcedCompaction(files, {}, 0)).toEqual({ kind: 'merge', inputs, outputLevel: LEVEL_MAX })
  })

  test('a compact table stays as it is', () => {
    expect(forcedCompaction([], {}, 0)).toBeUndefined()
    const compact = [file('a', LEVEL_MAX, [0, 9]), file('b', LEVEL_MAX, [10, 19])]
    expect(forcedCompaction(compact, {}, 0)).toBeUndefined()
    const withDead = [...compact, file('c', LEVEL_MAX, [20, 29], dead(1))]
    expect(forcedCompaction(withDead, {}, 0)).toMatchObject({ inputs: ['a', 'b', 'c'] })
    const all = { lower: Uint8Array.of() }
    expect(forcedCompaction(withDead, all, 0)).toMatchObject({ inputs: ['c'] })
    expect(forcedCompaction([...compact, file('c', 0, [5, 6])], all, 0)).toMatchObject({ inputs: ['c', 'a'] })
  })

  test('files of an earlier schema are folded into the later one', () => {
    const files = [file('a', LEVEL_MAX, [0, 9], { schemaId: 1 }), file('b', LEVEL_MAX, [10, 19])]
    expect(forcedCompaction(files, {}, 1)).toMatchObject({ inputs: ['a', 'b'], outputLevel: LEVEL_MAX })
    expect(forcedCompaction(files, { lower: Uint8Array.of() }, 1)).toMatchObject({ inputs: ['b'] })
    expect(forcedCompaction([files[0]], {}, 1)).toBeUndefined()
  })

  test('of a span takes the files that touch it, and those that the outputs would overlap', () => {
    const files = [
      file('a', 0, [0, 9]),
      file('b', 1, [5, 25]),
      file('c', LEVEL_MAX, [0, 12]),
      file('d', LEVEL_MAX, [13, 20]),
      file('e', LEVEL_MAX, [26, 30], dead(1)),
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
  const level0 = [0, 1, 2].map((n) => file(`new${n}`, 0, [0, 9]))

  test('is nothing while nothing is overdue', () => {
    expect(pendingBytes([...level0.slice(1), file('b', 1, [0, 9])], settings)).toBe(0)
  })

  test('has what level 0 takes along', () => {
    expect(pendingBytes([...level0, file('b', 1, [0, 9], { rows: 600, bytes: 900 })], settings)).toBe(
      1200 + 900,
    )
    expect(pendingBytes([...level0, file('b', 1, [0, 9], { rows: 601, bytes: 900 })], settings)).toBe(1200)
  })

  test('has files that are to be written anew', () => {
    expect(pendingBytes([file('b', 1, [0, 9], { rows: 51 }), file('c', 2, [0, 9])], settings)).toBe(800)
    expect(pendingBytes([file('b', 1, [0, 9], dead(51))], settings)).toBe(400)
  })

  test('counts no file twice', () => {
    const lowest = [0, 1, 2].map((n) => file(`low${n}`, LEVEL_MAX, [10 * n, 10 * n + 9]))
    expect(pendingBytes([...lowest, file('wide', 2, [0, 29], { rows: 200 })], settings)).toBe(1600)
  })
})

import { Random } from '@meru/testkit'
import { describe, expect, test } from 'vitest'
import { LEVEL_MAX, type LevelSettings } from '../src/score.ts'
import { SimulatedTable, UNIT_ROWS } from './simulated-table.ts'

const settings: LevelSettings = { l0CompactionFiles: 4, levelRatio: 3, deadFractionMax: 0.3 }
const FLUSH_ROWS = 180_000

/** Which keys a flush has, of a table of so many. */
type Workload = (random: Random, count: number, keys: number, flushed: number) => number[]

const pick = (count: number, next: () => number): number[] => Array.from({ length: count }, next)
const firstKeys = (count: number): number[] => Array.from({ length: count }, (_, key) => key)
const everywhere: Workload = (random, count, keys) => pick(count, () => random.below(keys))
const ranges: Workload = (random, count, keys) => {
  const width = Math.max(1, Math.floor(keys / 10 ** (random.below(400) / 100)))
  const from = random.below(keys - width + 1)
  return pick(count, () => from + random.below(width))
}
const hot: Workload = (random, count, keys) =>
  pick(count, () => (random.oneIn(100) ? random.below(keys) : random.below(Math.ceil(keys / 100))))
const atTheEnd: Workload = (random, count, keys, flushed) =>
  pick(count, () => (random.oneIn(100) ? random.below(keys) : keys + flushed * count + random.below(count)))

interface Case {
  readonly name: string
  readonly workload: Workload
  readonly millions: number
  readonly flushes: number
  /** Rows that compactions write for each that is flushed, at most. */
  readonly perRow: number
  /** Millions of rows of the largest job. */
  readonly largest: number
  readonly files: number
  /** Dead rows for each live one. */
  readonly dead: number
}

const CASES: readonly Case[] = [
  {
    name: 'everywhere',
    workload: everywhere,
    millions: 1,
    flushes: 40,
    perRow: 3.5,
    largest: 1.5,
    files: 8,
    dead: 0.5,
  },
  {
    name: 'everywhere',
    workload: everywhere,
    millions: 10,
    flushes: 160,
    perRow: 4.5,
    largest: 4,
    files: 45,
    dead: 0.45,
  },
  {
    name: 'everywhere',
    workload: everywhere,
    millions: 50,
    flushes: 400,
    perRow: 6,
    largest: 18,
    files: 230,
    dead: 0.45,
  },
  {
    name: 'in ranges',
    workload: ranges,
    millions: 20,
    flushes: 300,
    perRow: 3.5,
    largest: 6,
    files: 75,
    dead: 0.35,
  },
  {
    name: 'in one of a hundred',
    workload: hot,
    millions: 20,
    flushes: 300,
    perRow: 1,
    largest: 1.5,
    files: 50,
    dead: 0.1,
  },
  {
    name: 'at the end, few before it',
    workload: atTheEnd,
    millions: 10,
    flushes: 200,
    perRow: 4.5,
    largest: 18,
    files: 35,
    dead: 0.05,
  },
]

describe.each(CASES)('rows $name of $millions million', (given) => {
  test('are written a few times, in jobs and files that stay few and small', () => {
    const { workload, millions, flushes, perRow, largest, files, dead } = given
    const random = new Random(given.name)
    const table = new SimulatedTable(settings)
    const keys = (millions * 1e6) / UNIT_ROWS
    table.load(LEVEL_MAX, firstKeys(keys))
    const found = { files: 0, dead: 0 }
    for (let flushed = 0; flushed < flushes; flushed++) {
      table.flush(workload(random, FLUSH_ROWS / UNIT_ROWS, keys, flushed))
      table.rest()
      found.files = Math.max(found.files, table.files.length)
      found.dead = Math.max(found.dead, table.deadShare)
    }
    const cost = {
      ...found,
      perRow: table.rowsWritten / (flushes * FLUSH_ROWS),
      largest: table.largestJob / 1e6,
    }
    expect(cost.perRow).toBeLessThan(perRow)
    expect(cost.largest).toBeLessThan(largest)
    expect(cost.files).toBeLessThan(files)
    expect(cost.dead).toBeLessThan(dead)
  })
})

test('a run of two rows that reaches over all does not make the table be written anew', () => {
  const table = new SimulatedTable(settings)
  const random = new Random('wide')
  const keys = 50_000
  table.load(LEVEL_MAX, firstKeys(keys))
  table.load(LEVEL_MAX - 1, [0, keys - 1])
  for (let flushed = 0; flushed < 100; flushed++) {
    table.flush(pick(180, () => random.below(keys / 20)))
    table.rest()
  }
  expect(table.largestJob).toBeLessThan(8e6)
})

import { describe, expect, test } from 'vitest'
import { ExpectedTable } from '../src/expected.ts'
import type { Figure } from '../src/meter.ts'
import { rowOf } from '../src/rows.ts'
import { measure } from '../src/workload.ts'
import { memoryEngine, type Fault } from './memory-engine.ts'

const SCALE = { rows: 3000, budgetMs: 10 }

describe('the workload', () => {
  test('reports every operation of an engine, once', async () => {
    const figures: Figure[] = []
    await measure(memoryEngine(), SCALE, (figure) => void figures.push(figure))
    const operations = figures.map((figure) => figure.operation)
    expect(new Set(operations).size).toBe(operations.length)
    expect(operations).toEqual(expect.arrayContaining(['bulk load, ascending', 'getMany(100)', 'open']))
    // It writes no file, so it takes no room.
    const timed = figures.filter(({ operation }) => !/amplification|bytes per row/.test(operation))
    expect(timed.filter(({ value }) => !(value > 0))).toEqual([])
  })

  test.each<Fault>(['forgets a row', 'keeps an old row', 'invents a row', 'loses a row at close'])(
    'refuses an engine that %s',
    async (fault) => {
      await expect(measure(memoryEngine(fault), SCALE, () => undefined)).rejects.toThrow(/memory|row/)
    },
  )

  test('compares every field of a row', () => {
    const expected = new ExpectedTable(10)
    expected.wrote([4], 2)
    const row = rowOf(4, 2)
    expect(() => expected.check(row, 4)).not.toThrow()
    for (const wrong of [{ id: 1 }, { user: 'x' }, { score: -1 }, { payload: 'x' }]) {
      expect(() => expected.check({ ...row, ...wrong }, 4)).toThrow(/row 4 came back/)
    }
    expect(() => expected.check(rowOf(4, 1), 4)).toThrow(/row 4 came back/)
  })
})

test('rows stay the same from run to run', () => {
  expect(rowOf(12_345, 2)).toEqual({
    id: 24_690,
    user: expect.stringMatching(/^user-\d{11}$/) as string,
    score: expect.any(Number) as number,
    payload: expect.stringMatching(/^([a-z]+ )+[0-9a-f]{8}$/) as string,
  })
  expect(rowOf(12_345, 2)).toEqual(rowOf(12_345, 2))
  expect(rowOf(12_345, 2).payload).not.toBe(rowOf(12_345, 1).payload)
})

import { describe, expect, test } from 'vitest'
import { regressions } from '../src/gate.ts'
import { figures } from '../src/peer-page.ts'
import { ratiosTo, ratioToBest } from '../src/ratios.ts'
import { median, percentile, type PeerResults } from '../src/results.ts'
import { growth, type SoakSample } from '../src/soak.ts'
import { readTargets, verdictOf } from '../src/targets.ts'
import { table } from '../src/markdown.ts'

/** Results with the medians given, as `engine: { operation: value }`; "open" is better when smaller. */
function resultsOf(engines: Record<string, Record<string, number>>): PeerResults {
  return {
    circumstances: { date: '', node: '', cpu: '', cores: 2, platform: '', pinning: '' },
    scale: { rows: 1, budgetMs: 1, rounds: 3 },
    engines: Object.entries(engines).map(([name, operations]) => ({
      name,
      version: '1',
      series: Object.entries(operations).map(([operation, value]) => ({
        operation,
        unit: 'x',
        ...(operation === 'open' ? { less: true } : {}),
        values: [value * 2, value, value / 2],
      })),
    })),
    skipped: [],
  }
}

describe('ratios', () => {
  const results = resultsOf({
    meru: { get: 30, open: 8 },
    lmdb: { get: 20, open: 2 },
    duckdb: { get: 5, open: 40 },
    merutable: { get: 100, open: 1 },
  })

  test('are taken to the best other engine, which merutable is not', () => {
    expect(ratioToBest(results, { operation: 'get' })).toMatchObject({ ratio: 1.5, peer: 'lmdb' })
    expect(ratioToBest(results, { operation: 'open' })).toMatchObject({ ratio: 4, peer: 'lmdb', less: true })
  })

  test('are taken to one engine, or to another operation, where a target says so', () => {
    expect(ratioToBest(results, { operation: 'get', peer: 'duckdb' })?.ratio).toBe(6)
    expect(ratioToBest(results, { operation: 'get', against: 'open' })?.ratio).toBe(30 / 40)
    expect(ratioToBest(results, { operation: 'scan' })).toBeUndefined()
    expect(ratiosTo(results, 'merutable').map(({ ratio }) => ratio)).toEqual([0.3, 8])
  })

  test('stand in the table, losing ones too', () => {
    const lines = figures(results).split('\n')
    expect(lines[2]).toBe('| get | x | 30.0 | 20.0 | 5.00 | 100 | 1.50 | 150 % |')
    expect(lines[3]).toContain('| 4.00 (less is better) |')
  })
})

describe('the gate', () => {
  const before = resultsOf({ meru: { get: 30, open: 8 }, lmdb: { get: 20, open: 2 } })

  test('lets a faster machine and small losses pass', () => {
    const after = resultsOf({ meru: { get: 55, open: 4 }, lmdb: { get: 40, open: 1 } })
    expect(regressions(before, after, 0.2)).toEqual([])
  })

  test('names what became worse beside the same peers, whichever way is better', () => {
    const after = resultsOf({ meru: { get: 30, open: 8 }, lmdb: { get: 40, open: 1 } })
    expect(regressions(before, after, 0.2)).toEqual([
      { operation: 'get', before: 1.5, after: 0.75 },
      { operation: 'open', before: 4, after: 8 },
    ])
  })

  test('does not blame us for an engine that only one run had', () => {
    const after = resultsOf({ meru: { get: 30, open: 8 }, lmdb: { get: 20, open: 2 }, duckdb: { get: 900 } })
    expect(regressions(before, after, 0.2)).toEqual([])
  })

  test('needs results of our own', () => {
    expect(() => regressions(before, resultsOf({ lmdb: { get: 1 } }), 0.2)).toThrow(/nothing of meru/)
  })
})

describe('verdicts', () => {
  test.each([
    [1.3, false, 'reached'],
    [1.0, false, 'must'],
    [0.99, false, 'MISSED'],
    [1.3, true, 'MISSED'],
  ])('%d is judged by both bars', (value, less, verdict) => {
    expect(verdictOf(value, less ? { must: 1, reach: 0.5 } : { must: 1, reach: 1.3 }, less)).toBe(verdict)
  })

  test('every bar asks more to reach than it must', () => {
    const wrong = readTargets().peers.filter(({ operation, must, reach }) => {
      const isLess = operation.startsWith('bytes') || operation.startsWith('peak')
      return isLess ? reach >= must : reach <= must
    })
    expect(wrong).toEqual([])
  })

  test('growth is that of the last third over the second', () => {
    const samples = [90, 80, 10, 10, 30, 30].map((rssMebibytes) => ({ rssMebibytes }) as SoakSample)
    expect(growth(samples, 'rssMebibytes')).toBe(3)
  })
})

test('the median of an even number of values is the lower middle one', () => {
  expect(median([4, 1, 3, 2])).toBe(2)
  expect(percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.99)).toBe(10)
})

test('a table has as many cells in the rule as in the head', () => {
  expect(table(['a', 'b'], [['1', '2']])).toBe('| a | b |\n| --- | ---: |\n| 1 | 2 |')
})

import { describe, expect, test } from 'vitest'
import { ENGINES, MERUTABLE } from '../src/engine-list.ts'
import { isDriverBuilt } from '../src/merutable.ts'
import { figures } from '../src/peer-page.ts'
import { comparePeers } from '../src/peers.ts'

const TIMEOUT_MS = 240_000
const SCALE = { rows: 2500, budgetMs: 5 }

/** Operations that every engine has; what they measure is not looked at. */
const EVERYWHERE = [
  'bulk load, ascending',
  'durable put, 64 writers',
  'buffered batches of 1000, random upserts',
  'get, uniform, cold',
  'full scan to row objects',
  'bytes per row after compaction',
  'bytes per row at rest',
  'open',
]

async function expectFigures(engine: string): Promise<void> {
  const lines: string[] = []
  const log = (line: string): void => void lines.push(line)
  const results = await comparePeers({
    scale: SCALE,
    rounds: 1,
    engines: [engine],
    log,
    onRound: () => undefined,
  })
  expect(lines).toHaveLength(1)
  if (results.skipped.length > 0) return
  const operations = results.engines[0].series.map((series) => series.operation)
  expect(operations).toEqual(expect.arrayContaining(EVERYWHERE))
  expect(figures(results).split('\n')).toHaveLength(operations.length + 2)
}

describe('each engine keeps and gives back what the workload writes', () => {
  test.each(Object.keys(ENGINES))('%s', (engine) => expectFigures(engine), TIMEOUT_MS)

  const built = isDriverBuilt()
  const reason = built ? '' : ' (skipped: its driver is not built; `bench --engines merutable` builds it)'
  test.skipIf(!built)(`${MERUTABLE}${reason}`, () => expectFigures(MERUTABLE), TIMEOUT_MS)
})

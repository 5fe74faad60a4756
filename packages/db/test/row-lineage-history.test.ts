import { seedsFromEnvironment } from '@meru/testkit'
import { expect, test } from 'vitest'
import { LineageHistory } from './lineage-history.ts'

const { seeds, operations } = seedsFromEnvironment(process.env, { seeds: 12, operations: 60 })

test.each(seeds)('a row keeps its id and its sequence number while it lives, seed %i', async (seed) => {
  const history = new LineageHistory(seed)
  await history.run(operations)
  expect(history.faults).toEqual([])
  expect(history.compared).toBeGreaterThan(50)
})

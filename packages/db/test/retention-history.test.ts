import { seedsFromEnvironment } from '@meru/testkit'
import { expect, test } from 'vitest'
import { RetentionHistory } from './retention-history.ts'

const { seeds, operations } = seedsFromEnvironment(process.env, { seeds: 10, operations: 60 })

test.each(seeds)('no kept snapshot loses a file, and no file stays for nothing, seed %i', async (seed) => {
  const history = new RetentionHistory(seed)
  await history.run(operations)
  expect(history.faults).toEqual([])
  expect(history.looked).toBeGreaterThan(100)
})

import { expect, test } from 'vitest'
import { replayCommand, seedsFromEnvironment } from '../src/index.ts'

const usual = { seeds: 3, operations: 100 }

test.each([
  [{}, { seeds: [1, 2, 3], operations: 100 }],
  [{ MERU_SEED: '17' }, { seeds: [17], operations: 100 }],
  [
    { MERU_SEED: '17', MERU_SEEDS: '5', MERU_OPS: '9' },
    { seeds: [17], operations: 9 },
  ],
  [{ MERU_SEEDS: '5' }, { seeds: [1, 2, 3, 4, 5], operations: 100 }],
  [
    { MERU_SEED: '', MERU_OPS: '' },
    { seeds: [1, 2, 3], operations: 100 },
  ],
])('%o asks for %o', (variables, effort) => {
  expect(seedsFromEnvironment(variables, usual)).toEqual(effort)
})

test('a variable that is no number is refused', () => {
  for (const text of ['many', '-1', '1.5']) {
    expect(() => seedsFromEnvironment({ MERU_OPS: text }, usual)).toThrow(`MERU_OPS=${text}`)
  }
})

test('the replay line asks for what ran', () => {
  const line = replayCommand('packages/db/test/model.test.ts', 17, 100)
  expect(line).toBe('MERU_SEED=17 MERU_OPS=100 pnpm vitest run packages/db/test/model.test.ts')
})

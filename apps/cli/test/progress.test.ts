import { expect, test } from 'vitest'
import { progressLine } from '../src/progress.ts'
import { formatBytes, formatDuration, formatRate } from '../src/quantity.ts'

test('a line of progress shows the share, the rate and what is left', () => {
  const step = { label: 'importing', total: 200 }
  expect(progressLine(step, { done: 50, count: 3000, milliseconds: 2000 })).toBe(
    `importing  ${'█'.repeat(6)}${'░'.repeat(18)}  25%  1,500 rows/s  6.0 s left`,
  )
  expect(progressLine({ ...step, unit: 'bytes' }, { done: 200, count: 4 << 20, milliseconds: 2000 })).toBe(
    `importing  ${'█'.repeat(24)} 100%  2.0 MiB/s  0.0 s left`,
  )
  expect(progressLine({ label: 'reading' }, { done: 0, count: 0, milliseconds: 0 })).toBe('reading  0 rows/s')
})

test('quantities are short', () => {
  expect([999, 1536, 44 * 1024 * 1024].map(formatBytes)).toEqual(['999 B', '1.5 KiB', '44 MiB'])
  expect([400, 12_300, 185_000].map(formatDuration)).toEqual(['0.4 s', '12 s', '3 min 05 s'])
  expect([formatRate(123_456, 1000), formatRate(5, 1000), formatRate(1, 0)]).toEqual(['123,000', '5', '0'])
})

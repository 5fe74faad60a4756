import { expect, test } from 'vitest'
import { formatMoment, formatTime, parseMoment, parseTimeText } from '../src/moment.ts'

test.each([
  ['2001-01-01T00:47:00', 978_310_020_000_000_000n],
  ['1969-12-31T23:59:59.999999999', -1n],
  ['0001-01-01T00:00:00', -62_135_596_800_000_000_000n],
  ['9999-12-31T23:59:59.5', 253_402_300_799_500_000_000n],
])('%s is read and printed as it is', (text, nanos) => {
  expect(parseMoment(text)?.nanos).toBe(nanos)
  expect(formatMoment(nanos, { hasZone: false })).toBe(text)
})

test('a moment with a zone is printed in UTC', () => {
  const moment = parseMoment('2024-02-29 23:30:00.120-02:00')
  expect(moment?.hasZone).toBe(true)
  expect(formatMoment(moment?.nanos ?? 0n, { hasZone: true })).toBe('2024-03-01T01:30:00.12Z')
})

test.each([
  '2024-13-01T00:00',
  '2024-01-01T24:00',
  '2024-01-01T00:00+24:00',
  '2024-1-1T00:00',
  '2024-01/01T00:00',
])('%s is no moment', (text) => {
  expect(parseMoment(text)).toBeUndefined()
})

test('times of day keep their microseconds', () => {
  for (const text of ['00:00:00', '23:59:59.999999', '06:05:00.25']) {
    expect(formatTime(parseTimeText(text) ?? -1)).toBe(text)
  }
})

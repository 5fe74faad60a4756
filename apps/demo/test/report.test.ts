import { expect, test } from 'vitest'
import { Latency } from '../src/latency.ts'
import { formatBytes, formatMilliseconds, table, WIDTH } from '../src/report.ts'
import { Screen } from '../src/screen.ts'

test('percentiles are of all that was added', () => {
  const latency = new Latency()
  expect(latency.percentile(0.5)).toBe(0)
  for (let i = 1; i <= 200; i++) latency.add(i)
  expect([latency.count, latency.percentile(0.5), latency.percentile(0.99)]).toEqual([200, 101, 199])
})

test('quantities are short', () => {
  expect([0.002, 0.25, 9.999, 12.3].map(formatMilliseconds)).toEqual(['2 µs', '0.25 ms', '10.00 ms', '12 ms'])
  expect([6000, 5_900_000, 99_000_000].map(formatBytes)).toEqual(['6 KiB', '5.6 MiB', '94 MiB'])
})

test('tables are aligned, numbers at the right, and never too wide', () => {
  const lines = table(
    ['name', 'n'],
    [
      ['a', '1'],
      ['x'.repeat(120), '1,234'],
    ],
  )
  expect(lines.every((line) => line.length <= WIDTH)).toBe(true)
  expect(lines[0]).toMatch(/^ {2}name +n$/)
  expect(lines[2]).toMatch(/^ {2}a +1$/)
  expect(lines[3]).toMatch(/^ {2}x+… {2}1,234$/)
})

function streamOf(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  let text = ''
  const stream = { isTTY, write: (part: string) => (text += part) !== '' }
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => text }
}

test.each<[string, boolean, Readonly<Record<string, string>>, boolean]>([
  ['a terminal', true, {}, true],
  ['a terminal under NO_COLOR', true, { NO_COLOR: '1' }, false],
  ['a terminal that cannot', true, { TERM: 'dumb' }, false],
  ['a pipe', false, {}, false],
])('%s', (_what, isTTY, env, hasColour) => {
  const { stream, text } = streamOf(isTTY)
  new Screen(stream, env).verdict('equal', { isGood: true })
  expect(text()).toBe(hasColour ? '\u001b[32mequal\u001b[0m\n' : 'equal\n')
})

test('a line of progress is taken away before anything else is printed', () => {
  const { stream, text } = streamOf(true)
  const screen = new Screen(stream, { NO_COLOR: '1' })
  screen.progress('working')
  screen.line('done')
  expect(text()).toBe('\r\u001b[Kworking\r\u001b[Kdone\n')
})

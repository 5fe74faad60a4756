import type { TableStats } from '@meru/db'
import type { Latency } from './latency.ts'
import type { Answer } from './sql.ts'
import type { Recording } from './workload.ts'

/** No line of the report is longer. */
export const WIDTH = 80

export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** `1 data file`, `2 data files`. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

export function formatBytes(bytes: number): string {
  const mib = bytes / 1048576
  if (mib < 1) return `${(bytes / 1024).toFixed(0)} KiB`
  return mib < 10 ? `${mib.toFixed(1)} MiB` : `${mib.toFixed(0)} MiB`
}

export function formatMilliseconds(milliseconds: number): string {
  if (milliseconds < 0.1) return `${(milliseconds * 1000).toFixed(0)} µs`
  return milliseconds < 10 ? `${milliseconds.toFixed(2)} ms` : `${milliseconds.toFixed(0)} ms`
}

/** Lines of aligned columns; numbers stand at the right. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const isNumeric = (index: number): boolean =>
    rows.length > 0 && rows.every((row) => /^-?[\d,.]*( (KiB|MiB|ms|µs))?$/.test(row[index]))
  const widths = headings.map((heading, index) =>
    Math.max(heading.length, ...rows.map((row) => row[index].length)),
  )
  const spare = WIDTH - 2 - widths.slice(1).reduce((sum, width) => sum + width + 2, 0)
  widths[0] = Math.min(widths[0], Math.max(8, spare))
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, index) => {
      const width = widths[index]
      const text = cell.length > width ? `${cell.slice(0, width - 1)}…` : cell
      return isNumeric(index) ? text.padStart(width) : text.padEnd(width)
    })
    return `  ${padded.join('  ')}`.trimEnd()
  }
  return [line(headings), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)]
}

/** What was written, how fast, and how long callers waited. */
export function workLines({ seconds, recorder, lanes, reader }: Recording): string[] {
  const { ticks, upserts, deletes, samples } = recorder.counts
  const singles = lanes.latency.count
  const rows = upserts + deletes + samples + singles
  const perSecond = (count: number): string => formatCount(count / seconds)
  const timing = (name: string, latency: Latency): string[] => [
    name,
    formatCount(latency.count),
    perSecond(latency.count),
    formatMilliseconds(latency.percentile(0.5)),
    formatMilliseconds(latency.percentile(0.99)),
  ]
  return [
    `  ${formatCount(rows)} rows written in ${seconds.toFixed(1)} s: ${perSecond(rows)} a second, every one durable`,
    `  before its promise resolved. ${formatCount(ticks)} ticks of one batch over both tables:`,
    `  ${formatCount(upserts)} upserts and ${formatCount(deletes)} deletes of processes, ${formatCount(samples)} samples.`,
    '',
    ...table(
      ['what', 'calls', 'per second', 'p50', 'p99'],
      [
        timing(`durable put, ${lanes.lanes.length} at once`, lanes.latency),
        timing('durable batch of a tick', recorder.latency),
        timing('get', reader.gets),
        timing('scan', reader.scans),
      ],
    ),
    '',
    `  ${formatCount(reader.rows)} rows were read meanwhile and compared with what was written: all right.`,
  ]
}

/** The levels of the tables. */
export function shapeLines(tables: readonly TableStats[]): string[] {
  const rows = tables.flatMap(({ name, levels }) =>
    levels.map(({ level, files, bytes, rows: all, deadRows }) => [
      name,
      String(level),
      formatCount(files),
      formatBytes(bytes),
      formatCount(all - deadRows),
      formatCount(deadRows),
    ]),
  )
  return table(['table', 'level', 'files', 'size', 'live rows', 'dead rows'], rows)
}

export function answerLines({ columns, rows }: Answer): string[] {
  return rows.length === 0 ? ['  (no rows)'] : table(columns, rows)
}

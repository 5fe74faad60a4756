import { RowCodec } from '@meru/core'
import { describe, expect, test } from 'vitest'
import type { SstReader } from '../src/sst-reader.ts'
import { everyType, everyTypeRows, openSample, TINY, writeSample, type Row } from './sample-files.ts'
import { seededRandom, type SeededRandom } from './seeded-random.ts'

const codec = RowCodec.compile<Row, unknown>(everyType.name, everyType.schema, everyType.modes)
const ROWS = 600
const OPERATORS = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte'] as const

/** The positions of the rows that match. */
async function matches(reader: SstReader, filter: ReturnType<typeof codec.filter>): Promise<number[]> {
  const { columns } = await reader.readRows(0, ROWS, filter.columnIds)
  return [...filter.matches(columns, ROWS)]
}

/** A condition on one column with a value of the table, or near one. */
function randomCondition(random: SeededRandom, rows: readonly Row[]): object {
  const name = random.pick(everyType.schema.columns.map((column) => column.name))
  const value = random.pick(rows)[name]
  if (value === null || random.oneIn(8)) return { [name]: random.oneIn(2) ? null : { isNull: false } }
  if (typeof value === 'string' && (name === 'text' || name === 'word') && random.oneIn(3)) {
    return { [name]: { prefix: Array.from(value).slice(0, 3).join('') } }
  }
  const condition = { [name]: { [random.pick([...OPERATORS])]: value } }
  return random.oneIn(4) ? { not: condition } : condition
}

describe.each([
  ['level 0', 0],
  ['level 1', 1],
])('statistics of pages, %s', (_, level) => {
  test('leave out no page with a match, and leave out pages', async () => {
    const rows = everyTypeRows(41, ROWS, 4)
    const random = seededRandom(42)
    const reader = await openSample(await writeSample(everyType, rows, { level, layout: TINY }), everyType)
    let left = 0
    for (let round = 0; round < 1500; round++) {
      const where = randomCondition(random, rows)
      const filter = codec.filter(where)
      const from = random.below(ROWS)
      const to = from + 1 + random.below(ROWS - from)
      const ranges = await reader.pages.select(filter, from, to)
      const found = await matches(reader, filter)
      const missed = found.filter(
        (row) => row >= from && row < to && !ranges.some((range) => row >= range.from && row < range.to),
      )
      expect({ where, missed }).toEqual({ where, missed: [] })
      let end = from - 1
      for (const range of ranges) {
        expect([range.from > end, range.from < range.to]).toEqual([true, true])
        end = range.to
      }
      expect(ranges.at(-1)?.to ?? to).toBeLessThanOrEqual(to)
      left += to - from - ranges.reduce((sum, range) => sum + range.to - range.from, 0)
    }
    expect(left).toBeGreaterThan(10_000)
    // The key is ascending, so one value of it is on one page.
    const { tenant, id } = rows[300]
    const one = await reader.pages.select(codec.filter({ tenant, id }), 0, ROWS)
    expect(one.some((range) => range.from <= 300 && range.to > 300)).toBe(true)
    expect(one.reduce((sum, range) => sum + range.to - range.from, 0)).toBeLessThan(ROWS / 10)
    await reader.close()
  })
})

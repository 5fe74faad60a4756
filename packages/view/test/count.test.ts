import { Random, seedsFromEnvironment } from '@meru/testkit'
import { expect, test } from 'vitest'
import { countView, TableVersion, type ReadView } from '../src/index.ts'
import { isInRange, randomRange, randomView } from './random-view.ts'
import { codec, item, items, keyOf, memtableOf, SampleFiles } from './sample-table.ts'

const { schema } = items
const rows = Array.from({ length: 100 }, (_, id) => item('a', id))

/** A file that can no longer be read: what is counted all the same was counted without a read. */
async function closedFile(dead: number[]): Promise<TableVersion> {
  const live = await new SampleFiles().add({ level: 1, rows, dead })
  await live.reader.close()
  return new TableVersion([live])
}

test('a whole table without memtables is counted without a read', async () => {
  const view: ReadView = { memtables: [], version: await closedFile([1, 2, 99]), seqno: 1 }
  expect(await countView(view, { schema })).toBe(97)
  expect(await countView({ ...view, memtables: [memtableOf([])] }, { schema })).toBe(97)
  expect(await countView({ ...view, version: TableVersion.empty }, { schema })).toBe(0)
})

test('memtables replace, add and hide rows', async () => {
  const live = await new SampleFiles().add({ level: 1, rows })
  const memtables = [
    memtableOf([
      { seqno: 5, put: item('a', 7) },
      { seqno: 6, put: item('b', 1) },
      { seqno: 7, delete: { tenant: 'a', id: 8 } },
      { seqno: 8, delete: { tenant: 'c', id: 8 } },
      { seqno: 9, delete: { tenant: 'a', id: 9 } },
    ]),
  ]
  const view: ReadView = { memtables, version: new TableVersion([live]), seqno: 8 }
  expect(await countView(view, { schema })).toBe(100)
  expect(await countView({ ...view, seqno: 9 }, { schema })).toBe(99)
  expect(await countView({ ...view, seqno: 4 }, { schema })).toBe(100)
})

test('a limit and an aborted signal count too', async () => {
  const view: ReadView = { memtables: [], version: await closedFile([1]), seqno: 1 }
  expect(await countView(view, { schema, limit: 10 })).toBe(10)
  expect(await countView(view, { schema, limit: 0 })).toBe(0)
  expect(await countView(view, { schema, limit: 1000 })).toBe(99)
  const lower = keyOf({ tenant: 'a', id: 50 })
  const signal = AbortSignal.abort(new Error('never mind'))
  await expect(countView(view, { schema, lower, signal })).rejects.toThrow('never mind')
})

test.each(seedsFromEnvironment(process.env, { seeds: 30, operations: 4 }).seeds)(
  'seed %i counts the rows of the model',
  async (seed) => {
    const random = new Random(`count ${seed}`)
    const { view, rows: all, keys } = await randomView(random)
    expect(await countView(view, { schema })).toBe(all.length)
    for (let n = 0; n < 4; n++) {
      const range = randomRange(random, keys)
      const expected = all.filter((row) => isInRange(row, range)).length
      expect(await countView(view, { schema, ...codec.encodeRange(range) })).toBe(expected)
    }
  },
)

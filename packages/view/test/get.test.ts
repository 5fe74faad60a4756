import { describe, expect, test } from 'vitest'
import {
  findRow,
  IN_MEMTABLE,
  IN_SST,
  NEEDS_PAGE,
  NOT_FOUND,
  RowHit,
  TableVersion,
  type ReadView,
} from '../src/index.ts'
import { codec, item, keyOf, memtableOf, SampleFiles, type Item, type ItemKey } from './sample-table.ts'

const ALL = codec.all

function emptyView(parts: Partial<ReadView>): ReadView {
  return { memtables: [], version: TableVersion.empty, seqno: 1000, ...parts }
}

interface Found {
  answer: number
  row: Item | undefined
  /** Times that a page was missing. */
  misses: number
}

/** Looks a key up as the engine does: loads what is missing and asks again. */
async function get(view: ReadView, key: ItemKey, options: { sync?: boolean } = {}): Promise<Found> {
  const bytes = keyOf(key)
  const hit = new RowHit()
  for (let misses = 0; misses < 50; misses++) {
    const answer = findRow(view, bytes, 0, bytes.length, ALL.columnIds, hit)
    if (answer !== NEEDS_PAGE) return { answer, row: rowOf(answer, hit), misses }
    const load = options.sync === true ? hit.reader?.loadMissingSync() : hit.load()
    if (load !== undefined) await load
  }
  throw new Error('the search does not end')
}

function rowOf(answer: number, hit: RowHit): Item | undefined {
  if (answer === IN_MEMTABLE) {
    const { bytes, keyStart, keyEnd, valueStart, valueEnd } = hit.entry
    return codec.decodeRow(bytes, keyStart, keyEnd, valueStart, valueEnd, ALL)
  }
  if (answer !== IN_SST || hit.row === undefined) return undefined
  const { bytes, keyStart, keyEnd, valueStart, valueEnd, vectors, index } = hit.row
  if (bytes.length === 0) return codec.rowAt(vectors, index, ALL)
  return codec.decodeRow(bytes, keyStart, keyEnd, valueStart, valueEnd, ALL)
}

const key = { tenant: 'a', id: 1 }
const rows = (count: number, from = 0): Item[] => Array.from({ length: count }, (_, i) => item('a', from + i))

describe('memtables', () => {
  test('an empty table has no rows', async () => {
    expect(await get(emptyView({}), key)).toEqual({ answer: NOT_FOUND, row: undefined, misses: 0 })
  })

  test('the newest memtable that knows the key decides', async () => {
    const memtables = [
      memtableOf([{ seqno: 5, put: item('a', 2) }]),
      memtableOf([{ seqno: 4, put: item('a', 1, 'newer') }]),
      memtableOf([{ seqno: 3, put: item('a', 1, 'older') }]),
    ]
    expect(await get(emptyView({ memtables }), key)).toMatchObject({
      answer: IN_MEMTABLE,
      row: { note: 'newer' },
    })
  })

  test('a version above the seqno of the view is not seen, in any memtable', async () => {
    const memtables = [
      memtableOf([{ seqno: 9, put: item('a', 1, 'later') }]),
      memtableOf([
        { seqno: 3, put: item('a', 1, 'first') },
        { seqno: 6, delete: key },
        { seqno: 7, put: item('a', 1, 'second') },
      ]),
    ]
    const noteAt = async (seqno: number): Promise<string | null | undefined> =>
      (await get(emptyView({ memtables, seqno }), key)).row?.note
    const seen = [2, 3, 5, 6, 7, 8, 9].map((seqno) => noteAt(seqno))
    expect(await Promise.all(seen)).toEqual([
      undefined,
      'first',
      'first',
      undefined,
      'second',
      'second',
      'later',
    ])
  })

  test('a delete hides what lies below, until the row is put again', async () => {
    const live = await new SampleFiles().add({ level: 0, rows: rows(3) })
    const version = new TableVersion([live])
    const older = memtableOf([{ seqno: 10, put: item('a', 1, 'older') }])
    const deleted = memtableOf([{ seqno: 11, delete: key }])
    const again = memtableOf([{ seqno: 12, put: item('a', 1, 'again') }])
    expect((await get(emptyView({ version }), key)).row).toEqual(item('a', 1))
    expect((await get(emptyView({ version, memtables: [deleted] }), key)).answer).toBe(NOT_FOUND)
    expect((await get(emptyView({ version, memtables: [deleted, older] }), key)).answer).toBe(NOT_FOUND)
    const view = emptyView({ version, memtables: [again, deleted, older] })
    expect((await get(view, key)).row?.note).toBe('again')
  })
})

describe('SSTs', () => {
  test('a row is found on whatever level its live position is', async () => {
    const files = new SampleFiles()
    const version = new TableVersion([
      await files.add({ level: 0, rows: rows(30), dead: [1, 2, 3], seqno: 500 }),
      await files.add({ level: 0, rows: [item('a', 1, 'level 0'), item('a', 2)], dead: [1], seqno: 400 }),
      await files.add({ level: 2, rows: rows(10), dead: [0, 1, 3, 4, 5, 6, 7, 8, 9] }),
      await files.add({ level: 2, rows: [item('b', 7)] }),
      await files.add({ level: 5, rows: [item('a', 3, 'level 5')] }),
    ])
    const found = async (tenant: string, id: number): Promise<string | null | undefined> =>
      (await get(emptyView({ version }), { tenant, id })).row?.note
    expect(await found('a', 0)).toBe('a0')
    expect(await found('a', 1)).toBe('level 0')
    expect(await found('a', 2)).toBe('a2')
    expect(await found('a', 3)).toBe('level 5')
    expect(await found('b', 7)).toBe('b7')
    expect(await found('b', 6)).toBeUndefined()
    expect(await found('z', 0)).toBeUndefined()
  })

  test('a dead position is as if the row were not there', async () => {
    const files = new SampleFiles()
    for (const level of [0, 1]) {
      const version = new TableVersion([await files.add({ level, rows: rows(40), dead: [0, 17, 39] })])
      for (let id = 0; id < 40; id++) {
        const { answer } = await get(emptyView({ version }), { tenant: 'a', id })
        expect(answer).toBe([0, 17, 39].includes(id) ? NOT_FOUND : IN_SST)
      }
    }
  })

  test('presence alone needs no page of columns', async () => {
    const live = await new SampleFiles().add({ level: 1, rows: rows(40) })
    const view = emptyView({ version: new TableVersion([live]) })
    const bytes = keyOf({ tenant: 'a', id: 9 })
    const hit = new RowHit()
    expect(findRow(view, bytes, 0, bytes.length, undefined, hit)).toBe(NEEDS_PAGE)
    await hit.load()
    expect(findRow(view, bytes, 0, bytes.length, undefined, hit)).toBe(IN_SST)
    const columns = new RowHit()
    expect(findRow(view, bytes, 0, bytes.length, ALL.columnIds, columns)).toBe(NEEDS_PAGE)
  })
})

describe('missing pages', () => {
  test('are loaded once; then answers come at once', async () => {
    const files = new SampleFiles()
    const version = new TableVersion([
      await files.add({ level: 0, rows: rows(50), dead: [1], seqno: 90 }),
      await files.add({ level: 1, rows: rows(50, 1) }),
    ])
    const view = emptyView({ version })
    const first = await get(view, key)
    expect(first).toEqual({ answer: IN_SST, row: item('a', 1), misses: 3 })
    expect(await get(view, key)).toEqual({ ...first, misses: 0 })
  })

  test.each([{ sync: true }, { sync: false }])(
    'a cache without room still serves every read: %j',
    async (how) => {
      const files = new SampleFiles({ cacheBytes: 0 })
      const live = await Promise.all(
        [0, 1, 2, 3].map((n) => {
          const dead = Array.from({ length: 40 }, (_, i) => i).filter((i) => i % 4 !== n)
          return files.add({ level: n < 2 ? 0 : n, rows: rows(40), dead, seqno: 100 * (4 - n) })
        }),
      )
      const view = emptyView({ version: new TableVersion(live) })
      for (let id = 0; id < 40; id++) {
        const { row, misses } = await get(view, { tenant: 'a', id }, how)
        expect(row).toEqual(item('a', id))
        // At most the page of keys and those of the columns, in each file.
        expect(misses).toBeLessThanOrEqual(2 * 4)
      }
    },
  )

  test.each([0, 1, 2])('searches side by side end, however small the cache: level %i', async (level) => {
    const files = new SampleFiles({ cacheBytes: 0 })
    const all = rows(400)
    const view = emptyView({ version: new TableVersion([await files.add({ level, rows: all })]) })
    // They go on in one rhythm, so that each finds its page put out by the others.
    const found = await Promise.all(all.filter((_, i) => i % 7 === 0).map((row) => get(view, row)))
    expect(found.map(({ row }) => row)).toEqual(all.filter((_, i) => i % 7 === 0))
  })

  test('asking again goes on at the file where the page was missing', async () => {
    const files = new SampleFiles()
    const level0 = await files.add({ level: 0, rows: rows(9), dead: [1], seqno: 50 })
    const level1 = await files.add({ level: 1, rows: rows(9) })
    const view = emptyView({ version: new TableVersion([level0, level1]) })
    const bytes = keyOf(key)
    const hit = new RowHit()
    expect(findRow(view, bytes, 0, bytes.length, ALL.columnIds, hit)).toBe(NEEDS_PAGE)
    expect([hit.passed, hit.reader]).toEqual([0, level0.reader])
    await hit.load()
    expect(findRow(view, bytes, 0, bytes.length, ALL.columnIds, hit)).toBe(NEEDS_PAGE)
    expect([hit.passed, hit.reader]).toEqual([1, level1.reader])
  })
})

test('random keys in random places are found as they were put', async () => {
  const files = new SampleFiles({ cacheBytes: 3000 })
  const all = rows(200)
  const placeOf = (id: number): number => (id * 7 + (id >> 3)) % 5
  const live = await Promise.all(
    [0, 1, 2, 3].map((place) => {
      const dead = all.flatMap((row, position) => (placeOf(row.id) === place ? [] : [position]))
      return files.add({ level: [0, 0, 1, 3][place], rows: all, dead, seqno: 1000 - 200 * place })
    }),
  )
  const view = emptyView({ version: new TableVersion(live) })
  for (const row of all) {
    const { answer } = await get(view, row)
    expect([row.id, answer]).toEqual([row.id, placeOf(row.id) === 4 ? NOT_FOUND : IN_SST])
  }
})

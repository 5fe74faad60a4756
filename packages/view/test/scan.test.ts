import { MemoryFs } from '@meru/fs'
import { FaultyFs, Random, seedsFromEnvironment } from '@meru/testkit'
import { describe, expect, test, vi } from 'vitest'
import { RowPieces, scanView, TableVersion, type ReadView, type ScanRequest } from '../src/index.ts'
import { isInRange, randomRange, randomView } from './random-view.ts'
import { codec, item, items, keyOf, memtableOf, SampleFiles, type Item } from './sample-table.ts'

const { schema } = items
const names = schema.columns.map((column) => column.name)

interface Query extends Omit<ScanRequest, 'schema' | 'columnIds'> {
  readonly select?: readonly string[]
}

/** The rows of a scan; counts stand for them where no column is selected. */
async function scan(view: ReadView, query: Query = {}): Promise<Item[]> {
  const selection = codec.select(query.select)
  const rows: Item[] = []
  for await (const batch of scanView(view, { ...query, schema, columnIds: selection.columnIds })) {
    expect(batch.length).toBeGreaterThan(0)
    expect(batch.columnIds).toEqual(selection.columnIds)
    expect(batch.columns.map((column) => column.length)).toEqual(selection.columnIds.map(() => batch.length))
    rows.push(...codec.rowsOf(batch.columns, 0, batch.length, selection))
  }
  expect(await pieces(view, query)).toEqual(rows)
  return rows
}

/** The same in pieces of row objects. */
async function pieces(view: ReadView, query: Query): Promise<Item[]> {
  const selection = codec.select(query.select)
  const request = { ...query, schema, columnIds: selection.columnIds }
  const source = new RowPieces(view, request, codec, selection)
  const rows: Item[] = []
  for (;;) {
    const piece = await source.next()
    if (piece === undefined) break
    expect(piece.length).toBeGreaterThan(0)
    rows.push(...piece)
    expect(source.taken).toBe(rows.length)
  }
  expect(source.isDone).toBe(true)
  return rows
}

/** Rows of a scan that reads no column. */
async function countBatches(view: ReadView, query: Query): Promise<number> {
  let rows = 0
  for await (const batch of scanView(view, { ...query, schema, columnIds: [] })) {
    expect(batch.columns).toEqual([])
    rows += batch.length
  }
  return rows
}

function viewOf(parts: Partial<ReadView>): ReadView {
  return { memtables: [], version: TableVersion.empty, seqno: 1000, ...parts }
}

const rows = (count: number, from = 0): Item[] => Array.from({ length: count }, (_, i) => item('a', from + i))

describe('random views', () => {
  const { seeds } = seedsFromEnvironment(process.env, { seeds: 30, operations: 8 })
  test.each(seeds)('seed %i shows the rows of the model in every way to scan', async (seed) => {
    const random = new Random(seed)
    const { view, rows: all, keys } = await randomView(random)
    expect(await scan(view)).toEqual(all)
    for (let n = 0; n < 8; n++) {
      const range = randomRange(random, keys)
      const reverse = random.oneIn(2)
      const limit = random.oneIn(2) ? undefined : random.below(random.pick([3, 200, 3000]))
      const select = random.oneIn(3) ? undefined : random.shuffle(names).slice(random.below(names.length))
      const inRange = all.filter((row) => isInRange(row, range))
      const inOrder = reverse ? inRange.toReversed() : inRange
      const chosen = select ?? names
      const expected = inOrder
        .slice(0, limit)
        .map((row) => Object.fromEntries(chosen.map((name) => [name, row[name as keyof Item]])))
      const query = { ...codec.encodeRange(range), reverse, limit, ...(select && { select }) }
      const condition = randomCondition(random, all)
      const matching = inOrder.filter((row) => condition.holds(row)).slice(0, limit)
      const filtered = { ...query, filter: codec.filter(condition.where) }
      expect(await scan(view, filtered)).toEqual(
        matching.map((row) => Object.fromEntries(chosen.map((name) => [name, row[name as keyof Item]]))),
      )
      expect(await countBatches(view, filtered)).toBe(matching.length)
      expect(await scan(view, query)).toEqual(expected)
      expect(await countBatches(view, query)).toBe(expected.length)
    }
  })
})

interface Condition {
  readonly where: object
  /** True, false, or neither. */
  readonly holds: (row: Item) => boolean | undefined
}

/** A `where`, and what it means for a row. */
function randomCondition(random: Random, all: readonly Item[], depth = 0): Condition {
  const sample = all.length === 0 ? item('a', 1) : random.pick(all)
  const parts = (): Condition[] =>
    Array.from({ length: random.below(3) }, () => randomCondition(random, all, depth + 1))
  const kind = random.below(depth < 2 ? 7 : 4)
  switch (kind) {
    case 0: {
      const score = random.pick([sample.score, sample.score + 1e-9, 0.5])
      return { where: { score: { gte: score } }, holds: (row) => row.score >= score }
    }
    case 1: {
      const { note } = sample
      if (note === null) return { where: { note: null }, holds: (row) => row.note === null }
      return {
        where: { note: { lt: note } },
        holds: (row) => (row.note === null ? undefined : row.note < note),
      }
    }
    case 2:
      return {
        where: { tenant: sample.tenant, id: { ne: 3 } },
        holds: (row) => row.tenant === sample.tenant && row.id !== 3,
      }
    case 3: {
      const prefix = 'note 1'
      return { where: { note: { prefix } }, holds: (row) => row.note?.startsWith(prefix) }
    }
    case 4: {
      const { where, holds } = randomCondition(random, all, depth + 1)
      return {
        where: { not: where },
        holds: (row) => (holds(row) === undefined ? undefined : holds(row) === false),
      }
    }
    default: {
      const all = parts()
      const decides = kind === 6
      const holds = (row: Item): boolean | undefined => {
        const results = all.map((part) => part.holds(row))
        return results.includes(decides) ? decides : results.includes(undefined) ? undefined : !decides
      }
      return { where: { [decides ? 'or' : 'and']: all.map((part) => part.where) }, holds }
    }
  }
}

describe('one source alone', () => {
  const writes = [
    { seqno: 1, delete: { tenant: 'a', id: 0 } },
    { seqno: 2, put: item('a', 1) },
    { seqno: 3, delete: { tenant: 'a', id: 2 } },
    { seqno: 4, put: item('a', 3) },
    { seqno: 5, put: item('a', 4) },
  ]
  test.each([
    { name: 'a memtable', memtables: [memtableOf(writes)], level: undefined },
    { name: 'two memtables', memtables: [memtableOf(writes.slice(2)), memtableOf(writes.slice(0, 2))] },
    { name: 'a file of level 0', level: 0 },
    { name: 'a deeper file', level: 3 },
  ])('$name, forwards and backwards', async ({ memtables = [], level }) => {
    const shape = { rows: rows(5), dead: [0, 2] }
    const live = level === undefined ? [] : [await new SampleFiles().add({ ...shape, level })]
    const view = viewOf({ memtables, version: new TableVersion(live) })
    const expected = [item('a', 1), item('a', 3), item('a', 4)]
    expect(await scan(view)).toEqual(expected)
    expect(await scan(view, { reverse: true })).toEqual(expected.toReversed())
    expect(await scan(view, { reverse: true, limit: 2 })).toEqual(expected.toReversed().slice(0, 2))
    expect(await countBatches(view, { reverse: true })).toBe(3)
  })
})

test.each([
  { level: 0, cacheBytes: 0 },
  { level: 0, cacheBytes: 1 << 20 },
  { level: 2, cacheBytes: 0 },
  { level: 2, cacheBytes: 1 << 20 },
])('every range of one file, whatever the page cache and the columns: %j', async ({ level, cacheBytes }) => {
  const dead = [0, 3, 8, 9, 10, 11, 12, 13, 14, 15, 29]
  // Notes are most of the row, so that a scan without them is one of few columns.
  const wide = rows(30).map((row) => ({ ...row, note: `${row.id} `.repeat(200) }))
  const live = await new SampleFiles({ cacheBytes }).add({ level, rows: wide, dead })
  const view = viewOf({ version: new TableVersion([live]) })
  for (let from = 0; from < 30; from++) {
    for (let to = from; to <= 30; to += 1 + (from % 3)) {
      const range = { lower: keyOf({ tenant: 'a', id: from }), upper: keyOf({ tenant: 'a', id: to }) }
      const query = { ...range, reverse: (from + to) % 2 === 0 }
      const expected = wide.filter(({ id }) => id >= from && id < to && !dead.includes(id))
      if (query.reverse) expected.reverse()
      expect(await scan(view, query)).toEqual(expected)
      expect(await scan(view, { ...query, select: ['id'] })).toEqual(expected.map(({ id }) => ({ id })))
    }
  }
})

describe('long scans', () => {
  test('chunks grow, and nothing is lost where they end', async () => {
    const files = new SampleFiles()
    const even = rows(20_000).filter((row) => row.id % 2 === 0)
    const odd = rows(20_000).filter((row) => row.id % 2 === 1)
    const version = new TableVersion([
      await files.add({ level: 0, rows: odd, seqno: 50_000 }),
      await files.add({ level: 1, rows: even.slice(0, 4000) }),
      await files.add({ level: 1, rows: even.slice(4000) }),
    ])
    const lengths: number[] = []
    let next = 0
    for await (const batch of scanView(viewOf({ version }), { schema, columnIds: [11] })) {
      const [ids] = batch.columns
      lengths.push(batch.length)
      if (ids.physical === 'i32') for (const id of ids.values) if (id === next) next++
    }
    expect(next).toBe(20_000)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(8192)
    expect(lengths[0]).toBeLessThanOrEqual(256)
    const backwards = await scan(viewOf({ version }), { reverse: true, select: ['id'] })
    expect(backwards.map(({ id }) => 19_999 - id)).toEqual(Array.from({ length: 20_000 }, (_, i) => i))
  })

  test.each([true, false])('one file is read in few, growing chunks; reverse: %s', async (reverse) => {
    const live = await new SampleFiles().add({ level: 1, rows: rows(20_000) })
    const request = { schema, columnIds: [11], reverse }
    const lengths: number[] = []
    const version = new TableVersion([live])
    for await (const batch of scanView(viewOf({ version }), request)) lengths.push(batch.length)
    expect(lengths).toEqual([128, 256, 512, 1024, 2048, 4096, 8192, 3744])
  })

  test('a memtable of deletions alone hides whole chunks', async () => {
    const live = await new SampleFiles().add({ level: 1, rows: rows(3000) })
    const version = new TableVersion([live])
    const deletes = Array.from({ length: 2999 }, (_, id) => ({ seqno: 1 + id, delete: { tenant: 'a', id } }))
    const view = viewOf({ version, memtables: [memtableOf(deletes)], seqno: 5000 })
    expect(await scan(view)).toEqual([item('a', 2999)])
    expect(await scan(view, { reverse: true })).toEqual([item('a', 2999)])
    expect(await scan({ ...view, version: TableVersion.empty })).toEqual([])
  })
})

describe('rows of pages in memory', () => {
  const load = async (level: number): Promise<ReadView> => {
    const view = viewOf({
      version: new TableVersion([await new SampleFiles().add({ level, rows: rows(3000) })]),
    })
    await pieces(view, { limit: 200 })
    return view
  }
  test.each([0, 1])('come without a promise, those of level %i too', async (level) => {
    const view = await load(level)
    const selection = codec.all
    const request = { schema, columnIds: selection.columnIds, limit: 100 }
    const source = new RowPieces(view, request, codec, selection)
    expect(source.next()).toEqual(rows(100))
    expect(source.isDone).toBe(true)
    const memtables = [memtableOf([{ seqno: 5, put: item('a', -1) }])]
    const merged = new RowPieces({ ...view, memtables }, { ...request, limit: 2 }, codec, selection)
    expect(merged.next()).toEqual([item('a', -1), item('a', 0)])
  })

  describe.each([false, true])('in reverse: %s', (reverse) => {
    const notes = ['plain', 'naïve', null, '', 'a note that is longer than the others']
    const all = rows(400).map((row, i) => ({ ...row, note: notes[i % notes.length] }))
    const dead = [0, 7, 8, 9, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 57, 59, 61, 200, 399]
    const expected = all.filter((_, i) => !dead.includes(i))
    if (reverse) expected.reverse()

    test.each([1, 2, 3, 4, 100, 400])(
      'by column or by row, pieces of %i rows are the same',
      async (limit) => {
        const view = viewOf({
          version: new TableVersion([await new SampleFiles().add({ level: 1, rows: all, dead })]),
        })
        expect(await pieces(view, { reverse })).toEqual(expected)
        const decodeRow = vi.spyOn(codec, 'decodeRow')
        try {
          expect(await pieces(view, { reverse, limit })).toEqual(expected.slice(0, limit))
          const lower = keyOf(all[35])
          const inRange = expected.filter(({ id }) => id >= 35)
          expect(await pieces(view, { reverse, limit, lower })).toEqual(inRange.slice(0, limit))
          expect(decodeRow.mock.calls.length).toBeGreaterThan(limit)
          await scan(view, { reverse })
          decodeRow.mockClear()
          expect(await pieces(view, { reverse, limit })).toEqual(expected.slice(0, limit))
          expect(await pieces(view, { reverse, limit, lower })).toEqual(inRange.slice(0, limit))
          const narrow = expected.slice(0, limit).map(({ note }) => ({ note }))
          expect(await pieces(view, { reverse, limit, select: ['note'] })).toEqual(narrow)
          // The last few of a piece come one by one.
          expect(decodeRow.mock.calls.length).toBeLessThan(limit > 4 ? 20 : 13)
        } finally {
          decodeRow.mockRestore()
        }
      },
    )
  })

  test('a scan goes on by column after a piece that was made by row', async () => {
    const view = await load(1)
    const source = new RowPieces(view, { schema, columnIds: codec.all.columnIds }, codec, codec.all)
    const first = await source.next()
    expect(first).toEqual(rows(128))
    await scan(view, { upper: keyOf(item('a', 400)) })
    expect(source.next()).toEqual(rows(256, 128))
  })

  test('a long scan of pages that are not in memory goes on by column', async () => {
    const version = new TableVersion([await new SampleFiles().add({ level: 1, rows: rows(9000) })])
    const request = { schema, columnIds: codec.all.columnIds }
    const source = new RowPieces(viewOf({ version }), request, codec, codec.all)
    const lengths: number[] = []
    for (let piece = await source.next(); piece !== undefined; piece = await source.next())
      lengths.push(piece.length)
    expect(lengths.reduce((sum, length) => sum + length)).toBe(9000)
    expect(Math.max(...lengths)).toBeGreaterThan(1024)
    expect(await pieces(viewOf({ version }), { reverse: true })).toEqual(rows(9000).toReversed())
  })

  test('a scan that is closed while it waits gives nothing more', async () => {
    const live = await new SampleFiles().add({ level: 1, rows: rows(3000) })
    const view = viewOf({ version: new TableVersion([live]) })
    const source = new RowPieces(view, { schema, columnIds: codec.all.columnIds }, codec, codec.all)
    const piece = source.next()
    expect(piece).toBeInstanceOf(Promise)
    source.close()
    expect(await piece).toBeUndefined()
    expect(await source.next()).toBeUndefined()
  })
})

describe('what is read', () => {
  test('nothing before the first batch, little for a small limit, and nothing after the end', async () => {
    const memory = new MemoryFs()
    const faulty = new FaultyFs(memory)
    const files = new SampleFiles({ fs: faulty.fs })
    const version = new TableVersion([await files.add({ level: 1, rows: rows(5000) })])
    let bytes = 0
    faulty.inject(({ operation, length = 0 }) => {
      if (operation === 'read') bytes += length
      return undefined
    })
    const batches = scanView(viewOf({ version }), { schema, columnIds: [11], limit: 10 })
    expect(bytes).toBe(0)
    expect((await batches.next()).value?.length).toBe(10)
    const { columns } = version.files[0].file
    const idBytes = columns.find((column) => column.id === 11)?.bytes ?? 0
    expect(bytes).toBeGreaterThan(0)
    expect(bytes).toBeLessThan(idBytes / 50)
    const read = bytes
    expect((await batches.next()).done).toBe(true)
    expect(await scan(viewOf({ version }), { limit: 0 })).toEqual([])
    expect(bytes).toBe(read)
    let seen = 0
    for await (const batch of scanView(viewOf({ version }), { schema, columnIds: [11] })) {
      seen += batch.length
      break
    }
    expect(seen).toBe(128)
    expect(bytes - read).toBeLessThan(idBytes / 10)
  })

  test('files outside of the range are not touched', async () => {
    const files = new SampleFiles()
    const inside = await files.add({ level: 1, rows: rows(10, 10) })
    const outside = [
      await files.add({ level: 1, rows: rows(10) }),
      await files.add({ level: 1, rows: rows(10, 20) }),
      await files.add({ level: 0, rows: rows(10, 20), dead: [0, 1, 2, 3, 4, 5, 6, 7, 8] }),
    ]
    for (const { reader } of outside) await reader.close()
    const view = viewOf({ version: new TableVersion([inside, ...outside]) })
    const range = { lower: keyOf({ tenant: 'a', id: 10 }), upper: keyOf({ tenant: 'a', id: 20 }) }
    expect(await scan(view, range)).toEqual(rows(10, 10))
  })

  test('files without a column are counted without a read', async () => {
    const files = new SampleFiles()
    const live = await files.add({ level: 1, rows: rows(100), dead: [3, 4] })
    await live.reader.close()
    const version = new TableVersion([live])
    const batches = scanView(viewOf({ version }), { schema, columnIds: [] })
    expect((await batches.next()).value).toEqual({ length: 98, columnIds: [], columns: [] })
  })
})

describe('a filter', () => {
  test('passes files over that cannot match, and reads other columns of pages with matches only', async () => {
    const memory = new MemoryFs()
    const faulty = new FaultyFs(memory)
    const files = new SampleFiles({ fs: faulty.fs, cacheBytes: 0 })
    const noted = (from: number): Item[] =>
      rows(2000, from).map((row) => ({ ...row, note: 'x'.repeat(500) + row.id }))
    const version = new TableVersion([
      await files.add({ level: 1, rows: noted(0) }),
      await files.add({ level: 1, rows: noted(2000) }),
    ])
    const bytesOf = (id: number): number =>
      version.files.reduce(
        (sum, { file }) => sum + (file.columns.find((column) => column.id === id)?.bytes ?? 0),
        0,
      )
    let bytes = 0
    faulty.inject(({ operation, length = 0 }) => {
      if (operation === 'read') bytes += length
      return undefined
    })
    const wanted = noted(0).filter(({ id }) => id === 2 || id === 1500)
    expect(await scan(viewOf({ version }), { filter: codec.filter({ score: { in: [0.5, 375] } }) })).toEqual(
      wanted,
    )
    expect(bytes).toBeGreaterThan(0)
    expect(bytes).toBeLessThan(3 * bytesOf(13) + bytesOf(12) / 10)
    bytes = 0
    expect(await scan(viewOf({ version }), { filter: codec.filter({ score: { lt: 0 } }) })).toEqual([])
    expect(await scan(viewOf({ version }), { filter: codec.filter({ score: { gt: 1e9 } }) })).toEqual([])
    expect(bytes).toBe(0)
  })

  test('hides rows of a memtable without showing what lies below them', async () => {
    const version = new TableVersion([
      await new SampleFiles().add({ level: 1, rows: [item('a', 1), item('a', 2)] }),
    ])
    const memtables = [memtableOf([{ seqno: 9, put: { ...item('a', 1), score: 100 } }])]
    const filter = codec.filter({ score: { lt: 50 } })
    expect(await scan(viewOf({ version, memtables }), { filter })).toEqual([item('a', 2)])
  })
})

describe('abort', () => {
  test('throws the reason at the next batch', async () => {
    const live = await new SampleFiles().add({ level: 1, rows: rows(5000) })
    const version = new TableVersion([live])
    const controller = new AbortController()
    const reason = new Error('enough')
    const batches = scanView(viewOf({ version }), { schema, columnIds: [11], signal: controller.signal })
    expect((await batches.next()).value?.length).toBe(128)
    controller.abort(reason)
    await expect(batches.next()).rejects.toBe(reason)
    expect((await batches.next()).done).toBe(true)
  })

  test('a signal that is aborted already throws before anything is read, whatever the table holds', async () => {
    const live = await new SampleFiles().add({ level: 1, rows: rows(10) })
    await live.reader.close()
    const request = { schema, columnIds: [11], signal: AbortSignal.abort(new Error('never mind')) }
    for (const version of [new TableVersion([live]), TableVersion.empty]) {
      await expect(scanView(viewOf({ version }), request).next()).rejects.toThrow('never mind')
    }
  })
})

test('a view shows its moment while the memtable goes on', async () => {
  const memtable = memtableOf([{ seqno: 1, put: item('a', 1, 'before') }])
  const live = await new SampleFiles().add({ level: 0, rows: [item('a', 2)] })
  const view = viewOf({ memtables: [memtable], version: new TableVersion([live]), seqno: 1 })
  const late = memtableOf([{ seqno: 2, put: item('a', 3) }])
  const rowsSeen: number[] = []
  for await (const batch of scanView(view, { schema, columnIds: [12] })) {
    rowsSeen.push(batch.length)
    if (rowsSeen.length === 1) memtable.apply(late.bytes, ...placesOf(late), 2, 0)
  }
  expect(rowsSeen).toEqual([1, 1])
  expect(await scan({ ...view, seqno: 2 })).toEqual([item('a', 1, 'before'), item('a', 2), item('a', 3)])
})

/** Where the only entry of a memtable has its key and value. */
function placesOf(memtable: ReturnType<typeof memtableOf>): [number, number, number, number] {
  const [ref] = memtable.sortedRefs()
  return [
    memtable.keyStartOf(ref),
    memtable.keyEndOf(ref),
    memtable.valueStartOf(ref),
    memtable.valueEndOf(ref),
  ]
}

import { ClassicLevel } from 'classic-level'
import type { Engine } from '../engine.ts'
import type { Row } from '../rows.ts'
import { groupTotals, RowTotals } from '../totals.ts'

const ITERATOR_ROWS = 1000

/** Eight bytes that sort like the number. */
export function keyOf(id: number): Buffer {
  const key = Buffer.allocUnsafe(8)
  key.writeUInt32BE(Math.floor(id / 4294967296), 0)
  key.writeUInt32BE(id >>> 0, 4)
  return key
}

export function classicLevel(): Engine {
  let db: ClassicLevel<Buffer, Row>
  const putBatch = (rows: Row[], sync: boolean): Promise<void> =>
    db.batch(
      rows.map((row) => ({ type: 'put', key: keyOf(row.id), value: row })),
      { sync },
    )
  const each = async (see: (row: Row) => void): Promise<void> => {
    const values = db.values()
    for (;;) {
      const rows = await values.nextv(ITERATOR_ROWS)
      if (rows.length === 0) break
      for (const row of rows) see(row)
    }
    await values.close()
  }
  return {
    name: 'classic-level',
    version: '3.0.0',
    open: async (directory, { cacheBytes }) => {
      db = new ClassicLevel<Buffer, Row>(directory, { keyEncoding: 'buffer', valueEncoding: 'json' })
      await db.open({ cacheSize: cacheBytes })
    },
    close: () => db.close(),
    bulkLoad: async (batches) => {
      let last: Row[] = []
      for (const batch of batches) {
        await putBatch(batch, false)
        last = batch
      }
      await putBatch(last, true)
    },
    putDurable: (row) => db.put(keyOf(row.id), row, { sync: true }),
    putBuffered: (row) => db.put(keyOf(row.id), row),
    putBatch: (rows, { durable }) => putBatch(rows, durable),
    getSync: (id) => db.getSync(keyOf(id)),
    get: (id) => db.get(keyOf(id)),
    getMany: (ids) => db.getMany(ids.map(keyOf)),
    scanRows: async () => {
      const totals = new RowTotals()
      await each((row) => totals.add(row))
      return totals
    },
    sumByUser: async () => {
      const sums = new Map<string, number>()
      await each((row) => sums.set(row.user, (sums.get(row.user) ?? 0) + row.score))
      return groupTotals(sums)
    },
    range: (from, count) => db.values({ gte: keyOf(from), limit: count }).all(),
    settle: () => Promise.resolve(),
    compact: () => db.compactRange(keyOf(0), keyOf(Number.MAX_SAFE_INTEGER)),
  }
}

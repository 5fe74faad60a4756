import { open, type RootDatabase } from 'lmdb'
import type { Engine } from '../engine.ts'
import type { Row } from '../rows.ts'
import { groupTotals, RowTotals } from '../totals.ts'

export function lmdb(): Engine {
  let db: RootDatabase<Row, number>
  const putBatch = (rows: Row[]): Promise<unknown> =>
    db.transaction(() => {
      for (const row of rows) void db.put(row.id, row)
    })
  const flushed = async (): Promise<void> => {
    await db.flushed
  }
  return {
    name: 'lmdb',
    version: '3.5.6',
    open: (directory) => {
      db = open<Row, number>({ path: directory, sharedStructuresKey: Symbol.for('structures') } as never)
      return Promise.resolve()
    },
    close: () => db.close(),
    bulkLoad: async (batches) => {
      for (const batch of batches) await putBatch(batch)
      await flushed()
    },
    putDurable: async (row) => {
      await db.put(row.id, row)
      await flushed()
    },
    putBuffered: (row) => db.put(row.id, row),
    putBatch: async (rows, { durable }) => {
      await putBatch(rows)
      if (durable) await flushed()
    },
    getSync: (id) => db.get(id),
    getMany: (ids) => db.getMany(ids),
    scanRows: () => {
      const totals = new RowTotals()
      for (const { value } of db.getRange({})) totals.add(value)
      return Promise.resolve(totals)
    },
    sumByUser: () => {
      const sums = new Map<string, number>()
      for (const { value } of db.getRange({})) sums.set(value.user, (sums.get(value.user) ?? 0) + value.score)
      return Promise.resolve(groupTotals(sums))
    },
    range: (from, count) =>
      Promise.resolve(Array.from(db.getRange({ start: from, limit: count }), ({ value }) => value)),
    settle: flushed,
  }
}

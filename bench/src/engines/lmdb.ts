import { open, type RootDatabase } from 'lmdb'
import type { Engine } from '../engine.ts'
import type { Row } from '../rows.ts'

export function lmdb(): Engine {
  let db: RootDatabase<Row, number>
  return {
    name: 'lmdb',
    version: '3.5.6',
    open: (directory) => {
      db = open<Row, number>({ path: directory, sharedStructuresKey: Symbol.for('structures') } as never)
      return Promise.resolve()
    },
    close: () => db.close(),
    putDurable: async (row) => {
      await db.put(row.id, row)
      await db.flushed
    },
    putBuffered: (row) => db.put(row.id, row),
    putBatch: async (rows, { durable }) => {
      await db.transaction(() => {
        for (const row of rows) void db.put(row.id, row)
      })
      if (durable) await db.flushed
    },
    getSync: (id) => db.get(id),
    get: (id) => Promise.resolve(db.get(id)),
    getMany: (ids) => db.getMany(ids),
    scanRows: () => {
      let sum = 0
      for (const { value } of db.getRange({})) sum += value.score
      return Promise.resolve(sum)
    },
    sumScore: () => {
      let sum = 0
      for (const { value } of db.getRange({})) sum += value.score
      return Promise.resolve(sum)
    },
    range: (from, count) => {
      let rows = 0
      for (const entry of db.getRange({ start: from, limit: count })) if (entry.value.id >= from) rows++
      return Promise.resolve(rows)
    },
    settle: async () => {
      await db.flushed
    },
  }
}

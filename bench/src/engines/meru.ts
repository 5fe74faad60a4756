import { DEFAULT_SETTINGS, openTable, t, table, type Table } from '@meru/db'
import type { Engine } from '../engine.ts'
import type { Row } from '../rows.ts'

const definition = table(
  'rows',
  { id: t.long({ mode: 'number' }), user: t.string(), score: t.double(), payload: t.string() },
  { key: ['id'] },
)

export function meru(): Engine {
  let rows: Table<Row, Row, number>
  return {
    name: 'meru',
    version: '0.1.0',
    open: async (directory) => {
      const settings = { pageCacheBytes: 4 * DEFAULT_SETTINGS.pageCacheBytes }
      rows = await openTable(directory, definition, { settings })
    },
    close: () => rows.close(),
    putDurable: (row) => rows.put(row),
    putBuffered: (row) => rows.put(row, { durability: 'buffered' }),
    putBatch: (batch, { durable }) => rows.putMany(batch, { durability: durable ? 'durable' : 'buffered' }),
    getSync: (id) => rows.getSync(id),
    get: (id) => rows.get(id),
    getMany: (ids) => rows.getMany(ids),
    scanRows: async () => {
      let sum = 0
      for await (const row of rows.scan()) sum += row.score
      return sum
    },
    sumScore: async () => {
      let sum = 0
      for await (const batch of rows.scan({ select: ['score'] }).batches()) {
        const column = batch.column('score')
        if (column.physical === 'f64') for (let i = 0; i < batch.length; i++) sum += column.values[i]
      }
      return sum
    },
    range: async (from, count) => (await rows.scan({ gte: from, limit: count }).toArray()).length,
    settle: () => rows.compact(),
    extras: {
      flush: async () => {
        await rows.flush()
        return rows.stats().bytes
      },
      compaction: async () => {
        const { bytes } = rows.stats()
        await rows.compact()
        return bytes
      },
      export: async () => {
        await rows.exportIceberg()
        return rows.stats().files
      },
    },
  }
}

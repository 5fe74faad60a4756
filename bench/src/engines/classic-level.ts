import { ClassicLevel } from 'classic-level'
import type { Engine } from '../engine.ts'
import type { Row } from '../rows.ts'

function keyOf(id: number): Buffer {
  const key = Buffer.allocUnsafe(8)
  key.writeUInt32BE(Math.floor(id / 4294967296), 0)
  key.writeUInt32BE(id >>> 0, 4)
  return key
}

export function classicLevel(): Engine {
  let db: ClassicLevel<Buffer, Row>
  return {
    name: 'classic-level',
    version: '3.0.0',
    open: async (directory) => {
      db = new ClassicLevel<Buffer, Row>(directory, { keyEncoding: 'buffer', valueEncoding: 'json' })
      await db.open()
    },
    close: () => db.close(),
    putDurable: (row) => db.put(keyOf(row.id), row, { sync: true }),
    putBuffered: (row) => db.put(keyOf(row.id), row),
    putBatch: (rows, { durable }) =>
      db.batch(
        rows.map((row) => ({ type: 'put', key: keyOf(row.id), value: row })),
        { sync: durable },
      ),
    getSync: (id) => db.getSync(keyOf(id)),
    get: (id) => db.get(keyOf(id)),
    getMany: (ids) => db.getMany(ids.map(keyOf)),
    scanRows: async () => {
      let sum = 0
      const values = db.values()
      for (let batch = await values.nextv(1000); batch.length > 0; batch = await values.nextv(1000)) {
        for (const row of batch) sum += row.score
      }
      await values.close()
      return sum
    },
    sumScore: async () => {
      let sum = 0
      const values = db.values()
      for (let batch = await values.nextv(1000); batch.length > 0; batch = await values.nextv(1000)) {
        for (const row of batch) sum += row.score
      }
      await values.close()
      return sum
    },
    range: async (from, count) => (await db.values({ gte: keyOf(from), limit: count }).all()).length,
    settle: () => db.compactRange(keyOf(0), keyOf(Number.MAX_SAFE_INTEGER)),
  }
}

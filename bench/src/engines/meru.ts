import { openTable, t, table, type Table, type TableDefinition } from '@meru/db'
import type { Engine } from '../engine.ts'
import type { Row } from '../rows.ts'
import { KEEPS_SPANS } from '../spans.ts'
import { RowTotals } from '../totals.ts'
import { UserSums } from '../user-sums.ts'

export const ROWS_TABLE: TableDefinition<'rows', Row, Row, number> = table(
  'rows',
  { id: t.long({ mode: 'number' }), user: t.string(), score: t.double(), payload: t.string() },
  { key: ['id'] },
)

export type RowsTable = Table<Row, Row, number>

export function meru(): Engine {
  let rows: RowsTable
  let directory: string
  return {
    name: 'meru',
    version: '0.1.0',
    open: async (path, { cacheBytes }) => {
      directory = path
      rows = await openTable(path, ROWS_TABLE, { settings: { pageCacheBytes: cacheBytes } })
    },
    close: () => rows.close(),
    bulkLoad: async (batches) => void (await rows.ingest(batches)),
    putDurable: (row) => rows.put(row),
    putBuffered: (row) => rows.put(row, { durability: 'buffered' }),
    putBatch: (batch, { durable }) => rows.putMany(batch, { durability: durable ? 'durable' : 'buffered' }),
    getSync: (id) => rows.getSync(id),
    get: (id) => rows.get(id),
    getMany: (ids) => rows.getMany(ids),
    scanRows: async () => {
      const totals = new RowTotals()
      for await (const batch of rows.scan().batches()) for (const row of batch.rows()) totals.add(row)
      return totals
    },
    scanColumns: async () => {
      const totals = { rows: 0, score: 0, characters: 0 }
      for await (const batch of rows.scan().batches()) {
        const score = batch.column('score')
        if (score.physical !== 'f64') throw new Error(`score is ${score.physical}`)
        totals.rows += batch.length
        for (let i = 0; i < batch.length; i++) totals.score += score.values[i]
        for (const name of ['user', 'payload'] as const) {
          const text = batch.column(name)
          if (text.physical !== 'bytes') throw new Error(`${name} is ${text.physical}`)
          totals.characters += text.offsets[batch.length] - text.offsets[0]
        }
      }
      return totals
    },
    sumByUser: async () => {
      const sums = new UserSums()
      for await (const batch of rows.scan({ select: ['user', 'score'] }).batches()) {
        sums.add(batch.column('user'), batch.column('score'))
      }
      return sums.totals()
    },
    range: (from, count) => rows.scan({ gte: from, limit: count }).toArray(),
    settle: () => settled(rows),
    flush: () => rows.flush(),
    compact: () => rows.compact(),
    export: async () => {
      const { metadataFile } = await rows.exportIceberg()
      const { duckOverExport } = await import('../exported-files.ts')
      return duckOverExport(directory, metadataFile)
    },
  }
}

/** Waits until memory is flushed, levels stay as they are, and other threads have hardly anything to do. */
async function settled(rows: RowsTable): Promise<void> {
  await rows.flush()
  let before = ''
  for (;;) {
    const busy = await busyMs(QUIET_MS)
    const { levels, memtables } = rows.stats()
    const now = JSON.stringify(levels)
    if (memtables.sealed === 0 && now === before && busy < BUSY_MS) return
    before = now
  }
}

const QUIET_MS = 400
// The threads of a profiler are always busy.
const BUSY_MS = KEEPS_SPANS ? 250 : 20

/** Processor time of the other threads in a while, in milliseconds. */
async function busyMs(milliseconds: number): Promise<number> {
  const all = process.cpuUsage()
  const own = process.threadCpuUsage()
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
  const [total, mine] = [process.cpuUsage(all), process.threadCpuUsage(own)]
  return (total.user + total.system - mine.user - mine.system) / 1000
}

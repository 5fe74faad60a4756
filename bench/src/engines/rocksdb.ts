import { createRequire } from 'node:module'
import { Unavailable, type Engine } from '../engine.ts'
import type { Row } from '../rows.ts'
import { groupTotals, RowTotals } from '../totals.ts'
import { keyOf } from './classic-level.ts'

/** The part of `RocksLevel` that is used; the package has no types. */
interface RocksLevel {
  open(options: object): Promise<void>
  close(): Promise<void>
  batch(operations: object[], options: { sync: boolean }): Promise<void>
  getMany(keys: Buffer[]): Promise<(Row | undefined)[]>
  values(options?: object): {
    nextv(count: number): Promise<Row[]>
    all(): Promise<Row[]>
    close(): Promise<void>
  }
  getProperty(name: string): string
  /** The binding's own synchronous read, which the encodings of abstract-level do not reach. */
  _getManySync(keys: Buffer[], options: { valueEncoding: 'utf8' }): (string | undefined)[]
}

const ITERATOR_ROWS = 1000
const POLL_MS = 50
const UTF8 = { valueEncoding: 'utf8' } as const

function load(): new (directory: string, options: object) => RocksLevel {
  const require = createRequire(import.meta.url)
  try {
    return (require('@nxtedition/rocksdb') as { RocksLevel: ReturnType<typeof load> }).RocksLevel
  } catch (error) {
    throw new Unavailable(`@nxtedition/rocksdb does not load: ${(error as Error).message}`)
  }
}

/** Writes go through `batch`, for `put` of this binding leaves `sync` out. */
export function rocksdb(): Engine {
  const RocksDatabase = load()
  let db: RocksLevel
  const write = (rows: Row[], sync: boolean): Promise<void> =>
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
    name: 'rocksdb',
    version: '12.2.12',
    open: async (directory, { cacheBytes }) => {
      db = new RocksDatabase(directory, { keyEncoding: 'buffer', valueEncoding: 'json' })
      await db.open({ createIfMissing: true, cacheSize: cacheBytes, parallelism: 2 })
    },
    close: () => db.close(),
    bulkLoad: async (batches) => {
      let last: Row[] = []
      for (const batch of batches) {
        await write(batch, false)
        last = batch
      }
      await write(last, true)
    },
    putDurable: (row) => write([row], true),
    putBuffered: (row) => write([row], false),
    putBatch: (rows, { durable }) => write(rows, durable),
    getSync: (id) => {
      const [value] = db._getManySync([keyOf(id)], UTF8)
      return value === undefined ? undefined : (JSON.parse(value) as Row)
    },
    get: async (id) => (await db.getMany([keyOf(id)]))[0],
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
    settle: async () => {
      const busy = [
        'rocksdb.mem-table-flush-pending',
        'rocksdb.num-running-flushes',
        'rocksdb.compaction-pending',
        'rocksdb.num-running-compactions',
      ]
      while (busy.some((name) => Number(db.getProperty(name)) > 0)) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
    },
  }
}

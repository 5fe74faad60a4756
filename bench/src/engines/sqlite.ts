import { createRequire } from 'node:module'
import { DatabaseSync } from 'node:sqlite'
import { Unavailable, type Engine } from '../engine.ts'
import type { Row } from '../rows.ts'
import { groupTotalsOf, groupTotalsSql, RowTotals } from '../totals.ts'

interface Statement {
  run(...values: unknown[]): unknown
  get(...values: unknown[]): unknown
  all(...values: unknown[]): unknown[]
  iterate(...values: unknown[]): Iterable<unknown>
}

/** What `node:sqlite` and better-sqlite3 have in common. */
interface Connection {
  exec(sql: string): unknown
  prepare(sql: string): Statement
  close(): unknown
}

const KIB = 1024

export function nodeSqlite(): Engine {
  return sqlite('node:sqlite', process.version, (file) => new DatabaseSync(file))
}

export function betterSqlite3(): Engine {
  const require = createRequire(import.meta.url)
  type Driver = new (file: string) => Connection
  let Database: Driver
  try {
    Database = require('better-sqlite3') as Driver
    new Database(':memory:').close()
  } catch (error) {
    throw new Unavailable(`better-sqlite3 does not load: ${(error as Error).message}`)
  }
  return sqlite('better-sqlite3', '13.2.0', (file) => new Database(file))
}

function sqlite(name: string, version: string, connect: (file: string) => Connection): Engine {
  let db: Connection
  let statements: Record<'put' | 'get' | 'all' | 'range' | 'groups', Statement>
  let durableNow: boolean | undefined
  const setDurable = (durable: boolean): void => {
    if (durable === durableNow) return
    db.exec(`pragma synchronous = ${durable ? 'full' : 'normal'}`)
    durableNow = durable
  }
  const put = (row: Row): void => void statements.put.run(row.id, row.user, row.score, row.payload)
  const putBatch = (rows: Row[]): void => {
    db.exec('begin')
    for (const row of rows) put(row)
    db.exec('commit')
  }
  return {
    name,
    version,
    takesTurns: true,
    open: (directory, { cacheBytes }) => {
      db = connect(`${directory}/rows.db`)
      durableNow = undefined
      db.exec('pragma journal_mode = wal')
      db.exec(`pragma cache_size = -${Math.ceil(cacheBytes / KIB)}`)
      db.exec('create table if not exists rows (id integer primary key, user text, score real, payload text)')
      statements = {
        put: db.prepare('insert or replace into rows values (?, ?, ?, ?)'),
        get: db.prepare('select * from rows where id = ?'),
        all: db.prepare('select * from rows order by id'),
        range: db.prepare('select * from rows where id >= ? order by id limit ?'),
        groups: db.prepare(groupTotalsSql('rows')),
      }
      return Promise.resolve()
    },
    close: () => Promise.resolve(void db.close()),
    bulkLoad: (batches) => {
      setDurable(true)
      db.exec('begin')
      for (const batch of batches) for (const row of batch) put(row)
      db.exec('commit')
      return Promise.resolve()
    },
    putDurable: (row) => {
      setDurable(true)
      put(row)
      return Promise.resolve()
    },
    putBatch: (rows, { durable }) => {
      setDurable(durable)
      putBatch(rows)
      return Promise.resolve()
    },
    getSync: (id) => statements.get.get(id) as Row | undefined,
    scanRows: () => {
      const totals = new RowTotals()
      for (const row of statements.all.iterate()) totals.add(row as Row)
      return Promise.resolve(totals)
    },
    sumByUser: () => Promise.resolve(groupTotalsOf(statements.groups.get() as object)),
    range: (from, count) => Promise.resolve(statements.range.all(from, count) as Row[]),
    settle: () => {
      db.exec('pragma wal_checkpoint(truncate)')
      return Promise.resolve()
    },
  }
}

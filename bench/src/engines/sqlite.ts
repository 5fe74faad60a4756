import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Engine } from '../engine.ts'
import type { Row } from '../rows.ts'

interface Statements {
  put: StatementSync
  get: StatementSync
  all: StatementSync
  sum: StatementSync
  range: StatementSync
}

export function sqlite(): Engine {
  let db: DatabaseSync
  let statements: Statements
  let durableNow: boolean | undefined
  const setDurable = (durable: boolean): void => {
    if (durable === durableNow) return
    db.exec(`pragma synchronous = ${durable ? 'full' : 'normal'}`)
    durableNow = durable
  }
  const put = (row: Row): void => void statements.put.run(row.id, row.user, row.score, row.payload)
  return {
    name: 'node:sqlite',
    version: process.version,
    open: (directory) => {
      db = new DatabaseSync(`${directory}/rows.db`)
      db.exec('pragma journal_mode = wal')
      db.exec('pragma cache_size = -262144')
      db.exec('create table if not exists rows (id integer primary key, user text, score real, payload text)')
      statements = {
        put: db.prepare('insert or replace into rows values (?, ?, ?, ?)'),
        get: db.prepare('select * from rows where id = ?'),
        all: db.prepare('select * from rows order by id'),
        sum: db.prepare('select sum(score) as sum from rows'),
        range: db.prepare('select * from rows where id >= ? order by id limit ?'),
      }
      return Promise.resolve()
    },
    close: () => Promise.resolve(db.close()),
    putDurable: (row) => {
      setDurable(true)
      put(row)
      return Promise.resolve()
    },
    putBatch: (rows, { durable }) => {
      setDurable(durable)
      db.exec('begin')
      for (const row of rows) put(row)
      db.exec('commit')
      return Promise.resolve()
    },
    getSync: (id) => statements.get.get(id) as Row | undefined,
    scanRows: () => {
      let sum = 0
      for (const row of statements.all.iterate()) sum += (row as unknown as Row).score
      return Promise.resolve(sum)
    },
    sumScore: () => Promise.resolve((statements.sum.get() as { sum: number }).sum),
    range: (from, count) => Promise.resolve(statements.range.all(from, count).length),
    settle: () => {
      db.exec('pragma wal_checkpoint(truncate)')
      return Promise.resolve()
    },
  }
}

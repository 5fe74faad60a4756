import {
  DuckDBInstance,
  type DuckDBAppender,
  type DuckDBConnection,
  type DuckDBPreparedStatement,
} from '@duckdb/node-api'
import type { Engine, Totals } from '../engine.ts'
import type { Row } from '../rows.ts'
import { groupTotalsOf, groupTotalsSql, RowTotals } from '../totals.ts'

const COLUMNS = 'id bigint primary key, user varchar, score double, payload varchar'
const MEMORY = '1GB'

interface Open {
  readonly instance: DuckDBInstance
  readonly db: DuckDBConnection
  readonly put: DuckDBPreparedStatement
  readonly get: DuckDBPreparedStatement
}

export function duckdb(): Engine {
  let at: Open
  let turn: Promise<unknown> = Promise.resolve()
  /** One connection runs one statement at a time. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work)
    turn = result.catch(() => undefined)
    return result
  }
  return {
    name: 'duckdb',
    version: '1.5.6',
    takesTurns: true,
    open: async (directory) => {
      at = await open(directory)
    },
    close: async () => {
      await turn
      await close(at)
    },
    bulkLoad: async (batches) => {
      const appender = await at.db.createAppender('rows')
      for (const batch of batches) for (const row of batch) append(appender, row)
      appender.closeSync()
      await at.db.run('checkpoint')
    },
    putDurable: (row) => inTurn(() => putOne(at, row)),
    putBatch: (rows) => inTurn(() => putBatch(at, rows)),
    get: (id) =>
      inTurn(async () => {
        at.get.bindBigInt(1, BigInt(id))
        const [row] = await (await at.get.run()).getRowObjects()
        return row as unknown as Row | undefined
      }),
    getMany: async (ids) => {
      const found = await at.db.runAndReadAll(`select * from rows where id in (${ids.join(',')})`)
      const rows = new Map(found.getRowObjects().map((row) => [Number(row['id']), row as unknown as Row]))
      return ids.map((id) => rows.get(id))
    },
    scanRows: async () => {
      const totals = new RowTotals()
      const result = await at.db.stream('select * from rows order by id')
      for await (const rows of result.yieldRowObjects()) for (const row of rows) totals.add(row as never)
      return totals
    },
    scanColumns: () => scanColumns(at.db),
    sumByUser: async () => {
      const [row] = (await at.db.runAndReadAll(groupTotalsSql('rows'))).getRowObjects()
      return groupTotalsOf(row)
    },
    range: async (from, count) => {
      const sql = `select * from rows where id >= ${from} order by id limit ${count}`
      return (await at.db.runAndReadAll(sql)).getRowObjects() as unknown as Row[]
    },
    settle: async () => void (await at.db.run('checkpoint')),
  }
}

async function open(directory: string): Promise<Open> {
  const instance = await DuckDBInstance.create(`${directory}/rows.duckdb`, { memory_limit: MEMORY })
  const db = await instance.connect()
  await db.run(`create table if not exists rows (${COLUMNS})`)
  await db.run(`create temp table staging (${COLUMNS.replace(' primary key', '')})`)
  const put = await db.prepare('insert or replace into rows values ($1, $2, $3, $4)')
  const get = await db.prepare('select * from rows where id = $1')
  return { instance, db, put, get }
}

async function close({ instance, db, put, get }: Open): Promise<void> {
  put.destroySync()
  get.destroySync()
  await db.run('checkpoint')
  db.closeSync()
  instance.closeSync()
}

async function putOne({ put }: Open, row: Row): Promise<void> {
  put.bindBigInt(1, BigInt(row.id))
  put.bindVarchar(2, row.user)
  put.bindDouble(3, row.score)
  put.bindVarchar(4, row.payload)
  await put.run()
}

/** The appender cannot replace rows, so they come by way of another table. */
async function putBatch({ db }: Open, rows: Row[]): Promise<void> {
  await db.run('begin')
  const appender = await db.createAppender('staging')
  for (const row of rows) append(appender, row)
  appender.closeSync()
  await db.run('insert or replace into rows select * from staging')
  await db.run('delete from staging')
  await db.run('commit')
}

async function scanColumns(db: DuckDBConnection): Promise<Totals> {
  const totals = { rows: 0, score: 0, characters: 0 }
  for await (const chunk of await db.stream('select * from rows')) {
    const [ids, users, scores, payloads] = chunk.getColumns() as [bigint[], string[], number[], string[]]
    totals.rows += ids.length
    for (let i = 0; i < ids.length; i++) {
      totals.score += scores[i]
      totals.characters += users[i].length + payloads[i].length
    }
  }
  return totals
}

function append(appender: DuckDBAppender, row: Row): void {
  appender.appendBigInt(BigInt(row.id))
  appender.appendVarchar(row.user)
  appender.appendDouble(row.score)
  appender.appendVarchar(row.payload)
  appender.endRow()
}

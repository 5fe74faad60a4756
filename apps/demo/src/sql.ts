import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import type { SnapshotFiles } from './iceberg-files.ts'

export interface Answer {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** DuckDB, with tables of an Iceberg snapshot as views over their Parquet files. */
export class Duck {
  readonly #instance: DuckDBInstance
  readonly #connection: DuckDBConnection

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance
    this.#connection = connection
  }

  static async open(): Promise<Duck> {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    await connection.run("SET TimeZone = 'UTC'")
    return new Duck(instance, connection)
  }

  async defineView(name: string, columns: readonly string[], files: SnapshotFiles): Promise<void> {
    await this.#connection.run(viewSql(name, columns, files))
  }

  async query(sql: string): Promise<Answer> {
    const reader = await this.#connection.runAndReadAll(sql)
    const rows = reader.getRowsJson().map((row) => row.map(cellText))
    return { columns: reader.columnNames(), rows }
  }

  async count(view: string): Promise<number> {
    const { rows } = await this.query(`SELECT count(*) FROM ${identifier(view)}`)
    return Number(rows[0][0])
  }

  close(): void {
    this.#connection.closeSync()
    this.#instance.closeSync()
  }
}

/**
 * The rows of the data files without those that delete files name. The columns are named one by one because the files
 * hold some of the engine's own behind them.
 */
export function viewSql(name: string, columns: readonly string[], files: SnapshotFiles): string {
  const list = columns.map(identifier).join(', ')
  if (files.data.length === 0) {
    return `CREATE VIEW ${identifier(name)} AS SELECT ${columns.map((column) => `NULL AS ${identifier(column)}`).join(', ')} WHERE false`
  }
  const data = `read_parquet([${files.data.map(({ path }) => text(path)).join(', ')}], filename = true, \
file_row_number = true, union_by_name = true)`
  if (files.positionDeletes.length === 0)
    return `CREATE VIEW ${identifier(name)} AS SELECT ${list} FROM ${data}`
  const deletes = `read_parquet([${files.positionDeletes.map(({ path }) => text(path)).join(', ')}])`
  const places = files.data.map(({ uri, path }) => `(${text(uri)}, ${text(path)})`).join(', ')
  return `CREATE VIEW ${identifier(name)} AS
WITH place(uri, path) AS (VALUES ${places}),
deleted AS (SELECT place.path, pos FROM ${deletes} AS d JOIN place ON place.uri = d.file_path)
SELECT ${list} FROM ${data} AS rows
WHERE NOT EXISTS (SELECT 1 FROM deleted WHERE deleted.path = rows.filename AND deleted.pos = rows.file_row_number)`
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

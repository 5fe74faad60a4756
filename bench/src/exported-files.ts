import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { icebergManifests, icebergMetadata } from 'icebird'
import type { ExportedTable } from './engine.ts'
import { groupTotalsOf, groupTotalsSql } from './totals.ts'

const METADATA = '/metadata/'

/**
 * The newest snapshot below a database's directory, for DuckDB: the files are those that the Iceberg
 * metadata lists, rows named by delete files are left out, as DuckDB's own Iceberg reader does.
 */
export async function duckOverExport(directory: string, metadataFile: string): Promise<ExportedTable> {
  const { data, deletes } = await filesOf(metadataFile)
  if (data.length === 0) throw new Error(`${metadataFile} below ${directory} lists no data files`)
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  const source =
    deletes.length === 0
      ? `read_parquet(${listSql(data)})`
      : `(select user, score from
          read_parquet(${listSql(data)}, filename = true, file_row_number = true) as data
          where not exists (from read_parquet(${listSql(deletes)}) as dead
            where dead.file_path = 'file://' || data.filename and dead.pos = data.file_row_number))`
  return {
    sumByUser: async () => {
      const [row] = (await connection.runAndReadAll(groupTotalsSql(source))).getRowObjects()
      return groupTotalsOf(row)
    },
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

async function filesOf(metadataFile: string): Promise<{ data: string[]; deletes: string[] }> {
  const fetchBefore = globalThis.fetch
  globalThis.fetch = async (url) => new Response(await readFile(fileURLToPath(url as string)))
  try {
    const tableUrl = metadataFile.slice(0, metadataFile.lastIndexOf(METADATA))
    const manifests = await icebergManifests(await icebergMetadata({ tableUrl }))
    const entries = manifests.flatMap((manifest) => manifest.entries).filter(({ status }) => status !== 2)
    const pathsOf = (content: number): string[] =>
      entries
        .filter(({ data_file }) => data_file.content === content)
        .map(({ data_file }) => fileURLToPath(data_file.file_path))
    return { data: pathsOf(0), deletes: pathsOf(1) }
  } finally {
    globalThis.fetch = fetchBefore
  }
}

function listSql(files: readonly string[]): string {
  return `[${files.map((file) => `'${file.replaceAll("'", "''")}'`).join(', ')}]`
}

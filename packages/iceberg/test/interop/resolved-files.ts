import { readFile } from 'node:fs/promises'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { decodeAvro, type AvroRecord } from '../../src/check/avro-decode.ts'
import { doubleText, plainText, type TextRow } from '@meru/testkit/interop'

/** What one snapshot names, found by reading its metadata as a stranger would. */
interface ResolvedSnapshot {
  readonly fields: readonly { readonly id: number; readonly name: string; readonly type: string }[]
  readonly data: readonly string[]
  readonly deletes: readonly string[]
}

/** DuckDB without its Iceberg extension: the files of a snapshot, less the positions in its delete files. */
export async function openDuckDb(): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create()
  return instance.connect()
}

export async function readResolved(
  connection: DuckDBConnection,
  metadataFile: string,
  snapshotId: number,
): Promise<TextRow[]> {
  const { fields, data, deletes } = await resolve(metadataFile, snapshotId)
  if (data.length === 0) return []
  const names = fields.map((field) => field.name)
  const columns = fields.map(({ name, type }) => textOf(name, type)).join(', ')
  const ids = fields.map(
    ({ id, name, type }) => `${id}: {name: '${name}', type: '${sqlType(type)}', default_value: NULL}`,
  )
  const options = `schema=MAP{${ids.join(', ')}}, filename=true, file_row_number=true`
  const dead =
    deletes.length === 0
      ? ''
      : `ANTI JOIN read_parquet(${list(deletes)}) d ON r.filename = replace(d.file_path, 'file://', '') AND r.file_row_number = d.pos`
  const sql = `SELECT ${columns} FROM read_parquet(${list(data)}, ${options}) r ${dead}`
  const reader = await connection.runAndReadAll(sql)
  return reader.getRows().map((row) => Object.fromEntries(names.map((name, i) => [name, cellText(row[i])])))
}

function cellText(value: unknown): string | null {
  if (value === null) return null
  return typeof value === 'number' ? doubleText(value) : plainText(value as bigint)
}

/** The spelling that the tests compare, where a plain cast would give another. */
function textOf(name: string, type: string): string {
  if (type === 'float' || type === 'double') return `CAST(r."${name}" AS DOUBLE)`
  if (type === 'timestamp' || type === 'timestamptz' || type === 'time') return `epoch_us(r."${name}")`
  if (type === 'binary' || type.startsWith('fixed')) return `lower(hex(r."${name}"))`
  return `CAST(r."${name}" AS VARCHAR)`
}

function sqlType(type: string): string {
  const names: Record<string, string> = {
    long: 'BIGINT',
    string: 'VARCHAR',
    timestamptz: 'TIMESTAMP WITH TIME ZONE',
    binary: 'BLOB',
  }
  return type.startsWith('fixed') ? 'BLOB' : (names[type] ?? type.toUpperCase())
}

function list(files: readonly string[]): string {
  return `[${files.map((file) => `'${file}'`).join(', ')}]`
}

async function resolve(metadataFile: string, snapshotId: number): Promise<ResolvedSnapshot> {
  const metadata = JSON.parse(await readFile(metadataFile, 'utf8')) as {
    schemas: { 'schema-id': number; fields: ResolvedSnapshot['fields'] }[]
    snapshots: { 'snapshot-id': number; 'schema-id': number; 'manifest-list': string }[]
  }
  const snapshot = metadata.snapshots.find((candidate) => candidate['snapshot-id'] === snapshotId)
  if (snapshot === undefined) throw new Error(`no snapshot ${snapshotId} in ${metadataFile}`)
  const files: { content: unknown; path: string }[] = []
  for (const row of await recordsOf(snapshot['manifest-list'])) {
    for (const entry of await recordsOf(row['manifest_path'] as string)) {
      const file = entry['data_file'] as AvroRecord
      if (entry['status'] !== 2)
        files.push({ content: file['content'], path: pathOf(file['file_path'] as string) })
    }
  }
  const schema = metadata.schemas.find((candidate) => candidate['schema-id'] === snapshot['schema-id'])
  return {
    fields: schema?.fields ?? [],
    data: files.filter(({ content }) => content === 0).map(({ path }) => path),
    deletes: files.filter(({ content }) => content !== 0).map(({ path }) => path),
  }
}

async function recordsOf(uri: string): Promise<readonly AvroRecord[]> {
  return decodeAvro(await readFile(pathOf(uri))).records
}

function pathOf(uri: string): string {
  return uri.replace('file://', '')
}

import { t, table, type TableDefinition } from '@meru/core'
import type { Environment, FileSystem } from '@meru/fs'
import { expect } from 'vitest'
import { checkTable, exportIceberg, type ExportOptions, type IcebergExport } from '../src/index.ts'
import { parseJson } from '../src/json.ts'
import { TableFiles } from '../src/published-table.ts'
import {
  currentSnapshot,
  parseTableMetadata,
  type IcebergSnapshot,
  type TableMetadata,
} from '../src/table-metadata.ts'
import type { ManifestEntry, ManifestRow } from '../src/manifest-entry.ts'
import type { Row, SampleTable } from './sample-table.ts'

export const ORDERS: TableDefinition = table(
  'orders',
  { id: t.int(), name: t.string().nullable(), price: t.double().nullable() },
  { key: ['id'] },
)

/** Rows with ids in [from, to). */
export function orders(from: number, to: number, name = 'order'): Row[] {
  return Array.from({ length: to - from }, (_, i) => ({
    id: from + i,
    name: `${name} ${from + i}`,
    price: i / 4,
  }))
}

export function optionsFor(
  table: SampleTable,
  env: Environment,
  more: Partial<ExportOptions> = {},
): ExportOptions {
  const { fs, state, dead, seqno } = table
  return { fs, env, table: state, dead, seqno, snapshotsKept: 10, ...more }
}

/** Exports, and expects that the result keeps every rule. */
export async function exportChecked(
  table: SampleTable,
  env: Environment,
  more: Partial<ExportOptions> = {},
): Promise<IcebergExport> {
  const result = await exportIceberg(optionsFor(table, env, more))
  await expectSound(table.fs, table.directory)
  expect(result.liveRows).toBe(table.rows.length)
  return result
}

export async function expectSound(fs: FileSystem, directory: string): Promise<void> {
  const { violations } = await checkTable(fs, directory)
  expect(violations).toEqual([])
}

/** What was published: the metadata, and on demand what its current snapshot names. */
export interface Published {
  readonly metadata: TableMetadata
  readonly snapshot: IcebergSnapshot
  readonly rows: readonly ManifestRow[]
  readonly entries: readonly ManifestEntry[]
}

export async function readPublished(table: SampleTable, version: number): Promise<Published> {
  const path = `${table.directory}/metadata/v${version}.metadata.json`
  const bytes = await table.fs.readFile(path)
  const metadata = parseTableMetadata(new TextDecoder().decode(bytes), path)
  const snapshot = currentSnapshot(metadata)
  if (snapshot === undefined) throw new Error(`version ${version} has no snapshot`)
  const files = new TableFiles(table, metadata.location)
  const rows = await files.manifestRows(snapshot)
  const entries = await Promise.all(rows.map((row) => files.entries(row)))
  return { metadata, snapshot, rows, entries: entries.flat() }
}

/** Rewrites a JSON file. */
export async function editJson(fs: FileSystem, path: string, edit: (text: string) => string): Promise<void> {
  const bytes = await fs.readFile(path)
  const text = edit(new TextDecoder().decode(bytes))
  parseJson(text)
  await replaceFile(fs, path, new TextEncoder().encode(text))
}

export async function replaceFile(fs: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const handle = await fs.create(path, { exclusive: false })
  await handle.write(bytes, 0)
  await handle.sync()
  await handle.close()
}

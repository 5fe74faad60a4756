import { icebergRead } from 'icebird'
import type { FileSystem } from '@meru/fs'
import type { TableMetadata } from '../src/table-metadata.ts'
import { pathOf } from './reference-reader.ts'
import type { Row } from './sample-table.ts'
import { plainText } from '@meru/testkit/interop'

/** Reads one snapshot with icebird, which knows files only by `fetch`. */
export async function readWithIcebird(
  fs: FileSystem,
  metadata: TableMetadata,
  snapshotId: number,
): Promise<Row[]> {
  const snapshot = metadata.snapshots.find((candidate) => candidate['snapshot-id'] === snapshotId)
  // It reads the current snapshot under the current schema, and takes a table without data for an error.
  if (snapshot?.summary['total-data-files'] === '0') return []
  const chosen = {
    ...metadata,
    'current-snapshot-id': snapshotId,
    'current-schema-id': snapshot?.['schema-id'] ?? 0,
  }
  const fetch = globalThis.fetch
  globalThis.fetch = (url, init) => answer(fs, plainText(url as string), init)
  try {
    return await icebergRead({ tableUrl: metadata.location, metadata: chosen as never })
  } finally {
    globalThis.fetch = fetch
  }
}

async function answer(fs: FileSystem, url: string, init: RequestInit | undefined): Promise<Response> {
  const bytes = await fs.readFile(pathOf(url))
  if (bytes === undefined) return new Response('not found', { status: 404 })
  const [, first, last] = /bytes=(\d+)-(\d*)/.exec(new Headers(init?.headers).get('range') ?? '') ?? []
  if (first === undefined) return new Response(new Uint8Array(bytes))
  const part = bytes.slice(Number(first), last === '' ? undefined : Number(last) + 1)
  return new Response(part, { status: 206 })
}

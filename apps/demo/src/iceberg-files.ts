import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { avroMetadata, avroRead } from 'icebird'

/** A file that an Iceberg table names: as it is named, and where it is. */
export interface NamedFile {
  readonly uri: string
  readonly path: string
}

/** The files that a reader of the current snapshot has to read. */
export interface SnapshotFiles {
  readonly data: readonly NamedFile[]
  /** Files of (file_path, pos): rows of data files that are deleted. */
  readonly positionDeletes: readonly NamedFile[]
}

/**
 * Readers disagree about some characters in URIs. For a directory that has such, the table is published under another
 * location, as it would be for readers that reach it by another way.
 */
export function locationFor(directory: string): { readonly location?: string; readonly pathOf: Locate } {
  if (/^[A-Za-z0-9/_.~=:@+,-]+$/.test(directory)) return { pathOf: (uri) => fileURLToPath(uri) }
  const location = 'file:///meru-demo'
  return { location, pathOf: (uri) => directory + uri.slice(location.length) }
}

interface TableMetadata {
  readonly 'current-snapshot-id': number
  readonly snapshots: readonly { readonly 'snapshot-id': number; readonly 'manifest-list': string }[]
}

interface ManifestEntry {
  readonly status: number
  readonly data_file: { readonly content: number; readonly file_path: string }
}

const STATUS_DELETED = 2
const CONTENT_DATA = 0
const CONTENT_POSITION_DELETES = 1

/** Where the file of a URI is. */
export type Locate = (uri: string) => string

/** Follows an Iceberg table from its metadata file to its files, as any reader of the format does. */
export async function resolveSnapshot(
  metadataFile: string,
  pathOf: Locate = fileURLToPath,
): Promise<SnapshotFiles> {
  const metadata = parseMetadata(await readFile(pathOf(metadataFile), 'utf8'))
  const current = metadata['current-snapshot-id']
  const snapshot = metadata.snapshots.find((each) => each['snapshot-id'] === current)
  if (snapshot === undefined) return { data: [], positionDeletes: [] }
  const manifests = (await readAvro(pathOf(snapshot['manifest-list']))) as readonly {
    manifest_path: string
  }[]
  const entries = await Promise.all(
    manifests.map(
      async ({ manifest_path: uri }) => (await readAvro(pathOf(uri))) as unknown as readonly ManifestEntry[],
    ),
  )
  const live = entries.flat().filter(({ status }) => status !== STATUS_DELETED)
  const filesOf = (content: number): NamedFile[] =>
    live
      .filter(({ data_file: file }) => file.content === content)
      .map(({ data_file: file }) => ({ uri: file.file_path, path: pathOf(file.file_path) }))
  return { data: filesOf(CONTENT_DATA), positionDeletes: filesOf(CONTENT_POSITION_DELETES) }
}

/** Snapshot ids have more digits than a double holds, so they are compared as texts. */
function parseMetadata(text: string): TableMetadata {
  const exact = text.replace(/("(?:current-snapshot-id|snapshot-id)"\s*:\s*)(-?\d+)/g, '$1"$2"')
  return JSON.parse(exact) as TableMetadata
}

async function readAvro(path: string): Promise<readonly Record<string, unknown>[]> {
  const bytes = await readFile(path)
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
  const { metadata, syncMarker } = avroMetadata(reader)
  return avroRead({ reader, metadata, syncMarker })
}

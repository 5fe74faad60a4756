import { zstdDecompressSync } from 'node:zlib'
import type { FileSystem } from '@meru/fs'
import avsc from 'avsc'
import { parquetReadObjects } from 'hyparquet'

/** What row lineage says of a row. */
export interface Lineage {
  readonly rowId: number | undefined
  readonly updated: number
}

type Decoded = Readonly<Record<string, unknown>>

const compressors = { ZSTD: (input: Uint8Array): Uint8Array => zstdDecompressSync(input) }

/**
 * Reads the row lineage of the current snapshot by the letter of the specification, with libraries that the export has
 * nothing to do with. Rows are told apart by `nameOf`, dead ones included; a name that two rows have is an error.
 */
export async function readLineage(
  fs: FileSystem,
  metadataFile: string,
  nameOf: (row: Decoded) => string,
): Promise<Map<string, Lineage>> {
  const read = async (uri: string): Promise<Uint8Array> => {
    const bytes = await fs.readFile(uri.slice(uri.lastIndexOf('/tables/') + 1))
    if (bytes === undefined) throw new Error(`${uri} is absent`)
    return bytes
  }
  const metadata = JSON.parse(new TextDecoder().decode(await read(metadataFile))) as {
    'current-snapshot-id': number
    snapshots: { 'snapshot-id': number; 'manifest-list': string }[]
  }
  const current = metadata.snapshots.find((each) => each['snapshot-id'] === metadata['current-snapshot-id'])
  const lineage = new Map<string, Lineage>()
  for (const manifest of await decodeAvro(await read(current?.['manifest-list'] ?? ''))) {
    if (manifest['content'] !== 0) continue
    let next = numberOf(manifest['first_row_id'])
    for (const entry of await decodeAvro(await read(String(manifest['manifest_path'])))) {
      if (entry['status'] === 2) continue
      const file = entry['data_file'] as Decoded
      const own = numberOf(file['first_row_id'])
      const first = own ?? next
      if (own === undefined && next !== undefined) next += Number(file['record_count'])
      const sequence = numberOf(entry['sequence_number']) ?? Number(manifest['sequence_number'])
      const bytes = await read(String(file['file_path']))
      const rows = await parquetReadObjects({ file: bytes.slice().buffer, compressors })
      for (const [position, row] of rows.entries()) {
        const name = nameOf(row)
        if (lineage.has(name)) throw new Error(`two rows are ${name}`)
        const inherited = first === undefined ? undefined : first + position
        lineage.set(name, {
          rowId: numberOf(row['_row_id']) ?? inherited,
          updated: numberOf(row['_last_updated_sequence_number']) ?? sequence,
        })
      }
    }
  }
  return lineage
}

/**
 * Names of the files that the newest metadata below a directory, itself one of them, lists: older metadata, manifest
 * lists, manifests, delete files, data files. Names are unlike one another.
 */
export async function namedFiles(fs: FileSystem, directory: string): Promise<Set<string>> {
  const read = async (path: string): Promise<Uint8Array> => {
    const bytes = await fs.readFile(`${directory}metadata/${path}`)
    if (bytes === undefined) throw new Error(`${directory}metadata/${path} is absent`)
    return bytes
  }
  const text = async (path: string): Promise<string> => new TextDecoder().decode(await read(path))
  const newest = `v${await text('version-hint.text')}.metadata.json`
  const metadata = JSON.parse(await text(newest)) as {
    snapshots: { 'manifest-list': string }[]
    'metadata-log': { 'metadata-file': string }[]
  }
  const names = new Set(['version-hint.text', newest])
  for (const entry of metadata['metadata-log']) names.add(nameOf(entry['metadata-file']))
  for (const { 'manifest-list': list } of metadata.snapshots) {
    names.add(nameOf(list))
    for (const row of await decodeAvro(await read(nameOf(list)))) {
      const manifest = nameOf(String(row['manifest_path']))
      names.add(manifest)
      for (const entry of await decodeAvro(await read(manifest))) {
        if (entry['status'] !== 2) names.add(nameOf(String((entry['data_file'] as Decoded)['file_path'])))
      }
    }
  }
  return names
}

function nameOf(uri: string): string {
  return uri.slice(uri.lastIndexOf('/') + 1)
}

async function decodeAvro(bytes: Uint8Array): Promise<Decoded[]> {
  const decoder = new avsc.streams.BlockDecoder()
  const records: Decoded[] = []
  decoder.on('data', (record: Decoded) => records.push(record))
  const ended = new Promise<void>((resolve, reject) => decoder.on('end', resolve).on('error', reject))
  decoder.end(Buffer.from(bytes))
  await ended
  return records
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : undefined
}

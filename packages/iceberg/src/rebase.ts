import { CorruptionError, MeruError } from '@meru/core'
import type { Environment, FileSystem } from '@meru/fs'
import {
  readPositionDeletes,
  readPuffinBlob,
  writePositionDeletes,
  writePuffin,
  type DeadPositions,
  type DeadRows,
} from '@meru/sst'
import { avroBytes, randomSync } from './avro-file.ts'
import { deletionVector, positionDeleteFile } from './delete-file.ts'
import { placeText, type TablePlace } from './destination.ts'
import {
  deleteFileName,
  deletionVectorsName,
  manifestListName,
  manifestName,
  METADATA,
  versionName,
} from './file-names.ts'
import { FORMAT_PUFFIN, MANIFEST_DATA, STATUS_ADDED, STATUS_DELETED } from './format.ts'
import { formatJson } from './json.ts'
import { checkedLocation } from './location.ts'
import type { ContentFile, ManifestEntry, ManifestRow } from './manifest-entry.ts'
import { rewriteManifest } from './manifest-file.ts'
import { rewriteManifestList } from './manifest-list.ts'
import { NewFiles, publishVersion, writeHint } from './new-files.ts'
import { readMetadataDirectory, TableFiles, versionUri, type PublishedVersion } from './published-table.ts'
import { strays } from './retention.ts'
import type { IcebergSnapshot, TableMetadata } from './table-metadata.ts'

/** Stands for the offset where a file is no collection of deletion vectors. */
const NO_OFFSET = -1

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export interface RebaseOptions {
  readonly fs: FileSystem
  readonly env: Environment
  /** Of the table, relative to the root; empty for the root itself. */
  readonly directory: string
  /** URI under which readers find the directory; by default its place. */
  readonly location?: string | undefined
  /** Data files that lie elsewhere, where they have moved too: what their URIs began with, and begin with. */
  readonly data?: { readonly from: string; readonly to: string } | undefined
}

/** What readers see after a rebase. */
export interface IcebergRebase {
  readonly metadataFile: string
  readonly version: number
  readonly snapshots: number
  /** True if the files were named where they are already; nothing was written then. */
  readonly unchanged: boolean
}

/**
 * Makes a table whose directory has moved readable where it is, with all its snapshots: metadata, manifests and delete
 * files name files by absolute URIs, and are written anew; data files are not touched. Nobody may export the table
 * meanwhile. Throws `INVALID` if there is no table.
 */
export async function rebaseTable(options: RebaseOptions): Promise<IcebergRebase> {
  const { fs, env, directory } = options
  const place: TablePlace = { fs, directory }
  const text = placeText(place)
  const location = checkedLocation(`table at ${text}`, text, options.location)
  const found = await readMetadataDirectory(place)
  const { published, path } = found
  if (published === undefined) throw new MeruError('INVALID', `${text} holds no Iceberg table`)
  const snapshots = published.metadata.snapshots.length
  const { data } = options
  if (published.metadata.location === location && (data === undefined || data.from === data.to)) {
    return { metadataFile: published.uri, version: published.version, snapshots, unchanged: true }
  }
  const old = await strays(place, { withData: false })
  const files = new NewFiles(fs, path)
  const rebase = new Rebase({ place, env, files, published, location, data })
  const metadata = await rebase.run()
  const version = Math.max(...found.versions) + 1
  if (!(await publishVersion(fs, env, path, version, formatJson(metadata)))) {
    await files.discard()
    throw new MeruError('CONFLICT', `${text}: somebody published while the table was rebased; try again`)
  }
  await writeHint(fs, env, path, version)
  // All that was there named, or was named by, files in their old place.
  for (const known of found.versions) await fs.remove(`${path}/${versionName(known)}`)
  for (const file of old) await fs.remove(file)
  return { metadataFile: versionUri(location, version), version, snapshots, unchanged: false }
}

interface Work {
  readonly place: TablePlace
  readonly env: Environment
  readonly files: NewFiles
  readonly published: PublishedVersion
  readonly location: string
  readonly data: RebaseOptions['data']
}

interface MovedManifest {
  readonly uri: string
  readonly bytes: number
  /** How many bytes more its files have: those that are live, that came with it, that left with it. */
  readonly growth: { readonly live: number; readonly added: number; readonly removed: number }
}

/** What became of a delete file: its entries, by the offset of a deletion vector. */
type MovedDeletes = ReadonlyMap<number, ContentFile>

/** Each file is written once, however many snapshots name it. */
class Rebase {
  readonly #work: Work
  readonly #old: TableFiles
  readonly #manifests: Map<string, MovedManifest> = new Map()
  readonly #deletes: Map<string, MovedDeletes> = new Map()

  constructor(work: Work) {
    this.#work = work
    this.#old = new TableFiles(work.place, work.published.metadata.location)
  }

  async run(): Promise<TableMetadata> {
    const { published, env, location } = this.#work
    const { metadata } = published
    const snapshots: IcebergSnapshot[] = []
    for (const snapshot of metadata.snapshots) {
      snapshots.push(await this.#snapshot(snapshot))
    }
    return {
      ...metadata,
      location,
      snapshots,
      // Those before name files in places where nothing is.
      'metadata-log': [],
      'last-updated-ms': Math.max(env.now(), metadata['last-updated-ms'] + 1),
    }
  }

  async #snapshot(snapshot: IcebergSnapshot): Promise<IcebergSnapshot> {
    const { env } = this.#work
    const { path, bytes } = await this.#old.read(snapshot['manifest-list'])
    const rows: ManifestRow[] = []
    const grown = { 'total-files-size': 0, 'added-files-size': 0, 'removed-files-size': 0 }
    for (const row of await this.#old.manifestRows(snapshot)) {
      const { uri, bytes: length, growth } = await this.#manifest(row)
      // Row ids come with the upgrade to version 3, so rows of one manifest may differ in them.
      rows.push({ ...row, manifest_path: uri, manifest_length: length })
      grown['total-files-size'] += growth.live
      if (row.added_snapshot_id !== snapshot['snapshot-id']) continue
      grown['added-files-size'] += growth.added
      grown['removed-files-size'] += growth.removed
    }
    const name = manifestListName(Number(snapshot['snapshot-id']), env.uuid())
    const list = await this.#write(name, rewriteManifestList(bytes, path, rows, randomSync(env)))
    const sizes = Object.entries(grown).map(([key, by]) => [
      key,
      String(Number(snapshot.summary[key] ?? 0) + by),
    ])
    const summary = { ...snapshot.summary, ...(Object.fromEntries(sizes) as Record<string, string>) }
    return { ...snapshot, 'manifest-list': list, summary }
  }

  async #manifest(row: ManifestRow): Promise<MovedManifest> {
    const known = this.#manifests.get(row.manifest_path)
    if (known !== undefined) return known
    const { env } = this.#work
    const { path, bytes } = await this.#old.read(row.manifest_path)
    const before = await this.#old.entries(row)
    if (row.content !== MANIFEST_DATA) await this.#moveDeletes(before)
    const growth = { live: 0, added: 0, removed: 0 }
    const entries = before.map((entry) => {
      const file = this.#contentFile(row, entry)
      const by = file.file_size_in_bytes - entry.data_file.file_size_in_bytes
      // Of a deletion vector its own bytes count, which are the same.
      if (file.file_format !== FORMAT_PUFFIN) {
        if (entry.status === STATUS_DELETED) growth.removed += by
        else growth.live += by
        if (entry.status === STATUS_ADDED) growth.added += by
      }
      return { ...entry, data_file: file }
    })
    const written = rewriteManifest(bytes, path, entries, randomSync(env))
    const uri = await this.#write(manifestName(env.uuid(), 0), written)
    const moved = { uri, bytes: written.length, growth }
    this.#manifests.set(row.manifest_path, moved)
    return moved
  }

  #contentFile(row: ManifestRow, { status, data_file: file }: ManifestEntry): ContentFile {
    if (row.content === MANIFEST_DATA) return { ...file, file_path: this.#moved(file.file_path) }
    const moved = this.#deletes.get(file.file_path)?.get(file.content_offset ?? NO_OFFSET)
    if (moved !== undefined) return { ...moved, partition: file.partition }
    if (status !== STATUS_DELETED) {
      throw new CorruptionError({ file: file.file_path }, 'named by a manifest and absent')
    }
    // What it says is that the file has left.
    const { referenced_data_file: target, lower_bounds: lower, upper_bounds: upper } = file
    return {
      ...file,
      file_path: this.#moved(file.file_path),
      referenced_data_file: target === null ? null : this.#moved(target),
      lower_bounds: this.#movedBounds(lower),
      upper_bounds: this.#movedBounds(upper),
    }
  }

  /** The bounds of the one column of a delete file that has some: paths. */
  #movedBounds(bounds: ContentFile['lower_bounds']): ContentFile['lower_bounds'] {
    if (bounds === null) return null
    return bounds.map(({ key, value }) => ({
      key,
      value: avroBytes(encoder.encode(this.#moved(decoder.decode(value)))),
    }))
  }

  async #moveDeletes(entries: readonly ManifestEntry[]): Promise<void> {
    const files = new Map<string, ContentFile[]>()
    for (const { data_file: file } of entries) {
      files.set(file.file_path, [...(files.get(file.file_path) ?? []), file])
    }
    for (const [uri, own] of files) {
      if (this.#deletes.has(uri)) continue
      const path = this.#old.pathOf(uri)
      const bytes = path === undefined ? undefined : await this.#work.place.fs.readFile(path)
      if (path === undefined || bytes === undefined) continue
      const isPuffin = own[0].file_format === FORMAT_PUFFIN
      this.#deletes.set(uri, isPuffin ? await this.#vectors(path, bytes, own) : await this.#positions(bytes))
    }
  }

  async #positions(bytes: Uint8Array): Promise<MovedDeletes> {
    const dead: DeadRows[] = (await readPositionDeletes(bytes)).map((rows) => ({
      ...rows,
      referencedDataFile: this.#moved(rows.referencedDataFile),
    }))
    const written = await writePositionDeletes(dead)
    const uri = await this.#write(deleteFileName(this.#work.env.uuid()), written)
    return new Map([[NO_OFFSET, positionDeleteFile({ uri, bytes: written.length, partition: {} }, dead)]])
  }

  async #vectors(path: string, bytes: Uint8Array, own: readonly ContentFile[]): Promise<MovedDeletes> {
    const vectors = own.map((file): { offset: number; target: string; dead: DeadPositions } => {
      const offset = file.content_offset ?? 0
      const blob = bytes.subarray(offset, offset + (file.content_size_in_bytes ?? 0))
      const target = this.#moved(file.referenced_data_file ?? '')
      return { offset, target, dead: readPuffinBlob(blob, path, offset) }
    })
    const puffin = writePuffin(vectors.map(({ target, dead }) => ({ referencedDataFile: target, dead })))
    const uri = await this.#write(deletionVectorsName(this.#work.env.uuid()), puffin.bytes)
    const place = { uri, bytes: puffin.bytes.length, partition: {} }
    return new Map(
      vectors.map(({ offset, target, dead }, i) => [
        offset,
        deletionVector(place, { uri: target, rows: dead.cardinality }, puffin.places[i]),
      ]),
    )
  }

  #moved(uri: string): string {
    const { published, location, data } = this.#work
    const moves = [{ from: published.metadata.location, to: location }, ...(data === undefined ? [] : [data])]
    for (const { from, to } of moves) if (uri.startsWith(`${from}/`)) return to + uri.slice(from.length)
    return uri
  }

  async #write(name: string, bytes: Uint8Array): Promise<string> {
    await this.#work.files.write(name, bytes)
    return `${this.#work.location}/${METADATA}/${name}`
  }
}

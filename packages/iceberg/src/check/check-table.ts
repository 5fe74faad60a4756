import type { FileSystem } from '@meru/fs'
import { decodeAvro, type AvroRecord, type DecodedFile } from './avro-decode.ts'
import { checkManifestListSchema, checkManifestSchema } from './avro-rules.ts'
import { checkDataFile, checkDeleteFile, type ColumnTypes, type DeletedRows } from './file-rules.ts'
import { numberText, readJson, recordOf, recordsOf, textOf, type JsonRecord } from './json-value.ts'
import { checkLineage, type StoredLineage } from './lineage-rules.ts'
import { checkManifest, type LiveFile, type ManifestContents } from './manifest-rules.ts'
import { checkMetadata } from './metadata-rules.ts'
import { checkManifestPartition, checkPartition } from './partition-rules.ts'
import { Report, valueText, type Violation } from './report.ts'
import { schemaParts } from './schema-parts.ts'
import { specsOf, type Specs } from './spec-rules.ts'
import { checkDeletionVector } from './puffin-rules.ts'
import {
  checkContents,
  checkDisjoint,
  checkRowIds,
  checkSummary,
  type SnapshotContents,
} from './snapshot-rules.ts'

const VERSION = /^v([1-9][0-9]*)\.metadata\.json$/

/** What the check of an Iceberg table found. */
export interface IcebergCheck {
  /** Empty if the table keeps to the rules. */
  readonly violations: readonly Violation[]
  /** The newest version; `undefined` if there is none. */
  readonly version: number | undefined
  readonly snapshots: number
  /** Distinct files that were looked at, of all snapshots. */
  readonly manifests: number
  readonly dataFiles: number
  /** Distinct partitions of those data files; files that are in none are not counted. */
  readonly partitions: number
  readonly deleteFiles: number
}

/** A file by its file system and its path there. */
export interface FilePlace {
  readonly fs: FileSystem
  readonly path: string
}

/** Finds data files that lie outside the location of their table; `undefined` where there may be none. */
export type FindOutside = (uri: string) => FilePlace | undefined

/**
 * Reads an exported table as a stranger would, from the hint down to the Parquet footers and every row of
 * the delete files, and reports what breaks the Iceberg specification or the rules that all readers
 * share. `directory` is that of the table, relative to the root; empty for the root itself. Shares no code with the
 * export.
 */
export async function checkTable(
  fs: FileSystem,
  directory: string,
  outside: FindOutside = () => undefined,
): Promise<IcebergCheck> {
  const check = new TableCheck({ fs, path: directory }, outside)
  const version = await check.newestVersion()
  const file = below(directory, `metadata/v${version}.metadata.json`)
  const bytes = version === undefined ? undefined : await fs.readFile(file)
  let metadata: JsonRecord = {}
  if (bytes !== undefined) {
    try {
      metadata = recordOf(readJson(bytes))
      checkMetadata(metadata, file, check.report)
    } catch (error) {
      check.report.add('metadata', file, `no JSON: ${String(error)}`)
    }
  }
  await check.snapshots(metadata, file)
  return { ...check.counts(metadata), version, violations: check.report.violations }
}

class TableCheck {
  readonly report: Report = new Report()
  /** The directory of the table. */
  readonly #place: FilePlace
  readonly #outside: FindOutside
  #metadata: { readonly location: string; readonly specs: Specs } = { location: '', specs: new Map() }
  readonly #manifests: Map<string, ManifestContents | undefined> = new Map()
  readonly #files: Map<string, LiveFile> = new Map()
  readonly #contents: (SnapshotContents & { readonly list: string; readonly snapshot: JsonRecord })[] = []

  constructor(place: FilePlace, outside: FindOutside) {
    this.#place = place
    this.#outside = outside
  }

  counts(
    metadata: JsonRecord,
  ): Pick<IcebergCheck, 'snapshots' | 'manifests' | 'dataFiles' | 'partitions' | 'deleteFiles'> {
    const files = [...this.#files.values()]
    return {
      snapshots: recordsOf(metadata['snapshots']).length,
      manifests: this.#manifests.size,
      dataFiles: files.filter((file) => file.content === 0).length,
      partitions: partitionsOf(files),
      deleteFiles: files.filter((file) => file.content !== 0).length,
    }
  }

  /** The version that the hint leads to: from there on for as long as there is a next one. */
  async newestVersion(): Promise<number | undefined> {
    const path = below(this.#place.path, 'metadata')
    const names = await this.#place.fs.list(path)
    const versions = names
      .map((name) => Number(VERSION.exec(name)?.[1] ?? 0))
      .filter((version) => version > 0)
    if (versions.length === 0) {
      this.report.add('hint', path, 'there is no metadata file')
      return undefined
    }
    const newest = Math.max(...versions)
    const hint = await this.#place.fs.readFile(`${path}/version-hint.text`)
    const text = hint === undefined ? 'missing' : new TextDecoder().decode(hint)
    const isDigits = /^[1-9][0-9]*$/.test(text)
    this.report.require(
      isDigits,
      'hint',
      `${path}/version-hint.text`,
      `${JSON.stringify(text)} is not digits alone`,
    )
    if (isDigits) this.report.equal(text, newest, 'hint', `${path}/version-hint.text`, 'the version')
    return newest
  }

  async snapshots(metadata: JsonRecord, file: string): Promise<void> {
    this.#metadata = { location: textOf(metadata['location']), specs: specsOf(metadata) }
    const snapshots = recordsOf(metadata['snapshots'])
    const known = new Map<string, SnapshotContents>()
    for (const snapshot of snapshots) {
      const contents = await this.#snapshot(snapshot, known.get(numberText(snapshot['parent-snapshot-id'])))
      if (contents !== undefined) known.set(numberText(snapshot['snapshot-id']), contents)
    }
    for (const entry of recordsOf(metadata['metadata-log'])) {
      const path = this.#pathOf(textOf(entry['metadata-file']))
      const isThere = path !== undefined && (await this.#place.fs.size(path)) !== undefined
      this.report.require(
        isThere,
        'log',
        file,
        `metadata-log names ${textOf(entry['metadata-file'])}, which is absent`,
      )
    }
    await this.#contentFiles(typesOf(metadata))
  }

  async #snapshot(
    snapshot: JsonRecord,
    parent: SnapshotContents | undefined,
  ): Promise<SnapshotContents | undefined> {
    const list = textOf(snapshot['manifest-list'])
    const decoded = await this.#avro(list, 'manifest-list')
    if (decoded === undefined) return undefined
    checkManifestListSchema(decoded, list, this.report)
    const id = numberText(snapshot['snapshot-id'])
    const sequence = numberText(snapshot['sequence-number'])
    const parentId = numberText(snapshot['parent-snapshot-id']) || 'null'
    const header = {
      'snapshot-id': id,
      'parent-snapshot-id': parentId,
      'sequence-number': sequence,
    }
    for (const [key, value] of Object.entries(header)) {
      this.report.equal(decoded.metadata.get(key), value, 'manifest-list', list, key)
    }
    this.#checkVersion(decoded, snapshot, list)
    const live: LiveFile[] = []
    for (const row of decoded.records) {
      const contents = await this.#manifest(row, list)
      live.push(...(contents?.live ?? []))
      const isOld = BigInt(valueText(row['sequence_number'])) <= BigInt(sequence === '' ? 0 : sequence)
      this.report.require(
        isOld,
        'manifest-list',
        list,
        `${valueText(row['manifest_path'])} is of a later snapshot`,
      )
    }
    const contents = {
      data: live.filter((file) => file.content === 0),
      deletes: live.filter((file) => file.content !== 0),
    }
    for (const file of live) this.#files.set(keyOf(file), file)
    checkContents(contents, list, this.report)
    if (snapshot['first-row-id'] !== undefined) checkRowIds(snapshot, contents.data, list, this.report)
    this.#contents.push({ list, snapshot, ...contents })
    checkSummary(snapshot, contents, parent, list, this.report)
    return contents
  }

  /** A manifest is read once; its row must be the same in every list. */
  async #manifest(row: AvroRecord, list: string): Promise<ManifestContents | undefined> {
    const uri = valueText(row['manifest_path'])
    this.report.equal(row['key_metadata'], null, 'manifest-list', list, `key_metadata of ${uri}`)
    // The upgrade to version 3 numbers the rows of the manifests of version 2.
    const { first_row_id: rowId = null, ...fixed } = row
    const text = `${uri} ${valueText(fixed)} `
    const key = `${text}${valueText(rowId)}`
    if (this.#manifests.has(key)) return this.#manifests.get(key)
    const isNew = [...this.#manifests.keys()].every(
      (known) => !known.startsWith(`${uri} `) || known === `${text}null`,
    )
    this.report.require(isNew, 'manifest-list', list, `the row of ${uri} differs from an earlier one`)
    const decoded = await this.#avro(uri, 'manifest')
    const path = this.#pathOf(uri)
    const size = path === undefined ? undefined : await this.#place.fs.size(path)
    this.report.equal(row['manifest_length'], size, 'manifest-list', list, `manifest_length of ${uri}`)
    let contents: ManifestContents | undefined
    if (decoded !== undefined) {
      checkManifestSchema(decoded, uri, this.report)
      checkManifestPartition(decoded, row, this.#metadata.specs, uri, this.report)
      contents = checkManifest(decoded, row, uri, this.report)
    }
    this.#manifests.set(key, contents)
    return contents
  }

  async #contentFiles(types: ColumnTypes): Promise<void> {
    const positions = new Map<string, DeletedRows>()
    const lineages = new Map<string, StoredLineage>()
    for (const file of this.#files.values()) {
      if (file.content === 0) checkPartition(file, this.#metadata.specs, types, this.report)
      const path = this.#pathOf(file.path)
      const rule = file.content === 0 ? 'data-file' : 'delete-file'
      const elsewhere = path === undefined && file.content === 0 ? this.#outside(file.path) : undefined
      if (elsewhere !== undefined) {
        const stored = await checkDataFile(elsewhere.fs, file, elsewhere.path, types, this.report)
        if (stored !== undefined) lineages.set(file.path, stored)
      } else if (path === undefined) {
        this.report.add(rule, file.path, `lies outside ${this.#metadata.location}`)
      } else if (file.content === 0) {
        const stored = await checkDataFile(this.#place.fs, file, path, types, this.report)
        if (stored !== undefined) lineages.set(file.path, stored)
      } else {
        const dataRows = (uri: string): number | undefined => {
          const target = this.#files.get(uri)
          return target === undefined ? undefined : Number(target.records)
        }
        const check = file.isVector ? checkDeletionVector : checkDeleteFile
        positions.set(keyOf(file), await check(this.#place.fs, file, path, dataRows, this.report))
      }
    }
    for (const { list, snapshot, data, deletes } of this.#contents) {
      checkDisjoint(deletes, positions, list, this.report)
      if (snapshot['first-row-id'] === undefined) continue
      const [first, added, sequence] = ['first-row-id', 'added-rows', 'sequence-number'].map((name) =>
        BigInt(numberText(snapshot[name]) || 0),
      )
      checkLineage({ list, data, endOfRowIds: first + added, sequence }, lineages, this.report)
    }
  }

  /** A list is of the version that the table had when the snapshot was made. */
  #checkVersion(decoded: DecodedFile, snapshot: JsonRecord, list: string): void {
    const version = snapshot['first-row-id'] === undefined ? 2 : 3
    this.report.equal(
      decoded.metadata.get('format-version'),
      version,
      'manifest-list',
      list,
      'format-version',
    )
    if (version === 2) return
    const first = numberText(snapshot['first-row-id'])
    this.report.equal(decoded.metadata.get('first-row-id'), first, 'manifest-list', list, 'first-row-id')
    for (const row of decoded.records) {
      const isNumbered = row['first_row_id'] !== null
      this.report.equal(
        isNumbered,
        row['content'] === 0,
        'manifest-list',
        list,
        'whether a row has first_row_id',
      )
    }
  }

  async #avro(uri: string, rule: 'manifest' | 'manifest-list'): Promise<DecodedFile | undefined> {
    const path = this.#pathOf(uri)
    const bytes = path === undefined ? undefined : await this.#place.fs.readFile(path)
    if (bytes === undefined) {
      this.report.add(rule, uri, 'the file does not exist')
      return undefined
    }
    try {
      return decodeAvro(bytes)
    } catch (error) {
      this.report.add('avro', uri, error instanceof Error ? error.message : String(error))
      return undefined
    }
  }

  #pathOf(uri: string): string | undefined {
    const prefix = `${this.#metadata.location}/`
    return uri.startsWith(prefix) ? below(this.#place.path, uri.slice(prefix.length)) : undefined
  }
}

function partitionsOf(files: readonly LiveFile[]): number {
  const partitioned = files.filter(({ content, specId }) => content === 0 && specId !== 0)
  return new Set(partitioned.map((file) => valueText(file.record['partition']))).size
}

function below(directory: string, path: string): string {
  return directory === '' ? path : `${directory}/${path}`
}

/** Several deletion vectors share a file. */
function keyOf(file: LiveFile): string {
  return file.isVector ? `${file.path} ${valueText(file.record['content_offset'])}` : file.path
}

/** Columns of all schemas; a column keeps its id, and only widens. The newest schema wins. */
function typesOf(metadata: JsonRecord): ColumnTypes {
  const types = new Map<number, string>()
  for (const schema of recordsOf(metadata['schemas'])) {
    for (const { id, type } of schemaParts(schema)) if (typeof type === 'string') types.set(id, type)
  }
  return types
}

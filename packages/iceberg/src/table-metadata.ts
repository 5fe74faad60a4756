import { CorruptionError, MeruError } from '@meru/core'
import { FORMAT_VERSIONS, type FormatVersion } from './format.ts'
import { formatJson, isArray, isObject, parseJson, type Json, type JsonObject } from './json.ts'

/** An id: a `bigint` only where another writer chose one beyond the safe integers. */
export type SnapshotId = number | bigint

export type IcebergSnapshot = {
  readonly 'snapshot-id': SnapshotId
  readonly 'parent-snapshot-id'?: SnapshotId
  readonly 'sequence-number': number
  readonly 'timestamp-ms': number
  /** URI of the manifest list. */
  readonly 'manifest-list': string
  readonly summary: { readonly [key: string]: string }
  readonly 'schema-id'?: number
  /** The table's next row id before the snapshot, and how many ids it gave out. Version 3. */
  readonly 'first-row-id'?: number
  readonly 'added-rows'?: number
}

export type SnapshotLogEntry = { readonly 'snapshot-id': SnapshotId; readonly 'timestamp-ms': number }
export type MetadataLogEntry = { readonly 'metadata-file': string; readonly 'timestamp-ms': number }
export type SnapshotRef = JsonObject & { readonly 'snapshot-id': SnapshotId; readonly type: string }

/** A metadata file. Members that another tool added are kept as they are. */
export type TableMetadata = {
  readonly 'format-version': FormatVersion
  /** Fixed for ever: readers refuse a table whose UUID changes. */
  readonly 'table-uuid': string
  readonly location: string
  readonly 'last-sequence-number': number
  readonly 'last-updated-ms': number
  readonly 'last-column-id': number
  /** Above every row id given out. Version 3. */
  readonly 'next-row-id'?: number
  readonly 'current-schema-id': number
  readonly schemas: readonly Json[]
  readonly properties: { readonly [key: string]: string }
  readonly 'current-snapshot-id'?: SnapshotId
  readonly snapshots: readonly IcebergSnapshot[]
  readonly 'snapshot-log': readonly SnapshotLogEntry[]
  readonly 'metadata-log': readonly MetadataLogEntry[]
  readonly refs: { readonly [name: string]: SnapshotRef }
  readonly [other: string]: Json | undefined
}

/**
 * Parses a metadata file. Throws a `SyntaxError` if it is no JSON, as after a crash half-way; a
 * `CorruptionError` if what the export relies on is missing; `UNSUPPORTED` for a newer format version.
 */
export function parseTableMetadata(text: string, file: string): TableMetadata {
  const root = parseJson(text)
  const fail = (problem: string): never => {
    throw new CorruptionError({ file }, `Iceberg table metadata: ${problem}`)
  }
  if (!isObject(root)) return fail('no JSON object')
  const formatVersion = root['format-version']
  if (!FORMAT_VERSIONS.some((known) => known === formatVersion)) {
    const found = typeof formatVersion === 'number' ? String(formatVersion) : 'missing'
    throw new MeruError(
      'UNSUPPORTED',
      `${file}: format version ${found}, where ${FORMAT_VERSIONS.join(' and ')} are known; ` +
        'another tool may have upgraded the table',
    )
  }
  for (const name of ['table-uuid', 'location']) {
    if (typeof root[name] !== 'string') fail(`${name} is no text`)
  }
  for (const name of ['last-sequence-number', 'last-updated-ms', 'last-column-id', 'current-schema-id']) {
    if (!isCount(root[name])) fail(`${name} is no count`)
  }
  if (formatVersion === 3 && !isCount(root['next-row-id'])) fail('next-row-id is no count')
  if (!isArray(root['schemas'])) fail('schemas are no list')
  const snapshots = listOf(root['snapshots'], isSnapshot)
  const snapshotLog = listOf(root['snapshot-log'], isLogEntry)
  const metadataLog = listOf(root['metadata-log'], isMetadataLogEntry)
  const refs = root['refs'] ?? {}
  const properties = root['properties'] ?? {}
  if (snapshots === undefined) return fail('a snapshot lacks a member or has one of another type')
  if (snapshotLog === undefined) return fail('snapshot-log has an entry of another form')
  if (metadataLog === undefined) return fail('metadata-log has an entry of another form')
  if (!isRefs(refs)) return fail('refs are of another form')
  if (!isTexts(properties)) return fail('a property is no text')
  const current = root['current-snapshot-id']
  if (current !== undefined && !snapshots.some((snapshot) => snapshot['snapshot-id'] === current)) {
    return fail(`current-snapshot-id ${formatJson(current)} is not among the snapshots`)
  }
  const lists = { snapshots, 'snapshot-log': snapshotLog, 'metadata-log': metadataLog, refs, properties }
  return { ...(root as TableMetadata), ...lists }
}

/** The snapshot that readers see, or `undefined` before the first. */
export function currentSnapshot(metadata: TableMetadata): IcebergSnapshot | undefined {
  const id = metadata['current-snapshot-id']
  return metadata.snapshots.find((snapshot) => snapshot['snapshot-id'] === id)
}

function listOf<T extends Json>(
  value: Json | undefined,
  isEntry: (entry: Json) => entry is T,
): T[] | undefined {
  if (value === undefined) return []
  return isArray(value) && value.every(isEntry) ? [...value] : undefined
}

function isSnapshot(value: Json): value is IcebergSnapshot {
  return (
    isObject(value) &&
    isId(value['snapshot-id']) &&
    (value['parent-snapshot-id'] === undefined || isId(value['parent-snapshot-id'])) &&
    isCount(value['sequence-number']) &&
    isCount(value['timestamp-ms']) &&
    typeof value['manifest-list'] === 'string' &&
    isTexts(value['summary'])
  )
}

function isLogEntry(value: Json): value is SnapshotLogEntry {
  return isObject(value) && isId(value['snapshot-id']) && isCount(value['timestamp-ms'])
}

function isMetadataLogEntry(value: Json): value is MetadataLogEntry {
  return isObject(value) && typeof value['metadata-file'] === 'string' && isCount(value['timestamp-ms'])
}

function isRef(value: Json | undefined): value is SnapshotRef {
  return isObject(value) && isId(value['snapshot-id']) && typeof value['type'] === 'string'
}

function isRefs(value: Json): value is { readonly [name: string]: SnapshotRef } {
  return isObject(value) && Object.values(value).every(isRef)
}

function isTexts(value: Json | undefined): value is { readonly [key: string]: string } {
  return isObject(value) && Object.values(value).every((member) => typeof member === 'string')
}

function isId(value: Json | undefined): value is SnapshotId {
  return isCount(value) || typeof value === 'bigint'
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

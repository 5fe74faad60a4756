import { MeruError, type TableSchema } from '@meru/core'
import {
  KEY_PARTITION_SPEC_ID,
  KEY_SORT_ORDER_ID,
  LAST_PARTITION_ID,
  MAIN_BRANCH,
  UNPARTITIONED_SPEC_ID,
  PROPERTY_TABLE_ID,
  type FormatVersion,
} from './format.ts'
import { icebergSchema, sortOrders } from './iceberg-schema.ts'
import { sameJson, type Json } from './json.ts'
import { lastPartitionId, partitionSpecs } from './partition.ts'
import type { IcebergSnapshot, SnapshotId, SnapshotRef, TableMetadata } from './table-metadata.ts'

/** Names for snapshots. See `ExportOptions.tags`. */
export type Tags = Readonly<Record<string, 'current' | number | null>>

/** What the metadata says of the table itself, as opposed to its snapshots. */
export interface TableShape {
  readonly 'format-version': FormatVersion
  readonly 'last-column-id': number
  readonly schemas: readonly Json[]
  readonly 'current-schema-id': number
  readonly properties: { readonly [key: string]: string }
}

/** The shape for a table, over that of its last metadata: properties of other tools stay. */
export function tableShape(
  table: {
    readonly id: number
    readonly name: string
    readonly schemas: readonly TableSchema[]
    readonly schemaId: number
  },
  options: { readonly snapshotsKept: number; readonly formatVersion: FormatVersion },
  previous: TableMetadata | undefined,
): TableShape {
  const { snapshotsKept, formatVersion } = options
  const lastColumnIds = table.schemas.map((schema) => schema.lastColumnId)
  return {
    'format-version': formatVersion,
    'last-column-id': Math.max(previous?.['last-column-id'] ?? 0, ...lastColumnIds),
    schemas: table.schemas.map((schema) => icebergSchema(table.name, schema, formatVersion)),
    'current-schema-id': table.schemaId,
    properties: { ...previous?.properties, ...propertiesOf(table.id, snapshotsKept) },
  }
}

function propertiesOf(tableId: number, snapshotsKept: number): Record<string, string> {
  return {
    [PROPERTY_TABLE_ID]: String(tableId),
    'created-by': 'meru',
    // The files are the engine's: no other tool may remove them.
    'gc.enabled': 'false',
    'write.format.default': 'parquet',
    'write.delete.mode': 'merge-on-read',
    'write.update.mode': 'merge-on-read',
    'write.merge.mode': 'merge-on-read',
    'write.metadata.delete-after-commit.enabled': 'true',
    'write.metadata.previous-versions-max': String(metadataFilesKept(snapshotsKept)),
    'history.expire.min-snapshots-to-keep': String(snapshotsKept),
  }
}

/** Older metadata files that stay: as many as have a current snapshot that is still kept. */
function metadataFilesKept(snapshotsKept: number): number {
  return snapshotsKept - 1
}

/** True if the metadata already says all of this. */
export function hasShape(metadata: TableMetadata, shape: TableShape): boolean {
  const { schemas, properties } = metadata
  const current: TableShape = {
    'format-version': metadata['format-version'],
    'last-column-id': metadata['last-column-id'],
    schemas,
    'current-schema-id': metadata['current-schema-id'],
    properties,
  }
  return sameJson({ ...current }, { ...shape })
}

export interface NextMetadata {
  readonly uuid: string
  readonly location: string
  readonly shape: TableShape
  /** The key of this schema is the sort order. */
  readonly schema: TableSchema
  readonly now: number
  /** At least 2, so that a reader of the last version can finish. */
  readonly snapshotsKept: number
  readonly tags?: Tags | undefined
  /** The snapshot to come on top, if there is one. */
  readonly snapshot: IcebergSnapshot | undefined
  readonly previous: TableMetadata | undefined
  /** URI of the previous metadata, if it is to be listed as such. */
  readonly previousUri: string | undefined
}

/** The metadata of the next version. Pure. Timestamps never go back. */
export function nextMetadata(next: NextMetadata): TableMetadata {
  const { previous, previousUri, snapshot } = next
  const current = snapshot?.['snapshot-id'] ?? previous?.['current-snapshot-id']
  const all = snapshot ? [...(previous?.snapshots ?? []), snapshot] : (previous?.snapshots ?? [])
  const refs: Record<string, SnapshotRef> = { ...previous?.refs }
  for (const [name, id] of tagEntries(next.tags, current)) {
    if (id === undefined) delete refs[name]
    else refs[name] = { 'snapshot-id': existing(all, name, id), type: 'tag' }
  }
  if (current !== undefined)
    refs[MAIN_BRANCH] = { ...refs[MAIN_BRANCH], 'snapshot-id': current, type: 'branch' }
  const kept = retained(all, refs, next.snapshotsKept)
  const updated = snapshot?.['timestamp-ms'] ?? Math.max(next.now, (previous?.['last-updated-ms'] ?? 0) + 1)
  const log = [...(previous?.['snapshot-log'] ?? [])]
  if (snapshot) log.push({ 'snapshot-id': snapshot['snapshot-id'], 'timestamp-ms': updated })
  const metadataLog = [...(previous?.['metadata-log'] ?? [])]
  if (previous !== undefined && previousUri !== undefined) {
    metadataLog.push({ 'metadata-file': previousUri, 'timestamp-ms': previous['last-updated-ms'] })
  }
  return {
    ...emptyTable(next),
    ...previous,
    location: next.location,
    'last-sequence-number': snapshot?.['sequence-number'] ?? previous?.['last-sequence-number'] ?? 0,
    'last-updated-ms': updated,
    ...next.shape,
    ...(next.shape['format-version'] === 2 ? {} : { 'next-row-id': nextRowId(previous, snapshot) }),
    ...(current === undefined ? {} : { 'current-snapshot-id': current }),
    refs,
    snapshots: all.filter((candidate) => kept.has(candidate['snapshot-id'])),
    'snapshot-log': log.slice(log.findLastIndex((entry) => !kept.has(entry['snapshot-id'])) + 1),
    'metadata-log': metadataLog.slice(-metadataFilesKept(next.snapshotsKept)),
  }
}

/** True if the metadata already has these names for its snapshots. */
export function hasTags(metadata: TableMetadata, tags: Tags | undefined): boolean {
  return tagEntries(tags, metadata['current-snapshot-id']).every(
    ([name, id]) => metadata.refs[name]?.['snapshot-id'] === id,
  )
}

/** What each name is to stand for; `undefined` for nothing any more. */
function tagEntries(
  tags: Tags | undefined,
  current: SnapshotId | undefined,
): [name: string, id: SnapshotId | undefined][] {
  return Object.entries(tags ?? {}).map(([name, value]) => {
    if (name === '' || name === MAIN_BRANCH) throw new TypeError(`"${name}" cannot be the name of a tag`)
    return [name, value === 'current' ? current : (value ?? undefined)]
  })
}

function existing(snapshots: readonly IcebergSnapshot[], name: string, id: SnapshotId): SnapshotId {
  if (snapshots.some((snapshot) => snapshot['snapshot-id'] === id)) return id
  throw new MeruError('INVALID', `tag ${name}: there is no snapshot ${id}; it may have expired`)
}

/** A table that was just upgraded has given out no row id. */
function nextRowId(previous: TableMetadata | undefined, snapshot: IcebergSnapshot | undefined): number {
  const first = snapshot?.['first-row-id'] ?? previous?.['next-row-id'] ?? 0
  return first + (snapshot?.['added-rows'] ?? 0)
}

function emptyTable(next: NextMetadata): TableMetadata {
  return {
    'table-uuid': next.uuid,
    location: next.location,
    'last-sequence-number': 0,
    'last-updated-ms': next.now,
    ...next.shape,
    // A table keeps them for ever.
    'default-spec-id': next.schema.partition === undefined ? UNPARTITIONED_SPEC_ID : KEY_PARTITION_SPEC_ID,
    'partition-specs': partitionSpecs(next.schema),
    'last-partition-id': lastPartitionId(next.schema, LAST_PARTITION_ID),
    'default-sort-order-id': KEY_SORT_ORDER_ID,
    'sort-orders': sortOrders(next.schema),
    refs: {},
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
  }
}

/**
 * Which snapshots stay: the newest `count` of the main branch, the whole of other branches, and what
 * tags name.
 */
function retained(
  snapshots: readonly IcebergSnapshot[],
  refs: { readonly [name: string]: SnapshotRef },
  count: number,
): Set<SnapshotId> {
  const byId = new Map(snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]))
  const kept = new Set<SnapshotId>()
  for (const [name, ref] of Object.entries(refs)) {
    let left = name === MAIN_BRANCH ? count : ref.type === 'tag' ? 1 : snapshots.length
    let at = byId.get(ref['snapshot-id'])
    for (; at !== undefined && left > 0; left--) {
      kept.add(at['snapshot-id'])
      const parent = at['parent-snapshot-id']
      at = parent === undefined ? undefined : byId.get(parent)
    }
  }
  return kept
}

import { expect, test } from 'vitest'
import { nextMetadata, tableShape, type NextMetadata } from '../src/next-metadata.ts'
import type { IcebergSnapshot, TableMetadata } from '../src/table-metadata.ts'
import { ORDERS } from './sample-export.ts'

const TABLE = { id: 1, name: 'orders', schemas: [ORDERS.schema], schemaId: 0 }

function snapshot(id: number, parent?: number): IcebergSnapshot {
  return {
    'snapshot-id': id,
    ...(parent === undefined ? {} : { 'parent-snapshot-id': parent }),
    'sequence-number': id,
    'timestamp-ms': 1000 + id,
    'manifest-list': `file:///t/metadata/snap-${id}.avro`,
    summary: { operation: 'append' },
    'schema-id': 0,
  }
}

function next(
  previous: TableMetadata | undefined,
  snapshot: IcebergSnapshot | undefined,
  more: Partial<NextMetadata> = {},
): TableMetadata {
  return nextMetadata({
    uuid: 'u',
    location: 'file:///t',
    shape: tableShape(TABLE, { snapshotsKept: 3, formatVersion: 2 }, previous),
    schema: ORDERS.schema,
    now: 1000,
    snapshotsKept: 3,
    snapshot,
    previous,
    previousUri: previous && `file:///t/metadata/v${previous['last-sequence-number']}.metadata.json`,
    ...more,
  })
}

function lineage(length: number): TableMetadata {
  let metadata = next(undefined, snapshot(1))
  for (let id = 2; id <= length; id++) metadata = next(metadata, snapshot(id, id - 1))
  return metadata
}

function idsOf(metadata: TableMetadata): unknown[] {
  return metadata.snapshots.map((kept) => kept['snapshot-id'])
}

test('the newest snapshots of the main branch stay, and the logs end where they begin', () => {
  const metadata = lineage(6)
  expect(idsOf(metadata)).toEqual([4, 5, 6])
  expect(metadata['snapshot-log'].map((entry) => entry['snapshot-id'])).toEqual([4, 5, 6])
  expect(metadata['metadata-log'].map((entry) => entry['metadata-file'])).toEqual([
    'file:///t/metadata/v4.metadata.json',
    'file:///t/metadata/v5.metadata.json',
  ])
  expect(metadata.refs['main']).toEqual({ 'snapshot-id': 6, type: 'branch' })
  expect(metadata['table-uuid']).toBe('u')
})

test('what a tag or another branch names stays as well', () => {
  const base = lineage(3)
  const refs = {
    ...base.refs,
    release: { 'snapshot-id': 1, type: 'tag', 'max-ref-age-ms': 9 },
    audit: { 'snapshot-id': 2, type: 'branch' },
  }
  let metadata: TableMetadata = { ...base, refs }
  for (let id = 4; id <= 8; id++) metadata = next(metadata, snapshot(id, id - 1))
  expect(idsOf(metadata)).toEqual([1, 2, 6, 7, 8])
  expect(metadata.refs['release']).toEqual({ 'snapshot-id': 1, type: 'tag', 'max-ref-age-ms': 9 })
  expect(metadata['snapshot-log'].map((entry) => entry['snapshot-id'])).toEqual([6, 7, 8])
})

test('a snapshot that is kept by a gap in the log cuts the log before it', () => {
  const base = lineage(3)
  const metadata = {
    ...base,
    'snapshot-log': [{ 'snapshot-id': 77, 'timestamp-ms': 1 }, ...base['snapshot-log']],
  }
  expect(next(metadata, undefined)['snapshot-log']).toEqual(base['snapshot-log'])
})

test('time never goes back', () => {
  const base = lineage(2)
  expect(next(base, undefined, { now: 5 })['last-updated-ms']).toBe(base['last-updated-ms'] + 1)
  expect(next(base, undefined, { now: 5000 })['last-updated-ms']).toBe(5000)
})

test('members and properties of other tools stay', () => {
  const base = {
    ...lineage(1),
    statistics: [{ 'snapshot-id': 1 }],
    properties: { 'x.y': 'z', 'gc.enabled': 'true' },
  }
  const metadata = next(base, snapshot(2, 1))
  expect(metadata['statistics']).toEqual([{ 'snapshot-id': 1 }])
  expect(metadata.properties).toMatchObject({ 'x.y': 'z', 'gc.enabled': 'false' })
})

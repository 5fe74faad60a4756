import { MeruError } from '@meru/core'
import type { DeadPositions } from '@meru/sst'
import { PROPERTY_TABLE_ID, SUMMARY_LIVE_RECORDS, SUMMARY_SEQNO } from './format.ts'
import type { ScopedCounts } from './delete-coverage.ts'
import type { LoadedManifest, ManifestRow } from './manifest-entry.ts'
import type { PublishedVersion } from './published-table.ts'
import type { Contents } from './summary.ts'
import { currentSnapshot, type IcebergSnapshot, type TableMetadata } from './table-metadata.ts'

/** What the next snapshot stands on. */
export interface Base {
  readonly metadata: TableMetadata | undefined
  /** URI of the metadata, if the next one is to list it as its predecessor. */
  readonly uri: string | undefined
  readonly snapshot: IcebergSnapshot | undefined
  /** What the snapshot holds, as its summary says. */
  readonly contents: Contents | undefined
}

const NOTHING: Base = { metadata: undefined, uri: undefined, snapshot: undefined, contents: undefined }

/** The table that is exported, as far as the choice of the base depends on it. */
export interface Subject {
  readonly id: number
  readonly name: string
  readonly location: string
  readonly seqno: number
}

/**
 * Chooses the base. A table that was dropped and made anew shares nothing with the one before, so it
 * becomes another Iceberg table. A table that has moved keeps its identity and loses its snapshots, for
 * the paths in them lead nowhere. Throws `INVALID` if the newest snapshot is not Meru's, or newer than
 * the version to be exported.
 */
export function chooseBase(published: PublishedVersion | undefined, subject: Subject): Base {
  if (published === undefined) return NOTHING
  const { metadata, uri } = published
  const tableId = metadata.properties[PROPERTY_TABLE_ID]
  const place = `table ${subject.name}: ${uri}`
  if (tableId === undefined) {
    throw new MeruError(
      'INVALID',
      `${place} was not written by Meru (no property ${PROPERTY_TABLE_ID}); move the metadata directory away`,
    )
  }
  if (tableId !== String(subject.id)) return NOTHING
  const snapshot = currentSnapshot(metadata)
  const contents = snapshot && contentsOf(snapshot)
  if (snapshot !== undefined && contents === undefined) {
    throw new MeruError(
      'INVALID',
      `${place}: snapshot ${snapshot['snapshot-id']} was committed by another tool ` +
        `(no ${SUMMARY_SEQNO} in its summary); the Iceberg table is a copy to read from, so roll the ` +
        'snapshot back or move the metadata directory away',
    )
  }
  if (contents !== undefined && contents.seqno > subject.seqno) {
    throw new MeruError(
      'INVALID',
      `${place} shows seqno ${contents.seqno}, the version to be exported ends at ${subject.seqno}; ` +
        'another writer may have taken over, or the database is an older copy: then move the metadata directory away',
    )
  }
  if (metadata.location !== subject.location) {
    return { ...NOTHING, metadata: withoutSnapshots(metadata) }
  }
  return { metadata, uri, snapshot, contents }
}

function contentsOf({ summary }: IcebergSnapshot): Contents | undefined {
  const seqno = Number(summary[SUMMARY_SEQNO])
  const liveRecords = Number(summary[SUMMARY_LIVE_RECORDS])
  return Number.isSafeInteger(seqno) && Number.isSafeInteger(liveRecords) ? { seqno, liveRecords } : undefined
}

function withoutSnapshots(metadata: TableMetadata): TableMetadata {
  const { 'current-snapshot-id': _current, ...rest } = metadata
  return { ...rest, snapshots: [], 'snapshot-log': [], 'metadata-log': [], refs: {} }
}

/** The manifests of the last export, kept so that the next one need not read them. See `ExportOptions.cache`. */
export interface ExportCache {
  /** Of the snapshots that are kept: their manifests, and the files in those, by URI. */
  readonly lists: Map<string, readonly ManifestRow[]>
  readonly files: Map<string, readonly string[]>
  /** Whether what crashed exports left in a target is gone. */
  isSwept: boolean
  last:
    | {
        readonly published: PublishedVersion
        readonly manifests: readonly LoadedManifest[]
        readonly scoped: ScopedCounts
        /** Dead positions that the snapshot shows, by URI of the data file. */
        readonly dead: ReadonlyMap<string, DeadPositions>
      }
    | undefined
}

export function createExportCache(): ExportCache {
  return { last: undefined, isSwept: false, lists: new Map(), files: new Map() }
}

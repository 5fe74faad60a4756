import { isEmpty, type ChangeSet } from './change-set.ts'
import {
  FORMAT_PUFFIN,
  MANIFEST_DATA,
  type FormatVersion,
  SUMMARY_LIVE_RECORDS,
  SUMMARY_SEQNO,
} from './format.ts'
import type { ContentFile, LoadedManifest } from './manifest-entry.ts'
import { partitionText } from './partition.ts'

/** Iceberg's word for what a snapshot did. Consumers of changes rely on it. */
export type Operation = 'append' | 'overwrite' | 'delete' | 'replace'

/** What the summaries of two snapshots are compared by. */
export interface Contents {
  readonly seqno: number
  readonly liveRecords: number
}

/**
 * The operation of a change set that is not empty. Two versions with the same seqno hold the same rows,
 * whatever files they lie in.
 */
export function classify(changes: ChangeSet, before: Contents | undefined, after: Contents): Operation {
  const isSame = before?.seqno === after.seqno && before.liveRecords === after.liveRecords
  if (isSame && !isEmpty(changes)) return 'replace'
  if (changes.removed.length > 0 || changes.deletesWritten.length > 0) {
    return changes.added.length === 0 ? 'delete' : 'overwrite'
  }
  return changes.deletesRemoved.length === 0 ? 'append' : 'overwrite'
}

/** Sums over the files that are live in a snapshot. */
export interface Totals {
  readonly dataFiles: number
  readonly deleteFiles: number
  readonly records: number
  readonly positionDeletes: number
  readonly bytes: number
}

export function totalsOf(manifests: readonly LoadedManifest[]): Totals {
  const data = filesIn(manifests.filter(({ row }) => row.content === MANIFEST_DATA))
  const deletes = filesIn(manifests.filter(({ row }) => row.content !== MANIFEST_DATA))
  return {
    dataFiles: data.length,
    deleteFiles: deletes.length,
    records: sum(data, records),
    positionDeletes: sum(deletes, records),
    bytes: sum(data, bytes) + sum(deletes, bytes),
  }
}

/** Everything that a summary tells of a snapshot. */
export interface SummaryInput {
  readonly formatVersion: FormatVersion
  readonly operation: Operation
  readonly seqno: number
  readonly liveRecords: number
  readonly addedData: readonly ContentFile[]
  readonly removedData: readonly ContentFile[]
  readonly addedDeletes: readonly ContentFile[]
  readonly removedDeletes: readonly ContentFile[]
  readonly totals: Totals
  readonly manifestsCreated: number
  readonly manifestsKept: number
  readonly manifestsReplaced: number
}

/** The summary of a snapshot: all numbers, zeros too, as text. The operation comes first. */
export function summaryOf(input: SummaryInput): Record<string, string> {
  const { addedData, removedData, addedDeletes, removedDeletes, totals } = input
  const changed = [...addedData, ...removedData, ...addedDeletes, ...removedDeletes]
  const numbers: Record<string, number> = {
    'added-data-files': addedData.length,
    'deleted-data-files': removedData.length,
    'added-records': sum(addedData, records),
    'deleted-records': sum(removedData, records),
    'added-files-size': sum(addedData, bytes) + sum(addedDeletes, bytes),
    'removed-files-size': sum(removedData, bytes) + sum(removedDeletes, bytes),
    'added-delete-files': addedDeletes.length,
    'removed-delete-files': removedDeletes.length,
    'added-position-delete-files': addedDeletes.filter((file) => !isVector(file)).length,
    'removed-position-delete-files': removedDeletes.filter((file) => !isVector(file)).length,
    ...(input.formatVersion === 2
      ? {}
      : {
          'added-dvs': addedDeletes.filter(isVector).length,
          'removed-dvs': removedDeletes.filter(isVector).length,
        }),
    'added-position-deletes': sum(addedDeletes, records),
    'removed-position-deletes': sum(removedDeletes, records),
    'changed-partition-count': new Set(changed.map(partitionText)).size,
    'total-records': totals.records,
    'total-data-files': totals.dataFiles,
    'total-delete-files': totals.deleteFiles,
    'total-position-deletes': totals.positionDeletes,
    'total-equality-deletes': 0,
    'total-files-size': totals.bytes,
    'manifests-created': input.manifestsCreated,
    'manifests-kept': input.manifestsKept,
    'manifests-replaced': input.manifestsReplaced,
    'entries-processed': changed.length,
    [SUMMARY_SEQNO]: input.seqno,
    [SUMMARY_LIVE_RECORDS]: input.liveRecords,
  }
  const summary: Record<string, string> = { operation: input.operation, 'engine-name': 'meru' }
  for (const [key, value] of Object.entries(numbers)) summary[key] = String(value)
  return summary
}

function filesIn(manifests: readonly LoadedManifest[]): ContentFile[] {
  return manifests.flatMap(({ live }) => live.map((entry) => entry.data_file))
}

function sum(files: readonly ContentFile[], value: (file: ContentFile) => number): number {
  let total = 0
  for (const file of files) total += value(file)
  return total
}

function isVector(file: ContentFile): boolean {
  return file.file_format === FORMAT_PUFFIN
}

function records(file: ContentFile): number {
  return file.record_count
}

function bytes(file: ContentFile): number {
  return file.content_size_in_bytes ?? file.file_size_in_bytes
}

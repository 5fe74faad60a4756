import type { TableSchema } from '@meru/core'
import type { Environment } from '@meru/fs'
import type { DeadPositions } from '@meru/sst'
import { randomSync } from './avro-file.ts'
import type { Base } from './base.ts'
import type { ChangeSet } from './change-set.ts'
import { dataFile } from './data-file.ts'
import type { ScopedCounts, WantedFile } from './delete-coverage.ts'
import { writeDeletes } from './delete-writer.ts'
import { manifestListName, manifestName, METADATA } from './file-names.ts'
import { SNAPSHOT_ID_BITS, type FormatVersion } from './format.ts'
import { icebergSchema } from './iceberg-schema.ts'
import {
  fileKey,
  liveEntries,
  type ContentFile,
  type LiveEntry,
  type LoadedManifest,
} from './manifest-entry.ts'
import { encodeManifest, manifestRow, type ManifestDraft, type WritingSnapshot } from './manifest-file.ts'
import { assignRowIds, encodeManifestList } from './manifest-list.ts'
import { planManifests } from './manifest-plan.ts'
import type { NewFiles } from './new-files.ts'
import { partitionTuple } from './partition.ts'
import { startingNumbers } from './row-lineage.ts'
import { classify, summaryOf, totalsOf, type Contents } from './summary.ts'
import type { IcebergSnapshot, TableMetadata } from './table-metadata.ts'

export interface SnapshotInput {
  readonly env: Environment
  readonly files: NewFiles
  readonly table: string
  readonly location: string
  readonly schema: TableSchema
  readonly formatVersion: FormatVersion
  readonly base: Base
  /** The manifests of the base. */
  readonly manifests: readonly LoadedManifest[]
  readonly changes: ChangeSet
  /** All SSTs that readers are to see. */
  readonly wanted: readonly WantedFile[]
  readonly contents: Contents
  /** Of the base. */
  readonly scoped: ScopedCounts
  readonly dead: (fileId: string) => DeadPositions | undefined
  readonly signal: AbortSignal | undefined
}

export interface WrittenSnapshot {
  readonly snapshot: IcebergSnapshot
  readonly manifests: readonly LoadedManifest[]
  /** Of the delete files in it that are about several data files. */
  readonly scoped: ScopedCounts
}

/** Writes everything that a new snapshot consists of. Nothing refers to it yet. */
export async function writeSnapshot(input: SnapshotInput): Promise<WrittenSnapshot> {
  const { env, base, changes, schema, formatVersion } = input
  const { nextRowId: firstRowId, lastSequenceNumber } = startingNumbers(base.metadata, {
    wanted: input.wanted,
    added: changes.added,
  })
  const writing: WritingSnapshot = {
    formatVersion,
    snapshotId: freshSnapshotId(env, base.metadata),
    sequenceNumber: lastSequenceNumber + 1,
    schema: icebergSchema(input.table, schema, formatVersion),
    schemaId: schema.schemaId,
    table: schema,
  }
  const addedData = changes.added.map(({ sst, uri }) => dataFile(sst, uri, schema))
  const { entries: addedDeletes, scoped } = await writeDeletes(
    {
      ...input,
      partitionOf: (sst) => partitionTuple(sst, schema),
      write: (name, bytes) => writeFile(input, name, bytes),
    },
    changes.deletesWritten,
    formatVersion,
  )
  const gone = [...changes.removed, ...changes.deletesRemoved].map((entry) => fileKey(entry.data_file))
  const fileChanges = { addedData, addedDeletes, gone: new Set(gone) }
  const plan = planManifests(input.manifests, fileChanges, writing.snapshotId)
  const written = await writeManifests(input, plan.drafts, writing)
  const ordered = [...written, ...plan.kept].sort((a, b) => a.row.content - b.row.content)
  const { manifests, rowIds } =
    formatVersion === 2 ? { manifests: ordered, rowIds: 0 } : numbered(ordered, firstRowId)
  const listUri = await writeList(input, manifests, { ...writing, firstRowId })
  const summary = summaryOf({
    formatVersion,
    operation: classify(changes, base.contents, input.contents),
    seqno: input.contents.seqno,
    liveRecords: input.contents.liveRecords,
    addedData,
    removedData: contentOf(changes.removed),
    addedDeletes,
    removedDeletes: contentOf(changes.deletesRemoved),
    totals: totalsOf(manifests),
    manifestsCreated: plan.drafts.length,
    manifestsKept: plan.kept.length,
    manifestsReplaced: plan.replaced,
  })
  const parent = base.snapshot?.['snapshot-id']
  const snapshot: IcebergSnapshot = {
    'snapshot-id': writing.snapshotId,
    ...(parent === undefined ? {} : { 'parent-snapshot-id': parent }),
    'sequence-number': writing.sequenceNumber,
    'timestamp-ms': Math.max(env.now(), (base.metadata?.['last-updated-ms'] ?? 0) + 1),
    'manifest-list': listUri,
    summary,
    'schema-id': schema.schemaId,
    ...(formatVersion === 2 ? {} : { 'first-row-id': firstRowId, 'added-rows': rowIds }),
  }
  const stillScoped = [...input.scoped].filter(([uri]) => !gone.includes(uri))
  return { snapshot, manifests, scoped: new Map([...stillScoped, ...scoped]) }
}

/** The manifests with row ids for all rows. */
function numbered(
  manifests: readonly LoadedManifest[],
  firstRowId: number,
): { manifests: LoadedManifest[]; rowIds: number } {
  const { rows, rowIds } = assignRowIds(
    manifests.map(({ row }) => row),
    firstRowId,
  )
  return {
    manifests: manifests.map(({ live }, i) => ({ row: rows[i], live: liveEntries(live, rows[i]) })),
    rowIds,
  }
}

async function writeManifests(
  input: SnapshotInput,
  drafts: readonly ManifestDraft[],
  writing: WritingSnapshot,
): Promise<LoadedManifest[]> {
  const uuid = input.env.uuid()
  const manifests: LoadedManifest[] = []
  for (const draft of drafts) {
    input.signal?.throwIfAborted()
    const name = manifestName(uuid, manifests.length)
    const bytes = encodeManifest(draft, writing, randomSync(input.env))
    const uri = await writeFile(input, name, bytes)
    const row = manifestRow(draft, writing, { uri, bytes: bytes.length })
    manifests.push({ row, live: liveEntries(draft.entries, row) })
  }
  return manifests
}

async function writeList(
  input: SnapshotInput,
  manifests: readonly LoadedManifest[],
  writing: WritingSnapshot & { readonly firstRowId: number },
): Promise<string> {
  const name = manifestListName(writing.snapshotId, input.env.uuid())
  const parentId = input.base.snapshot?.['snapshot-id']
  const rows = manifests.map(({ row }) => row)
  return await writeFile(
    input,
    name,
    encodeManifestList(rows, { ...writing, parentId }, randomSync(input.env)),
  )
}

async function writeFile(input: SnapshotInput, name: string, bytes: Uint8Array): Promise<string> {
  await input.files.write(name, bytes)
  return `${input.location}/${METADATA}/${name}`
}

function contentOf(entries: readonly LiveEntry[]): ContentFile[] {
  return entries.map((entry) => entry.data_file)
}

/** A random positive id that no snapshot of the table has. */
function freshSnapshotId(env: Environment, metadata: TableMetadata | undefined): number {
  const low = 2 ** 26
  const high = 2 ** (SNAPSHOT_ID_BITS - 26)
  for (;;) {
    const id = env.random(high) * low + env.random(low)
    const isTaken = metadata?.snapshots.some((snapshot) => snapshot['snapshot-id'] === id)
    if (id > 0 && isTaken !== true) return id
  }
}

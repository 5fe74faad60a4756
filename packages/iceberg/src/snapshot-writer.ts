import type { TableSchema } from '@meru/core'
import type { Environment } from '@meru/fs'
import type { Base } from './base.ts'
import type { ChangeSet, WantedFile } from './change-set.ts'
import { dataFile } from './data-file.ts'
import { encodePositionDeletes, positionDeleteFile, type RowPositions } from './delete-file.ts'
import { deleteFileName, manifestListName, manifestName, METADATA } from './file-names.ts'
import { SNAPSHOT_ID_BITS } from './format.ts'
import { icebergSchema } from './iceberg-schema.ts'
import { liveEntries, type ContentFile, type LiveEntry, type LoadedManifest } from './manifest-entry.ts'
import { encodeManifest, manifestRow, type ManifestDraft, type WritingSnapshot } from './manifest-file.ts'
import { encodeManifestList } from './manifest-list.ts'
import { planManifests } from './manifest-plan.ts'
import type { NewFiles } from './new-files.ts'
import { classify, summaryOf, totalsOf, type Contents } from './summary.ts'
import type { IcebergSnapshot, TableMetadata } from './table-metadata.ts'

/** Delete files that are on their way to the disk together. */
const SYNCS_AT_ONCE = 8

export interface SnapshotInput {
  readonly env: Environment
  readonly files: NewFiles
  readonly table: string
  readonly location: string
  readonly schema: TableSchema
  readonly base: Base
  /** The manifests of the base. */
  readonly manifests: readonly LoadedManifest[]
  readonly changes: ChangeSet
  readonly contents: Contents
  readonly dead: (fileId: string) => RowPositions | undefined
  readonly signal: AbortSignal | undefined
}

export interface WrittenSnapshot {
  readonly snapshot: IcebergSnapshot
  readonly manifests: readonly LoadedManifest[]
}

/** Writes everything that a new snapshot consists of. Nothing refers to it yet. */
export async function writeSnapshot(input: SnapshotInput): Promise<WrittenSnapshot> {
  const { env, base, changes, schema } = input
  const writing: WritingSnapshot = {
    snapshotId: freshSnapshotId(env, base.metadata),
    sequenceNumber: (base.metadata?.['last-sequence-number'] ?? 0) + 1,
    schema: icebergSchema(input.table, schema),
    schemaId: schema.schemaId,
  }
  const addedData = changes.added.map(({ sst, uri }) => dataFile(sst, uri, schema))
  const addedDeletes = await writeDeletes(input)
  const gone = [...changes.removed, ...changes.deletesRemoved].map((entry) => entry.data_file.file_path)
  const fileChanges = { addedData, addedDeletes, gone: new Set(gone) }
  const plan = planManifests(input.manifests, fileChanges, writing.snapshotId)
  const written = await writeManifests(input, plan.drafts, writing)
  const manifests = [...written, ...plan.kept].sort((a, b) => a.row.content - b.row.content)
  const listUri = await writeList(input, manifests, writing)
  const summary = summaryOf({
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
  }
  return { snapshot, manifests }
}

async function writeDeletes(input: SnapshotInput): Promise<ContentFile[]> {
  const files = input.changes.deletesWritten
  const entries: ContentFile[] = []
  for (let from = 0; from < files.length; from += SYNCS_AT_ONCE) {
    input.signal?.throwIfAborted()
    const batch = files.slice(from, from + SYNCS_AT_ONCE).map((file) => writeDeleteFile(input, file))
    // All of them come to an end before an error goes up, so that nothing is written after it.
    const outcomes = await Promise.allSettled(batch)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') throw outcome.reason
      entries.push(outcome.value)
    }
  }
  return entries
}

async function writeDeleteFile(input: SnapshotInput, file: WantedFile): Promise<ContentFile> {
  const { positions, deadFile } = deadOf(file, input.dead)
  const name = deleteFileName(deadFile, input.env.uuid())
  const bytes = encodePositionDeletes(file.uri, positions)
  await input.files.write(name, bytes)
  return positionDeleteFile(uriOf(input, name), bytes.length, file.uri, positions.cardinality)
}

function deadOf(
  { sst }: WantedFile,
  dead: SnapshotInput['dead'],
): { positions: RowPositions; deadFile: string } {
  const positions = dead(sst.id)
  if (positions === undefined || sst.dead === undefined || positions.cardinality !== sst.dead.cardinality) {
    throw new TypeError(
      `SST ${sst.id}: ${positions?.cardinality ?? 'no'} dead positions given, ` +
        `where the version has ${sst.dead?.cardinality ?? 'none'}`,
    )
  }
  return { positions, deadFile: sst.dead.file }
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
    await input.files.write(name, bytes)
    const row = manifestRow(draft, writing, { uri: uriOf(input, name), bytes: bytes.length })
    manifests.push({ row, live: liveEntries(draft.entries, row) })
  }
  return manifests
}

async function writeList(
  input: SnapshotInput,
  manifests: readonly LoadedManifest[],
  writing: WritingSnapshot,
): Promise<string> {
  const name = manifestListName(writing.snapshotId, input.env.uuid())
  const parentId = input.base.snapshot?.['snapshot-id']
  const rows = manifests.map(({ row }) => row)
  await input.files.write(name, encodeManifestList(rows, { ...writing, parentId }, randomSync(input.env)))
  return uriOf(input, name)
}

function uriOf(input: SnapshotInput, name: string): string {
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

function randomSync(env: Environment): Uint8Array {
  const words = Uint32Array.from({ length: 4 }, () => env.random(2 ** 32))
  return new Uint8Array(words.buffer)
}

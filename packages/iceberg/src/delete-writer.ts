import type { Environment } from '@meru/fs'
import { DeadPositions, writePositionDeletes, writePuffin, type DeadRows } from '@meru/sst'
import type { DeadWork, ScopedCounts } from './delete-coverage.ts'
import { deletionVector, positionDeleteFile } from './delete-file.ts'
import { deleteFileName, deletionVectorsName } from './file-names.ts'
import type { FormatVersion } from './format.ts'
import type { ContentFile, PartitionTuple } from './manifest-entry.ts'

/** Delete files that are on their way to the disk together. */
const SYNCS_AT_ONCE = 8
/** More data files of one partition than this share one file of position deletes, rather than have one each. */
const FAN_OUT_MAX = 64

export interface DeleteWriter {
  readonly env: Environment
  /** Makes the bytes durable under a name in the metadata directory and gives the URI. */
  readonly write: (name: string, bytes: Uint8Array) => Promise<string>
  readonly dead: (fileId: string) => DeadPositions | undefined
  /** The partition of an SST, which its deletes share. */
  readonly partitionOf: (sst: DeadWork['file']['sst']) => PartitionTuple
  readonly signal: AbortSignal | undefined
}

export interface WrittenDeletes {
  readonly entries: readonly ContentFile[]
  /** Of the files among them that are about several data files. */
  readonly scoped: ScopedCounts
}

/** Writes the dead positions of these data files, in the form of the version; the entries of what it wrote. */
export async function writeDeletes(
  writer: DeleteWriter,
  work: readonly DeadWork[],
  version: FormatVersion,
): Promise<WrittenDeletes> {
  if (work.length === 0) return { entries: [], scoped: new Map() }
  writer.signal?.throwIfAborted()
  if (version === 3) return { entries: await writeVectors(writer, work), scoped: new Map() }
  const byPartition = new Map<string, PartitionedRows[]>()
  for (const { file, covered } of work) {
    const partition = writer.partitionOf(file.sst)
    const positions = deadOf(writer, file.sst).beyond(covered ?? DeadPositions.empty)
    const key = JSON.stringify(partition)
    const rows = byPartition.get(key) ?? []
    rows.push({ referencedDataFile: file.uri, positions, partition })
    byPartition.set(key, rows)
  }
  // A delete file is about data files of its own partition alone.
  const files = [...byPartition.values()].flatMap((rows) =>
    rows.length > FAN_OUT_MAX ? [rows] : rows.map((each) => [each]),
  )
  const entries = await writeAll(writer, files)
  const scoped = files.flatMap((rows, i) => {
    if (rows.length === 1) return []
    const counts = new Map(rows.map((each) => [each.referencedDataFile, each.positions.length]))
    return [[entries[i].file_path, counts] as const]
  })
  return { entries, scoped: new Map(scoped) }
}

interface PartitionedRows extends DeadRows {
  readonly partition: PartitionTuple
}

async function writeAll(
  writer: DeleteWriter,
  files: readonly (readonly PartitionedRows[])[],
): Promise<ContentFile[]> {
  const entries: ContentFile[] = []
  for (let from = 0; from < files.length; from += SYNCS_AT_ONCE) {
    writer.signal?.throwIfAborted()
    const batch = files.slice(from, from + SYNCS_AT_ONCE).map((rows) => writePositions(writer, rows))
    // All of them come to an end before an error goes up, so that nothing is written after it.
    const outcomes = await Promise.allSettled(batch)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') throw outcome.reason
      entries.push(outcome.value)
    }
  }
  return entries
}

async function writePositions(writer: DeleteWriter, dead: readonly PartitionedRows[]): Promise<ContentFile> {
  const bytes = await writePositionDeletes(dead)
  const uri = await writer.write(deleteFileName(writer.env.uuid()), bytes)
  return positionDeleteFile({ uri, bytes: bytes.length, partition: dead[0].partition }, dead)
}

/** One Puffin file with all of them. The engine's own cannot serve: its footers have no URIs. */
async function writeVectors(writer: DeleteWriter, work: readonly DeadWork[]): Promise<ContentFile[]> {
  const vectors = work.map(({ file }) => ({
    uri: file.uri,
    partition: writer.partitionOf(file.sst),
    dead: deadOf(writer, file.sst),
  }))
  const puffin = writePuffin(vectors.map(({ uri, dead }) => ({ referencedDataFile: uri, dead })))
  const uri = await writer.write(deletionVectorsName(writer.env.uuid()), puffin.bytes)
  const place = { uri, bytes: puffin.bytes.length }
  return vectors.map((vector, i) =>
    deletionVector(
      { ...place, partition: vector.partition },
      { uri: vector.uri, rows: vector.dead.cardinality },
      puffin.places[i],
    ),
  )
}

function deadOf(writer: DeleteWriter, sst: DeadWork['file']['sst']): DeadPositions {
  const positions = writer.dead(sst.id)
  if (positions === undefined || sst.dead === undefined || positions.cardinality !== sst.dead.cardinality) {
    throw new TypeError(
      `SST ${sst.id}: ${positions?.cardinality ?? 'no'} dead positions given, ` +
        `where the version has ${sst.dead?.cardinality ?? 'none'}`,
    )
  }
  return positions
}

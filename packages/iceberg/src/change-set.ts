import type { SstFile } from '@meru/manifest'
import { parseDeadFile } from './file-names.ts'
import { MANIFEST_DATA } from './format.ts'
import type { LiveEntry, LoadedManifest } from './manifest-entry.ts'

/** An SST and the URI under which readers find it. */
export interface WantedFile {
  readonly sst: SstFile
  readonly uri: string
}

/** What turns one snapshot into the next. */
export interface ChangeSet {
  readonly added: readonly WantedFile[]
  readonly removed: readonly LiveEntry[]
  /** Files whose dead positions need a new delete file. */
  readonly deletesWritten: readonly WantedFile[]
  readonly deletesRemoved: readonly LiveEntry[]
}

/**
 * Compares what the last snapshot shows with what the next one is to show. A delete file is kept while
 * the engine's dead positions are the ones that it was made from; otherwise a new one takes its place,
 * with all positions, never a second one beside it.
 */
export function changeSet(manifests: readonly LoadedManifest[], wanted: readonly WantedFile[]): ChangeSet {
  const data = new Map<string, LiveEntry>()
  const deletes: LiveEntry[] = []
  for (const { row, live } of manifests) {
    for (const entry of live) {
      if (row.content === MANIFEST_DATA) data.set(entry.data_file.file_path, entry)
      else deletes.push(entry)
    }
  }
  const wantedByUri = new Map(wanted.map((file) => [file.uri, file]))
  const covered = new Set<string>()
  const deletesRemoved: LiveEntry[] = []
  for (const entry of deletes) {
    const target = entry.data_file.referenced_data_file ?? ''
    const dead = wantedByUri.get(target)?.sst.dead
    const isCurrent = dead !== undefined && parseDeadFile(entry.data_file.file_path) === dead.file
    if (isCurrent && !covered.has(target)) covered.add(target)
    else deletesRemoved.push(entry)
  }
  return {
    added: wanted.filter((file) => !data.has(file.uri)),
    removed: [...data.values()].filter((entry) => !wantedByUri.has(entry.data_file.file_path)),
    deletesWritten: wanted.filter((file) => file.sst.dead !== undefined && !covered.has(file.uri)),
    deletesRemoved,
  }
}

export function isEmpty(changes: ChangeSet): boolean {
  return (
    changes.added.length === 0 &&
    changes.removed.length === 0 &&
    changes.deletesWritten.length === 0 &&
    changes.deletesRemoved.length === 0
  )
}

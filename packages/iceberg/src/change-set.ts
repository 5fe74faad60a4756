import { planDeletes, type DeadWork, type DeleteKnowledge, type WantedFile } from './delete-coverage.ts'
import { MANIFEST_DATA } from './format.ts'
import type { LiveEntry, LoadedManifest } from './manifest-entry.ts'

/** What turns one snapshot into the next. */
export interface ChangeSet {
  readonly added: readonly WantedFile[]
  readonly removed: readonly LiveEntry[]
  /** Files whose dead positions need a new delete file. */
  readonly deletesWritten: readonly DeadWork[]
  readonly deletesRemoved: readonly LiveEntry[]
}

/** Compares what the last snapshot shows with what the next one is to show. */
export function changeSet(
  manifests: readonly LoadedManifest[],
  wanted: readonly WantedFile[],
  knowledge: DeleteKnowledge,
): ChangeSet {
  const data = new Map<string, LiveEntry>()
  const deletes: LiveEntry[] = []
  for (const { row, live } of manifests) {
    for (const entry of live) {
      if (row.content === MANIFEST_DATA) data.set(entry.data_file.file_path, entry)
      else deletes.push(entry)
    }
  }
  const uris = new Set(wanted.map((file) => file.uri))
  const plan = planDeletes(deletes, wanted, knowledge)
  return {
    added: wanted.filter((file) => !data.has(file.uri)),
    removed: [...data.values()].filter((entry) => !uris.has(entry.data_file.file_path)),
    deletesWritten: plan.written,
    deletesRemoved: plan.removed,
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

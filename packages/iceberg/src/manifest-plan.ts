import { MANIFEST_DATA, MANIFEST_DELETES, type ManifestContent } from './format.ts'
import {
  addedEntry,
  deletedEntry,
  fileKey,
  type ContentFile,
  type LiveEntry,
  type LoadedManifest,
  type ManifestEntry,
} from './manifest-entry.ts'
import type { ManifestDraft } from './manifest-file.ts'
import { specIdOf } from './partition.ts'

/** So many manifests of about the same size become one. Each costs a reader one request. */
const MERGE_FAN_IN = 8
/** A manifest with more entries is never merged: rewriting it would cost too much when it loses one. */
const MERGED_ENTRIES_MAX = 4096

/** Which files come and which leave. */
export interface FileChanges {
  readonly addedData: readonly ContentFile[]
  readonly addedDeletes: readonly ContentFile[]
  /** Data and delete files, by `fileKey`. */
  readonly gone: ReadonlySet<string>
}

export interface ManifestPlan {
  /** Named by the next snapshot as they are. */
  readonly kept: readonly LoadedManifest[]
  /** To be written: at most one of each content and spec with what is new, what remains of others, and merged ones. */
  readonly drafts: readonly ManifestDraft[]
  /** Manifests of the last snapshot whose place the drafts take. */
  readonly replaced: number
}

/**
 * Decides what becomes of the manifests of the last snapshot. Only manifests that lose a file are
 * rewritten, besides merges that keep the number of manifests near the logarithm of the number of files.
 * One that loses its last file leaves no manifest behind: the word that its files left goes with what is
 * new. Entries of files that had left before are dropped.
 */
export function planManifests(
  manifests: readonly LoadedManifest[],
  changes: FileChanges,
  snapshotId: number,
): ManifestPlan {
  const isGone = (entry: LiveEntry): boolean => changes.gone.has(fileKey(entry.data_file))
  const fresh = new FreshManifests()
  for (const file of changes.addedData) fresh.add(MANIFEST_DATA, specIdOf(file), [addedEntry(file)])
  for (const file of changes.addedDeletes) fresh.add(MANIFEST_DELETES, specIdOf(file), [addedEntry(file)])
  const rewritten: ManifestDraft[] = []
  let untouched: LoadedManifest[] = []
  let replaced = 0
  for (const manifest of manifests) {
    if (manifest.live.length === 0) continue
    const { content, partition_spec_id: specId } = manifest.row
    const remaining = manifest.live.filter((entry) => !isGone(entry))
    const left = manifest.live.filter(isGone).map((entry) => deletedEntry(entry, snapshotId))
    if (left.length === 0) {
      untouched.push(manifest)
      continue
    }
    replaced++
    if (remaining.length === 0) fresh.add(content, specId, left)
    else rewritten.push({ content, specId, entries: [...remaining, ...left] })
  }
  for (const group of mergeGroups(untouched)) {
    const merged = new Set(group)
    untouched = untouched.filter((manifest) => !merged.has(manifest))
    const { content, partition_spec_id: specId } = group[0].row
    rewritten.push({ content, specId, entries: group.flatMap(({ live }) => live) })
    replaced += group.length
  }
  return { kept: untouched, drafts: [...fresh.drafts(), ...rewritten], replaced }
}

/** What is new, by content and spec. */
class FreshManifests {
  readonly #drafts: Map<string, ManifestDraft & { readonly entries: ManifestEntry[] }> = new Map()

  add(content: ManifestContent, specId: number, entries: readonly ManifestEntry[]): void {
    const key = `${content} ${specId}`
    const draft = this.#drafts.get(key) ?? { content, specId, entries: [] }
    draft.entries.push(...entries)
    this.#drafts.set(key, draft)
  }

  /** Data before deletes. */
  drafts(): ManifestDraft[] {
    return [...this.#drafts.values()].toSorted((a, b) => a.content - b.content || a.specId - b.specId)
  }
}

/** Groups of manifests that are worth one manifest: same content and spec, same order of magnitude. */
function mergeGroups(manifests: readonly LoadedManifest[]): LoadedManifest[][] {
  const tiers = new Map<string, LoadedManifest[]>()
  for (const manifest of manifests) {
    if (manifest.live.length > MERGED_ENTRIES_MAX / MERGE_FAN_IN) continue
    const key = tierKey(manifest)
    const tier = tiers.get(key)
    if (tier === undefined) tiers.set(key, [manifest])
    else tier.push(manifest)
  }
  return [...tiers.values()].filter((tier) => tier.length >= MERGE_FAN_IN)
}

function tierKey({ row, live }: LoadedManifest): string {
  const order = Math.floor(Math.log(live.length) / Math.log(MERGE_FAN_IN))
  return `${row.content} ${row.partition_spec_id} ${order}`
}

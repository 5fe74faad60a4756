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
  /** To be written: at most one of each content with what is new, what remains of others, and merged ones. */
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
  const fresh = new Map<ManifestContent, ManifestEntry[]>([
    [MANIFEST_DATA, changes.addedData.map(addedEntry)],
    [MANIFEST_DELETES, changes.addedDeletes.map(addedEntry)],
  ])
  const rewritten: ManifestDraft[] = []
  let untouched: LoadedManifest[] = []
  let replaced = 0
  for (const manifest of manifests) {
    if (manifest.live.length === 0) continue
    const { content } = manifest.row
    const remaining = manifest.live.filter((entry) => !isGone(entry))
    const left = manifest.live.filter(isGone).map((entry) => deletedEntry(entry, snapshotId))
    if (left.length === 0) {
      untouched.push(manifest)
      continue
    }
    replaced++
    if (remaining.length === 0) fresh.get(content)?.push(...left)
    else rewritten.push({ content, entries: [...remaining, ...left] })
  }
  for (const group of mergeGroups(untouched)) {
    const merged = new Set(group)
    untouched = untouched.filter((manifest) => !merged.has(manifest))
    rewritten.push({ content: group[0].row.content, entries: group.flatMap(({ live }) => live) })
    replaced += group.length
  }
  const drafts = [...fresh].map(([content, entries]) => ({ content, entries }))
  return {
    kept: untouched,
    drafts: [...drafts.filter(({ entries }) => entries.length > 0), ...rewritten],
    replaced,
  }
}

/** Groups of manifests that are worth one manifest: same content, same order of magnitude. */
function mergeGroups(manifests: readonly LoadedManifest[]): LoadedManifest[][] {
  const tiers = new Map<string, LoadedManifest[]>()
  for (const manifest of manifests) {
    if (manifest.live.length > MERGED_ENTRIES_MAX / MERGE_FAN_IN) continue
    const key = tierKey(manifest.row.content, manifest.live.length)
    const tier = tiers.get(key)
    if (tier === undefined) tiers.set(key, [manifest])
    else tier.push(manifest)
  }
  return [...tiers.values()].filter((tier) => tier.length >= MERGE_FAN_IN)
}

function tierKey(content: ManifestContent, entries: number): string {
  return `${content} ${Math.floor(Math.log(entries) / Math.log(MERGE_FAN_IN))}`
}

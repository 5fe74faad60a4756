import { layoutFor, type SstLayout } from '@meru/sst'
import { z } from 'zod'

const KIB = 1024
const MIB = 1024 * KIB

const bytes = z.int().positive()
const count = z.int().positive()

const layoutSchema = z
  .strictObject({
    pageRows: count,
    pageBytes: bytes,
    rowPageBytes: count,
    rowGroupRows: count,
    rowGroupBytes: bytes,
    compression: z.enum(['none', 'snappy', 'zstd']),
    dictionary: z.boolean(),
    filterBits: z.int().min(1).max(64),
  })
  .partial()

/** What a setting may be. Unknown names are refused. */
const settingsSchema = z.strictObject({
  memtableBytesMax: bytes,
  memtablesSealedMax: count,
  walSegmentBytes: z.int().min(64 * KIB),
  walBytesMax: bytes,
  walPreallocate: z.boolean(),
  groupBytesMax: bytes,
  ingestBytesMax: bytes,
  workers: z.int().nonnegative(),
  inlineFlushBytes: z.int().nonnegative(),
  autoCompaction: z.boolean(),
  l0CompactionFiles: count,
  l0SlowdownFiles: count,
  l0StopFiles: count,
  pendingSlowdownBytes: bytes,
  pendingStopBytes: bytes,
  levelRatio: z.number().gt(1),
  fileBytesTarget: bytes,
  deadFractionMax: z.number().gt(0).max(1),
  pageCacheBytes: z.int().nonnegative(),
  manifestEditsPerState: count,
  icebergSnapshotsKept: z.int().min(2),
  obsoleteGraceMs: z.int().nonnegative(),
  conflictHistoryBytesMax: z.int().nonnegative(),
  publish: z.strictObject({ every: z.union([z.literal(['never', 'flush']), z.int().positive()]) }),
  layout: z.strictObject({ level0: layoutSchema.default({}), deeper: layoutSchema.default({}) }),
})

/** Numbers and choices. Plain data: printable, comparable, safe to log. */
export interface Settings {
  /** A memtable is sealed at this size. Larger means fewer, larger flushes and a longer recovery. */
  readonly memtableBytesMax: number
  /** Writers of a table wait while this many sealed memtables are not flushed yet. */
  readonly memtablesSealedMax: number
  /** A log segment is followed by the next at this size. */
  readonly walSegmentBytes: number
  /** The table that holds the log back longest is flushed when the log is larger than this. */
  readonly walBytesMax: number
  /** Fill log segments with zeros ahead of use: syncs get faster, a new segment costs its size in writes. */
  readonly walPreallocate: boolean
  /** Writes that wait for the log are put together into groups of about this size. */
  readonly groupBytesMax: number
  /** Memory that a bulk load collects rows in. More means fewer, larger files, and fewer merges of unsorted rows. */
  readonly ingestBytesMax: number
  /**
   * Compactions that may run at a time, each on a thread; for each two there is one more thread for flushes. On Linux
   * these threads leave a core to others that want it. Zero does all work on the calling thread, one compaction at a
   * time. So do file systems other than that of the operating system, which have no threads.
   */
  readonly workers: number
  /**
   * A memtable of up to so many bytes is flushed on the calling thread: that is done before another thread would have
   * started. If older files that may have its keys hold more than 16 times as much, those are looked up by a thread
   * all the same. Zero leaves all to the threads.
   */
  readonly inlineFlushBytes: number
  /** Compact in the background. Without it level 0 grows until `compact()`. */
  readonly autoCompaction: boolean
  /** Files at level 0 that start a compaction. Fewer make reads faster and writes dearer. */
  readonly l0CompactionFiles: number
  /** Writers of a table are slowed from this many files at level 0. */
  readonly l0SlowdownFiles: number
  /** Writers of a table wait from this many files at level 0. Must exceed `l0SlowdownFiles`. */
  readonly l0StopFiles: number
  /** Writers of a table are slowed while compactions of so many bytes are due. */
  readonly pendingSlowdownBytes: number
  /** Writers of a table wait while compactions of so many bytes are due. Must exceed `pendingSlowdownBytes`. */
  readonly pendingStopBytes: number
  /**
   * A part of the table is written anew when the rows that compactions have put above it, times this, are as many as its
   * own. More makes the table smaller and scans faster, and writes dearer.
   */
  readonly levelRatio: number
  /** Compaction makes files of about this size. */
  readonly fileBytesTarget: number
  /** A file is rewritten when more than this share of its rows is dead. */
  readonly deadFractionMax: number
  /** Memory for decoded pages. */
  readonly pageCacheBytes: number
  /** Commits between two manifest files that hold the whole state. */
  readonly manifestEditsPerState: number
  /** Snapshots that the in-place Iceberg table keeps; their files stay. */
  readonly icebergSnapshotsKept: number
  /**
   * A file stays so long after the last Iceberg snapshot that named it is gone, for those who still read that one; a
   * later opening removes it.
   */
  readonly obsoleteGraceMs: number
  /**
   * Flushed memtables of up to this size are kept while transactions run, to tell what was written meanwhile; a
   * transaction that needs older ones fails with `CONFLICT`.
   */
  readonly conflictHistoryBytesMax: number
  /**
   * Keeps the in-place Iceberg tables current by itself: after every flush and compaction, or at most once in so
   * many milliseconds. Nothing waits for it.
   */
  readonly publish: { readonly every: 'never' | 'flush' | number }
  /**
   * Replaces single sizes and encodings of new SSTs, by level; see `layoutFor` of `@meru/sst`. `compression` is of those
   * parts of columns for which it pays; `none` is of all.
   */
  readonly layout: { readonly level0: Partial<SstLayout>; readonly deeper: Partial<SstLayout> }
}

/** Settings that replace the defaults; of `layout`, either part. */
export interface SettingsOptions extends Partial<Omit<Settings, 'layout'>> {
  readonly layout?: Partial<Settings['layout']>
}

export const DEFAULT_SETTINGS: Settings = Object.freeze({
  memtableBytesMax: 32 * MIB,
  memtablesSealedMax: 3,
  walSegmentBytes: 32 * MIB,
  walBytesMax: 512 * MIB,
  walPreallocate: true,
  groupBytesMax: MIB,
  ingestBytesMax: 256 * MIB,
  workers: 1,
  inlineFlushBytes: 64 * KIB,
  autoCompaction: true,
  l0CompactionFiles: 4,
  l0SlowdownFiles: 12,
  l0StopFiles: 20,
  pendingSlowdownBytes: 16 * 1024 * MIB,
  pendingStopBytes: 64 * 1024 * MIB,
  levelRatio: 3,
  fileBytesTarget: 64 * MIB,
  deadFractionMax: 0.3,
  pageCacheBytes: 64 * MIB,
  manifestEditsPerState: 64,
  icebergSnapshotsKept: 10,
  obsoleteGraceMs: 60_000,
  conflictHistoryBytesMax: 128 * MIB,
  publish: { every: 'never' } as const,
  layout: { level0: {}, deeper: {} },
})

/** The settings in force. Throws a `TypeError` that names each wrong setting. */
export function resolveSettings(given: SettingsOptions | undefined): Settings {
  if (given !== undefined && (typeof given !== 'object' || given === null)) {
    throw new TypeError(`settings are ${String(given)}; an object expected`)
  }
  // Parsed once: to compile the check takes longer than the check.
  const result = settingsSchema.safeParse({ ...DEFAULT_SETTINGS, ...given }, { jitless: true })
  if (!result.success) throw new TypeError(`wrong settings: ${z.prettifyError(result.error)}`)
  const settings = result.data as Settings
  if (settings.l0StopFiles <= settings.l0SlowdownFiles) {
    throw new TypeError(
      `l0StopFiles (${settings.l0StopFiles}) must exceed l0SlowdownFiles (${settings.l0SlowdownFiles})`,
    )
  }
  if (settings.pendingStopBytes <= settings.pendingSlowdownBytes) {
    throw new TypeError(
      `pendingStopBytes (${settings.pendingStopBytes}) must exceed pendingSlowdownBytes (${settings.pendingSlowdownBytes})`,
    )
  }
  if (settings.l0SlowdownFiles < settings.l0CompactionFiles) {
    throw new TypeError(
      `l0SlowdownFiles (${settings.l0SlowdownFiles}) must be at least l0CompactionFiles (${settings.l0CompactionFiles}): writers would wait for a compaction that is not due`,
    )
  }
  // Sizes that do not go together are refused here, and not by the first flush or compaction.
  layoutFor(0, settings.layout.level0)
  layoutFor(1, settings.layout.deeper)
  return settings
}

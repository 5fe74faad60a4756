import { type FileSystem, NodeFs } from '@meru/fs'
import {
  createExportCache,
  type DataMode,
  type ExportCache,
  exportIceberg,
  type ExportTarget,
  type FormatVersion,
  type IcebergExport,
  referencedFiles,
  type RestCatalogOptions,
  retainedFiles,
  type Tags,
  targetLocation,
} from '@meru/iceberg'
import { checkEpoch, type TableState } from '@meru/manifest'
import type { Engine } from './engine.ts'
import { heldBy, heldPaths, holdFiles, idsOf, releaseFiles, removeHolds, targetId } from './held-files.ts'
import { Mutex } from './mutex.ts'
import { beginPublication, pinnedVersion } from './row-lineage.ts'
import type { TableStore } from './table-store.ts'

/** How far an export has come with files that have to be copied. */
export interface ExportProgress {
  readonly bytesCopied: number
}

export interface ExportOptions {
  /**
   * The directory that becomes the Iceberg table, as a path, or a file system whose root does. Without it the table's
   * own directory.
   */
  readonly to?: string | FileSystem | undefined
  /**
   * How data files come to the directory `to`. `copy`, the default there: once for each file. `hardlink`: without
   * taking room, on the same device. `reference`: they stay where they are, and are kept while a snapshot names them.
   */
  readonly mode?: DataMode | undefined
  /** The root that the metadata names files under, as a URI; without it the directory. */
  readonly location?: string | undefined
  /** With `reference`: the URI of the table's own directory, if that is not its path. */
  readonly dataLocation?: string | undefined
  /** A catalog with Iceberg's REST protocol that is to have the table; needs `to`. */
  readonly catalog?: RestCatalogOptions | undefined
  /**
   * Names for snapshots, which stay with their files while they have one: `{ audit: 'current' }` names the one that this
   * export shows, a number is the id of an earlier one, `null` takes the name away.
   */
  readonly tags?: Tags | undefined
  /** Snapshots without a name that stay, at least 2; the setting `icebergSnapshotsKept` without it. Fewer free files. */
  readonly snapshotsKept?: number | undefined
  /** Iceberg's format version: 3 upgrades the published table for ever, without it the version stays. */
  readonly formatVersion?: FormatVersion | undefined
  /**
   * Rewrites files of earlier schemas first. Version 2 needs it after a column with a default was added, or a
   * date widened, for it cannot say what rows of older files then are; without it such an export is refused.
   */
  readonly rewrite?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ExportProgress) => void) | undefined
}

const NAMES: readonly (keyof ExportOptions)[] = [
  'to',
  'mode',
  'location',
  'dataLocation',
  'catalog',
  'tags',
  'snapshotsKept',
  'formatVersion',
  'rewrite',
  'signal',
  'onProgress',
]

interface Exporter {
  /** Two exports of one table at once would race for the next metadata version. */
  readonly mutex: Mutex
  readonly cache: ExportCache
  /** What the caller last chose. */
  location: string | undefined
}

/** Of each table: one for its own directory, under the empty name, and one for each target by its location. */
const exporters: WeakMap<TableStore, Map<string, Exporter>> = new WeakMap()

function exporterOf(table: TableStore, target: string): Exporter {
  const known = exporters.get(table) ?? new Map<string, Exporter>()
  exporters.set(table, known)
  const exporter = known.get(target) ?? {
    mutex: new Mutex(),
    cache: createExportCache(),
    location: undefined,
  }
  known.set(target, exporter)
  return exporter
}

/** Publishes the flushed state of a table. Files of the version stay while an Iceberg snapshot names them. */
export async function exportTable(
  engine: Engine,
  table: TableStore,
  options: ExportOptions,
): Promise<IcebergExport> {
  const target = targetOf(options)
  const exporter = exporterOf(table, target === undefined ? '' : targetLocation(table.name, target))
  if (target === undefined) exporter.location = options.location
  const isOlder = table.version.files.some(({ file }) => file.schemaId !== table.schema.schemaId)
  if (options.rewrite === true && isOlder)
    await engine.background.compact(table, {}, { signal: options.signal })
  return exporter.mutex.run(async () => {
    const { versions } = engine
    const { cache } = exporter
    const publication =
      target === undefined
        ? await beginPublication(versions, table, options.formatVersion)
        : pinnedVersion(versions, table)
    let isPublished = false
    let wasRefused = true
    try {
      const { state, version } = publication
      const dead = new Map(version.files.map((live) => [live.file.id, live.dead]))
      const run = (): Promise<IcebergExport> =>
        exportIceberg({
          fs: versions.fs,
          env: engine.env,
          table: state,
          dead: (id: string) => dead.get(id),
          seqno: state.flushedSeqno,
          cache,
          snapshotsKept: options.snapshotsKept ?? engine.settings.icebergSnapshotsKept,
          tags: options.tags,
          catalog: options.catalog,
          location: target === undefined ? options.location : options.dataLocation,
          target,
          onBytes: progressOf(options),
          // A writer that was fenced may name files that its successor has removed.
          beforePublish: async () => {
            wasRefused = false
            await checkEpoch(versions.fs, engine.epoch)
          },
          ...(options.formatVersion === undefined ? {} : { formatVersion: options.formatVersion }),
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        })
      const { dataLocation } = options
      const report =
        target === undefined
          ? await runInPlace(engine, table, exporter, run)
          : target.mode === 'reference'
            ? await runReferenced(engine, state, { target, exporter, dataLocation }, run, () => wasRefused)
            : await run()
      isPublished = true
      return report
    } finally {
      await publication.end(isPublished ? cache : wasRefused ? 'refused' : undefined)
    }
  })
}

/** Publishes without being asked, under the location last asked for; `undefined` if the table was dropped. */
export async function publishTable(
  engine: Engine,
  table: TableStore,
  signal: AbortSignal,
): Promise<IcebergExport | undefined> {
  if (engine.tables.get(table.id) !== table) return undefined
  return await exportTable(engine, table, { signal, location: exporterOf(table, '').location })
}

/** Lets go of the files that stay for a table elsewhere; whoever reads it finds files missing from then on. */
export async function forgetTarget(engine: Engine, table: TableStore, location: string): Promise<void> {
  await exporterOf(table, location).mutex.run(async () => {
    exporters.get(table)?.delete(location)
    await removeHolds(engine.versions.fs, table.name, targetId(location))
    engine.versions.keep(table.name, new Set(), { target: targetId(location) })
  })
}

async function runInPlace(
  { versions }: Engine,
  table: TableStore,
  { cache }: Exporter,
  run: () => Promise<IcebergExport>,
): Promise<IcebergExport> {
  try {
    return await run()
  } finally {
    // Also after a failure: the snapshot may have been published before it.
    versions.keep(table.name, await retainedFiles(versions.fs, table.name, cache))
  }
}

/**
 * The marks come before the target names a file, and go after it has let go. A failure leaves all of them, but for one
 * that came before anything could be published.
 */
async function runReferenced(
  { versions, env }: Engine,
  state: TableState,
  referring: { target: ExportTarget; exporter: Exporter; dataLocation: string | undefined },
  run: () => Promise<IcebergExport>,
  wasRefused: () => boolean,
): Promise<IcebergExport> {
  const { fs } = versions
  const { name } = state
  const { target, exporter, dataLocation } = referring
  const location = targetLocation(name, target)
  const id = targetId(location)
  const before = await heldBy(fs, name, id)
  const added = state.files.map((file) => file.id).filter((file) => !before.has(file))
  const held = new Set([...before, ...added])
  const marked = async (): Promise<IcebergExport> => {
    await holdFiles({ fs, env, table: name }, location, added)
    versions.keep(name, heldPaths(name, held), { target: id })
    return await run()
  }
  const result = await marked().catch(async (error: unknown) => {
    if (wasRefused()) {
      versions.keep(name, heldPaths(name, before), { target: id })
      // What is left of them keeps files longer, no more; the refusal is what the caller has to know.
      const release = before.size === 0 ? removeHolds(fs, name, id) : releaseFiles(fs, name, id, added)
      await release.catch(() => undefined)
    }
    throw error
  })
  const { cache } = exporter
  const named = idsOf(await referencedFiles({ fs, table: state, target, cache, location: dataLocation }))
  versions.keep(name, heldPaths(name, named), { target: id })
  await releaseFiles(
    fs,
    name,
    id,
    [...held].filter((file) => !named.has(file)),
  )
  return result
}

function targetOf(options: ExportOptions): ExportTarget | undefined {
  for (const name of Object.keys(options)) {
    if (!(NAMES as readonly string[]).includes(name)) {
      throw new TypeError(`exportIceberg() has no option "${name}"; it has ${NAMES.join(', ')}`)
    }
  }
  const { to, mode, location, dataLocation } = options
  if (to === undefined) {
    if (mode !== undefined) throw new TypeError(`exportIceberg(): mode "${mode}" needs a directory \`to\``)
    if (options.catalog !== undefined)
      throw new TypeError('exportIceberg(): `catalog` needs a directory `to`')
    if (dataLocation !== undefined)
      throw new TypeError('exportIceberg(): dataLocation needs mode "reference"')
    return undefined
  }
  if (to === '') throw new TypeError('exportIceberg(): `to` is the path of a directory, or a file system')
  if (dataLocation !== undefined && mode !== 'reference')
    throw new TypeError('exportIceberg(): dataLocation needs mode "reference"')
  return { fs: typeof to === 'string' ? new NodeFs(to) : to, mode: mode ?? 'copy', location }
}

function progressOf({ onProgress }: ExportOptions): ((bytes: number) => void) | undefined {
  if (onProgress === undefined) return undefined
  let bytesCopied = 0
  return (bytes) => onProgress({ bytesCopied: (bytesCopied += bytes) })
}

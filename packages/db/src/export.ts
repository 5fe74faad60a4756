import {
  createExportCache,
  type ExportCache,
  exportIceberg,
  retainedFiles,
  type FormatVersion,
  type IcebergExport,
} from '@meru/iceberg'
import type { TableState } from '@meru/manifest'
import type { Engine } from './engine.ts'
import { Mutex } from './mutex.ts'
import type { TableStore } from './table-store.ts'

export interface ExportOptions {
  /** The root that the metadata names files under, as a URI; the table's directory without it. */
  readonly location?: string | undefined
  /** Iceberg's format version: 3 upgrades the published table for ever, without it the version stays. */
  readonly formatVersion?: FormatVersion | undefined
  /**
   * Rewrites files of earlier schemas first. Version 2 needs it after a column with a default was added, or a
   * date widened, for it cannot say what rows of older files then are; without it such an export is refused.
   */
  readonly rewrite?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

interface Exporter {
  /** Two exports of one table at once would race for the next metadata version. */
  readonly mutex: Mutex
  readonly cache: ExportCache
  /** What the caller last chose. */
  location: string | undefined
}

const exporters: WeakMap<TableStore, Exporter> = new WeakMap()

function exporterOf(table: TableStore): Exporter {
  const known = exporters.get(table)
  if (known !== undefined) return known
  const made: Exporter = { mutex: new Mutex(), cache: createExportCache(), location: undefined }
  exporters.set(table, made)
  return made
}

/** Publishes the flushed state of a table. Files of the version stay while an Iceberg snapshot names them. */
export async function exportTable(
  engine: Engine,
  table: TableStore,
  options: ExportOptions,
): Promise<IcebergExport> {
  const exporter = exporterOf(table)
  const { mutex, cache } = exporter
  exporter.location = options.location
  const isOlder = table.version.files.some(({ file }) => file.schemaId !== table.schema.schemaId)
  if (options.rewrite === true && isOlder)
    await engine.background.compact(table, {}, { signal: options.signal })
  return mutex.run(async () => {
    const { versions } = engine
    const pin = versions.pin()
    try {
      const state = pin.state.tables.get(table.id) as TableState
      const dead = new Map(table.version.files.map((live) => [live.file.id, live.dead]))
      return await exportIceberg({
        fs: versions.fs,
        env: engine.env,
        table: state,
        dead: (id: string) => dead.get(id),
        seqno: state.flushedSeqno,
        cache,
        snapshotsKept: engine.settings.icebergSnapshotsKept,
        ...(options.location === undefined ? {} : { location: options.location }),
        ...(options.formatVersion === undefined ? {} : { formatVersion: options.formatVersion }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      })
    } finally {
      // Also after a failure: the snapshot may have been published before it.
      versions.keep(table.name, await retainedFiles(versions.fs, table.name, cache))
      versions.release(pin)
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
  return await exportTable(engine, table, { signal, location: exporterOf(table).location })
}

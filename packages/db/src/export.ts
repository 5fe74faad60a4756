import { exportIceberg, retainedFiles, type IcebergExport } from '@meru/iceberg'
import type { TableState } from '@meru/manifest'
import type { Engine } from './engine.ts'
import { Mutex } from './mutex.ts'
import type { TableStore } from './table-store.ts'

export interface ExportOptions {
  /** The root that the metadata names files under, as a URI; the table's directory without it. */
  readonly location?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** Two exports of one table at once would race for the next metadata version. */
const running: WeakMap<TableStore, Mutex> = new WeakMap()

/** Publishes the flushed state of a table. Files of the version stay while an Iceberg snapshot names them. */
export async function exportTable(
  engine: Engine,
  table: TableStore,
  options: ExportOptions,
): Promise<IcebergExport> {
  const mutex = running.get(table) ?? new Mutex()
  running.set(table, mutex)
  return mutex.run(async () => {
    const { versions } = engine
    const pin = versions.pin()
    try {
      const state = pin.state.tables.get(table.id) as TableState
      const dead = new Map(table.version.files.map((live) => [live.file.id, live.dead]))
      const result = await exportIceberg({
        fs: versions.fs,
        env: engine.env,
        table: state,
        dead: (id: string) => dead.get(id),
        seqno: state.flushedSeqno,
        snapshotsKept: engine.settings.icebergSnapshotsKept,
        ...(options.location === undefined ? {} : { location: options.location }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      })
      versions.keep(table.name, await retainedFiles(versions.fs, table.name))
      return result
    } finally {
      versions.release(pin)
    }
  })
}

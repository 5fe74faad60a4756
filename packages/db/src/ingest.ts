import type { RowCodec, SstMeta } from '@meru/core'
import { dataDirectory, sstPath } from '@meru/manifest'
import { layoutFor, type SstReader } from '@meru/sst'
import { checkWritable, type Engine } from './engine.ts'
import { commitFiles, type Loaded } from './ingest-commit.ts'
import { mergeRuns } from './ingest-merge.ts'
import type { IngestReport } from './ingest-report.ts'
import { RunCollector } from './ingest-runs.ts'
import { SourceReader, type RowSource } from './ingest-source.ts'
import { tableState } from './ingest-table.ts'
import type { TableStore } from './table-store.ts'

/** How far a bulk load has come. */
export interface IngestProgress {
  /** Rows read from the source. */
  readonly rows: number
  /** Their size as the engine encodes them. */
  readonly bytes: number
}

export interface IngestOptions {
  /** Calls the load off: nothing is loaded then, unless it was complete already. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: IngestProgress) => void) | undefined
}

const OPTION_NAMES = new Set(['signal', 'onProgress'])

/**
 * Loads rows of a source straight into SSTs, without the log. All of them become visible and durable in one commit, or
 * none. Files of a load that fails or is cut off by a crash are removed.
 */
export function ingestRows(
  engine: Engine,
  table: TableStore,
  codec: RowCodec,
  source: RowSource<unknown>,
  options: IngestOptions = {},
): Promise<IngestReport> {
  checkWritable(engine)
  checkArguments(source, options)
  tableState(engine, table, codec.schema)
  return engine.tasks.run(options.signal, (signal) => {
    const onProgress = options.onProgress ?? ((): void => undefined)
    return new Load(engine, table, codec).run(source, { signal, onProgress })
  })
}

interface Control {
  readonly signal: AbortSignal
  readonly onProgress: (progress: IngestProgress) => void
}

/** One bulk load. */
class Load {
  readonly #engine: Engine
  readonly #table: TableStore
  readonly #codec: RowCodec
  /** Files on disk that are in no version. */
  readonly #files: Map<string, SstMeta> = new Map()

  constructor(engine: Engine, table: TableStore, codec: RowCodec) {
    this.#engine = engine
    this.#table = table
    this.#codec = codec
  }

  async run(source: RowSource<unknown>, control: Control): Promise<IngestReport> {
    const collector = this.#collector(control.signal)
    this.#engine.runner.prepare()
    const begun = this.#engine.env.elapsed()
    try {
      await new SourceReader(collector, { ...control, env: this.#engine.env }).read(source)
      const runs = await collector.finish()
      for (const { files } of runs) this.#note(files)
      const files = await this.#merge(runs, control.signal)
      control.signal.throwIfAborted()
      const rowsKept = files.reduce((sum, file) => sum + file.rows, 0)
      const counts = { rows: collector.rows, duplicates: collector.rows - rowsKept }
      const report = this.#report(counts, files, await this.#commit(files, control.signal))
      if (files.length > 0) {
        const milliseconds = this.#engine.env.elapsed() - begun
        this.#engine.onEvent({ kind: 'ingest', milliseconds, ...report })
      }
      return report
    } catch (error) {
      this.#note(await collector.abandon())
      if (!this.#engine.versions.outcomeUnknown)
        for (const file of this.#files.values()) await this.#remove(file)
      throw error
    }
  }

  #collector(signal: AbortSignal): RunCollector {
    const { settings, runner } = this.#engine
    const runsInFlight = Math.max(1, settings.workers)
    return new RunCollector(this.#codec, {
      runner,
      task: this.#task(),
      layout: layoutFor(1, settings.layout.deeper),
      // A run exists twice while it is written: as it was collected and as columns.
      runBytes: Math.max(1, Math.floor(settings.ingestBytesMax / (2 * (runsInFlight + 1)))),
      runsInFlight,
      signal,
      after: (milliseconds, task) => void this.#engine.env.after(milliseconds, task),
    })
  }

  #task(): { schema: TableStore['schema']; level: number; fileBytesTarget: number; table: string } {
    return {
      schema: this.#codec.schema,
      level: 1,
      fileBytesTarget: this.#engine.settings.fileBytesTarget,
      table: this.#table.name,
    }
  }

  async #merge(runs: Parameters<typeof mergeRuns>[0], signal: AbortSignal): Promise<SstMeta[]> {
    const { runner, settings } = this.#engine
    return mergeRuns(runs, {
      runner,
      task: { ...this.#task(), layout: layoutFor(1, settings.layout.deeper) },
      control: { signal },
      open: (file) => this.#open(file),
      remove: (file) => this.#remove(file),
      onFiles: (files) => this.#note(files),
    })
  }

  async #commit(files: readonly SstMeta[], signal: AbortSignal): Promise<Loaded> {
    const { versions, writes } = this.#engine
    if (files.length === 0) return { level: 0, replaced: 0, seqno: writes.visibleSeqno }
    await versions.fs.syncDirectory(dataDirectory(this.#table.name))
    const readers = new Map<string, SstReader>()
    try {
      const { schema } = this.#codec
      for (const file of files) readers.set(file.id, await this.#open(file))
      const loaded = await commitFiles(this.#engine, this.#table, { files, readers, schema }, signal)
      this.#files.clear()
      return loaded
    } catch (error) {
      for (const reader of readers.values()) await reader.close().catch(() => undefined)
      throw error
    }
  }

  #report(
    counts: Pick<IngestReport, 'rows' | 'duplicates'>,
    files: readonly SstMeta[],
    { level, replaced, seqno }: Loaded,
  ): IngestReport {
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
    return { table: this.#table.name, ...counts, replaced, files: files.length, bytes, level, seqno }
  }

  #open(file: SstMeta): Promise<SstReader> {
    const { versions } = this.#engine
    return versions.openReader(tableState(this.#engine, this.#table, this.#codec.schema), file)
  }

  #note(files: readonly SstMeta[]): void {
    for (const file of files) this.#files.set(file.id, file)
  }

  /** What cannot be removed now is swept at the next open. */
  async #remove(file: SstMeta): Promise<void> {
    this.#files.delete(file.id)
    await this.#engine.versions.fs.remove(sstPath(this.#table.name, file.id)).catch(() => undefined)
  }
}

function checkArguments(source: RowSource<unknown>, options: IngestOptions): void {
  const isIterable =
    typeof source === 'object' &&
    source !== null &&
    (Symbol.asyncIterator in source || Symbol.iterator in source)
  if (!isIterable)
    throw new TypeError('ingest() takes an iterable, or async iterable, of rows or arrays of rows')
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.has(name)) {
      throw new TypeError(`ingest() has no option "${name}"; it has ${[...OPTION_NAMES].join(', ')}`)
    }
  }
}

import { MeruError, type TableDefinition } from '@meru/core'
import { InlineRunner, type JobRunner, WorkerRunner } from '@meru/compaction'
import { type Environment, type FileSystem, NodeFs } from '@meru/fs'
import { retainedFiles, sweepMetadata } from '@meru/iceberg'
import {
  acquireLock,
  checkEpochSync,
  claimEpoch,
  dataDirectory,
  makeDatabaseDirectories,
  Manifest,
  sweepOrphans,
  WAL_DIRECTORY,
} from '@meru/manifest'
import { layoutFor } from '@meru/sst'
import { Wal } from '@meru/wal'
import { Background } from './background.ts'
import { refuseUnfinishedBackup } from './backup-marker.ts'
import { CommitHistory } from './commit-history.ts'
import { publishTable } from './export.ts'
import { heldFiles, heldPaths } from './held-files.ts'
import { followEvents } from './publisher.ts'
import { type Components, resolveComponents } from './components.ts'
import { Database } from './database.ts'
import { publishEvent } from './diagnostics.ts'
import { checkTableOptions, type TableOptions } from './evolve.ts'
import type { Counters, Engine } from './engine.ts'
import type { EngineEvent } from './events.ts'
import type { Log } from './log.ts'
import { LogSegments } from './log-segments.ts'
import { openReadOnly } from './read-only.ts'
import { recoverLog, tablesOf } from './recovery.ts'
import { resolveSettings, type Settings, type SettingsOptions } from './settings.ts'
import type { Table } from './table.ts'
import type { TableStore } from './table-store.ts'
import { Tasks } from './tasks.ts'
import { TurnShare } from './turn-share.ts'
import { VersionStore } from './version-store.ts'
import { WritePath } from './write-path.ts'

/** How a database is opened. */
export interface OpenOptions {
  /** Numbers and choices; `DEFAULT_SETTINGS` where not given. */
  readonly settings?: SettingsOptions
  readonly components?: Partial<Components>
  /** Take the directory over from a writer that is, or may be, alive; that one is fenced off. */
  readonly takeover?: boolean
  /**
   * Opens it to look at, as it is now: without a lock, with nothing written, with the log held in memory. A writer may
   * have it open elsewhere. Writes are refused with `INVALID`.
   */
  readonly readOnly?: boolean
}

/** Full states of the manifest that stay readable for others. */
const MANIFEST_STATES_KEPT = 2

/**
 * Opens the database in a directory, making it if there is none, and recovers what a crash left in the
 * log. One writer at a time: throws `LOCKED`, naming the owner, if somebody has it open; `CORRUPT` if
 * files are damaged; `UNSUPPORTED` if a newer version wrote them.
 */
export async function open(path: string, options: OpenOptions = {}): Promise<Database> {
  checkOptions(path, options)
  const settings = resolveSettings(options.settings)
  const components = resolveComponents(path, options.components, settings)
  if (options.readOnly === true) return openReadOnly({ path, settings, components, connect })
  const { fs, env, probe } = components
  await makeDatabaseDirectories(fs)
  const owner = env.uuid()
  const lock = await acquireLock({ fs, env, probe, owner, takeover: options.takeover ?? false })
  let versions: VersionStore | undefined
  try {
    const known = await Manifest.load(fs)
    if (known === undefined) await refuseUnfinishedBackup(fs)
    const epoch = await claimEpoch({ fs, env, above: known?.epoch ?? 0 })
    const { manifestEditsPerState } = settings
    const statesKept = MANIFEST_STATES_KEPT
    const manifest = await Manifest.open({
      fs,
      env,
      epoch,
      owner,
      editsPerState: manifestEditsPerState,
      statesKept,
    })
    const grace = { env, graceMs: settings.obsoleteGraceMs }
    versions = new VersionStore({ fs, cache: components.cache, manifest, grace })
    await sweep(versions, epoch)
    await versions.openAll()
    const { engine, wal, recovery } = await assemble({ path, settings, components, versions, epoch })
    return new Database({ engine, wal, manifest, lock, recovery })
  } catch (error) {
    await versions?.close().catch(() => undefined)
    await lock.release().catch(() => undefined)
    throw error
  }
}

/** Opens a database and one table of it; closing the table closes the database. */
export async function openTable<Row, Insert, Key>(
  path: string,
  definition: TableDefinition<string, Row, Insert, Key>,
  options: OpenOptions & TableOptions = {},
): Promise<Table<Row, Insert, Key>> {
  const { evolve, ...rest } = options
  checkTableOptions({ evolve })
  const database = await open(path, rest)
  try {
    return await database.openSole(definition, { evolve })
  } catch (error) {
    await database.close().catch(() => undefined)
    throw error
  }
}

const OPTION_NAMES = new Set(['settings', 'components', 'takeover', 'readOnly'])

function checkOptions(path: string, options: OpenOptions): void {
  if (typeof path !== 'string' || path === '') throw new TypeError('open() needs the path of a directory')
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.has(name)) {
      throw new TypeError(`open() has no option "${name}"; it has ${[...OPTION_NAMES].join(', ')}`)
    }
  }
  if (options.readOnly === true && options.takeover === true) {
    throw new TypeError('readOnly and takeover exclude each other: nothing is taken over to be read')
  }
}

/** Removes what a crash left behind, except what an Iceberg snapshot still names. */
async function sweep(versions: VersionStore, epoch: number): Promise<void> {
  const { fs, current } = versions
  const keep = new Set<string>()
  for (const table of current.tables.values()) {
    const retained = await retainedOrAll(fs, table.name)
    versions.keep(table.name, retained.files)
    for (const path of retained.files) keep.add(path)
    for (const { target, ids } of await heldFiles(fs, table.name)) {
      const held = heldPaths(table.name, ids)
      versions.keep(table.name, held, { target })
      for (const path of held) keep.add(path)
    }
    if (retained.isKnown) await sweepMetadata(fs, table.name)
  }
  await sweepOrphans({ fs, epoch, state: current, keep })
}

/** What Iceberg snapshots name. Where their metadata is damaged nobody can tell, so everything stays. */
async function retainedOrAll(
  fs: FileSystem,
  tableName: string,
): Promise<{ files: ReadonlySet<string>; isKnown: boolean }> {
  try {
    return { files: await retainedFiles(fs, tableName), isKnown: true }
  } catch (error) {
    if (!(error instanceof MeruError && error.code === 'CORRUPT')) throw error
    const directory = dataDirectory(tableName)
    const names = await fs.list(directory)
    return { files: new Set(names.map((name) => `${directory}/${name}`)), isKnown: false }
  }
}

interface Parts {
  readonly path: string
  readonly settings: Settings
  readonly components: Components
  readonly versions: VersionStore
  readonly epoch: number
}

/** Replays the log, starts a new one, puts the engine together and flushes what was recovered. */
async function assemble(parts: Parts): Promise<{ engine: Engine; wal: Wal; recovery: Database['recovery'] }> {
  const { settings, components, versions, epoch } = parts
  const { fs } = components
  const tables = tablesOf(versions, settings)
  const { report, lastSeqno } = await recoverLog(fs, versions.current, tables)
  const wal = await Wal.create({
    fs,
    directory: WAL_DIRECTORY,
    epoch,
    segmentBytesMax: settings.walSegmentBytes,
    preallocate: settings.walPreallocate,
    gatherTurns: 0,
    fence: () => checkEpochSync(fs, epoch),
  })
  const segments = new LogSegments(versions.current.walFloor)
  segments.note(wal.position, lastSeqno + 1)
  const engine = connect({ ...parts, tables, wal, segments, lastSeqno })
  try {
    await takeLogOver(engine, wal, segments, lastSeqno)
  } catch (error) {
    await engine.publisher.stop()
    await engine.background.stop()
    await wal.close().catch(() => undefined)
    throw error
  }
  return { engine, wal, recovery: report }
}

/** Moves what older logs held to SSTs, and begins at the new one. */
async function takeLogOver(
  engine: Engine,
  wal: Wal,
  segments: LogSegments,
  lastSeqno: number,
): Promise<void> {
  const { versions, tables, background } = engine
  for (const table of tables.values()) await background.flush(table, { seal: true, compact: 'later' })
  await versions.commit(
    {
      changes: [
        { kind: 'setLastSeqno', seqno: lastSeqno },
        { kind: 'setWalFloor', floor: segments.floorFor(lastSeqno + 1) },
      ],
    },
    {},
    () => undefined,
  )
  segments.cut(versions.current.walFloor)
  await wal.removeBefore(versions.current.walFloor)
}

/** What an engine is put together from. */
type Connected = Parts & {
  tables: Map<number, TableStore>
  wal: Log
  segments: LogSegments
  lastSeqno: number
  isReadOnly?: boolean
}

function connect(parts: Connected): Engine {
  const { path, settings, components, versions, tables, wal, segments } = parts
  const { env } = components
  const counters = zeroCounters()
  const { publisher, onEvent } = followEvents(tables, {
    env,
    every: settings.publish.every,
    onEvent: eventSink(path, components, counters),
    publish: (table, signal) => publishTable(engine, table, signal),
  })
  const runners = runnersOf(components, settings, onEvent)
  const { runner } = runners
  const history = new CommitHistory({ bytesMax: settings.conflictHistoryBytesMax })
  const writes: WritePath = new WritePath(
    {
      wal,
      tables,
      segments,
      groupBytesMax: settings.groupBytesMax,
      onSealed: (table) => background.sealed(table),
      onSegment: () => background.segmentBegun(),
    },
    parts.lastSeqno,
  )
  const background: Background = new Background({
    env,
    settings,
    onEvent,
    counters,
    flusher: {
      env,
      versions,
      writes,
      history,
      tables,
      wal,
      segments,
      layout: layoutFor(0, settings.layout.level0),
      ...runners,
      inlineBytesMax: settings.inlineFlushBytes,
    },
    compactor: {
      env,
      versions,
      fileBytesTarget: settings.fileBytesTarget,
      layoutFor: (level) => layoutFor(level, settings.layout.deeper),
      runner,
    },
  })
  const engine: Engine = {
    path,
    env,
    settings,
    versions,
    writes,
    history,
    tables,
    background,
    runner,
    counters,
    turns: new TurnShare(env),
    tasks: new Tasks(),
    onEvent,
    isReadOnly: parts.isReadOnly ?? false,
    epoch: parts.epoch,
    publisher,
    status: 'open',
  }
  return engine
}

function zeroCounters(): Counters {
  return {
    flushes: 0,
    flushedRows: 0,
    flushedBytes: 0,
    compactions: 0,
    compactedBytes: 0,
    stalls: 0,
    heldWrites: 0,
    heldMilliseconds: 0,
    transactions: 0,
    conflicts: 0,
  }
}

/** For work on the calling thread and on others, which can open the files of the operating system only. */
function runnersOf(
  { fs, env, workerEntry }: Components,
  settings: Settings,
  onEvent: Engine['onEvent'],
): { readonly inline: JobRunner; readonly runner: JobRunner } {
  const inline = new InlineRunner({ fs, env, breathe: breather(env) })
  if (settings.workers === 0 || !(fs instanceof NodeFs)) return { inline, runner: inline }
  const { root } = fs
  const { workers: threads } = settings
  const onUnavailable = (error: Error): void => onEvent({ kind: 'workersUnavailable', error })
  const options = { root, threads, fs, env, entry: workerEntry, fallback: inline, onUnavailable }
  return { inline, runner: new WorkerRunner(options) }
}

/** Work in the background gives way to other work of the event loop this often, in milliseconds. */
const BREATHE_MS = 4

function breather(env: Environment): () => Promise<void> {
  let last = env.elapsed()
  return async () => {
    if (env.elapsed() - last < BREATHE_MS) return
    await env.yield()
    last = env.elapsed()
  }
}

/** Counts an event, publishes it, and tells whoever the components name. */
function eventSink(path: string, components: Components, counters: Counters): Engine['onEvent'] {
  return (event) => {
    count(counters, event)
    publishEvent(path, event)
    components.onEvent(event)
  }
}

function count(counters: Counters, event: EngineEvent): void {
  if (event.kind === 'flush') {
    counters.flushes++
    counters.flushedRows += event.rows
    counters.flushedBytes += event.bytes
  } else if (event.kind === 'compaction') {
    counters.compactions++
    counters.compactedBytes += event.report.outputBytes
  } else if (event.kind === 'stall' && event.state !== 'none') {
    counters.stalls++
  }
}

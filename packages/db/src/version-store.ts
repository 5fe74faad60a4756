import { projectionBetween, type MeruError, type SchemaProjection } from '@meru/core'
import { loadDeadPositions } from '@meru/compaction'
import type { FileSystem } from '@meru/fs'
import {
  currentSchema,
  schemaById,
  sstPath,
  type DatabaseState,
  type EditSource,
  type Pin,
  type SstFile,
  type TableState,
} from '@meru/manifest'
import { DeadPositions, type PageCache, SstReader } from '@meru/sst'
import { type LiveFile, TableVersion } from '@meru/view'
import { Garbage, type Grace, type Keeping } from './garbage.ts'
import { Mutex } from './mutex.ts'

/** What a commit brings along for files that the version did not have in this form. */
export interface Opened {
  readonly readers?: ReadonlyMap<string, SstReader>
  readonly dead?: ReadonlyMap<string, DeadPositions>
}

/** Where versions come from: a `Manifest`. */
export interface Commits {
  readonly current: DatabaseState
  commit(edit: EditSource): Promise<DatabaseState>
}

interface OpenFile {
  readonly reader: SstReader
  readonly dead: DeadPositions
}

/** Threads of the runtime that read are four; more keep them busy between the reads of a file. */
const OPENINGS_AT_A_TIME = 8

/** The current version with its open files: commits edits and installs what they made. */
export class VersionStore {
  readonly fs: FileSystem
  readonly cache: PageCache
  current: DatabaseState
  /** True after a commit failed in a way that leaves open whether it took effect. */
  outcomeUnknown = false
  private readonly parts: { readonly manifest: Commits; readonly garbage: Garbage; readonly mutex: Mutex }
  /** By file id: the files of the current version, and those that a pinned one still needs. */
  private readonly open: Map<string, OpenFile> = new Map()

  constructor(parts: { fs: FileSystem; cache: PageCache; manifest: Commits; grace: Omit<Grace, 'onDue'> }) {
    this.fs = parts.fs
    this.cache = parts.cache
    this.current = parts.manifest.current
    const mutex = new Mutex()
    const onDue = (): void => void mutex.run(() => this.collectGarbage()).catch(() => undefined)
    const garbage = new Garbage(this.current, { ...parts.grace, onDue })
    this.parts = { manifest: parts.manifest, garbage, mutex }
  }

  /** Opens every file of the current version, several at a time: each takes some reads, one after the other. */
  async openAll(): Promise<void> {
    const files = [...this.current.tables.values()].flatMap((table) =>
      table.files.map((file) => ({ table, file })),
    )
    const open = async (): Promise<void> => {
      for (let next = files.shift(); next !== undefined; next = files.shift()) {
        await this.openOne(next.table, next.file).catch((error: unknown) => {
          files.length = 0
          throw error
        })
      }
    }
    // All have ended before a failure is told: what is open is known to `close` then.
    const ended = await Promise.allSettled(Array.from({ length: OPENINGS_AT_A_TIME }, open))
    for (const end of ended) if (end.status === 'rejected') throw end.reason
  }

  private async openOne(table: TableState, file: SstFile): Promise<void> {
    const reader = await this.openReader(table, file)
    this.open.set(file.id, { reader, dead: DeadPositions.empty })
    if (file.dead === undefined) return
    this.open.set(file.id, { reader, dead: await loadDeadPositions(this.fs, table.name, file) })
  }

  /** Opens a file of a table, for a commit that will name it. */
  openReader(table: TableState, file: SstFile): Promise<SstReader> {
    return SstReader.open({
      fs: this.fs,
      path: sstPath(table.name, file.id),
      meta: file,
      schema: schemaById(table, file.schemaId),
      cache: this.cache,
    })
  }

  /** Makes an edit durable and current. `install` runs in the same turn, before any read can come between. */
  commit(edit: EditSource, opened: Opened, install: (state: DatabaseState) => void): Promise<DatabaseState> {
    return this.parts.mutex.run(async () => {
      const before = this.current
      const state = await this.commitDurably(edit)
      for (const [id, reader] of opened.readers ?? [])
        this.open.set(id, { reader, dead: DeadPositions.empty })
      for (const [id, dead] of opened.dead ?? [])
        this.open.set(id, { reader: this.openFile(id).reader, dead })
      this.current = state
      this.parts.garbage.install(before, state)
      install(state)
      // The commit stands, whatever becomes of files that nobody needs any more.
      await this.collectGarbage().catch(() => undefined)
      return state
    })
  }

  /** The files of a table at the current version, arranged for reading. */
  tableVersion(tableId: number): TableVersion {
    const table = this.current.tables.get(tableId)
    if (table === undefined || table.files.length === 0) return TableVersion.empty
    const projections = projectionsOf(table)
    return new TableVersion(
      table.files.map((file): LiveFile => {
        const live = { file, ...this.openFile(file.id) }
        return projections === undefined ? live : { ...live, projection: projections.get(file.schemaId) }
      }),
    )
  }

  /** Holds the files of the current version, or of one that is pinned already, until released. */
  pin(state: DatabaseState = this.current): Pin {
    return this.parts.garbage.pin(state)
  }

  /** Lets go of a version, and removes the files that only it held. */
  release(pin: Pin): void {
    pin.release()
    if (this.parts.garbage.isEmpty) return
    this.collectSoon()
  }

  /** Paths that stay on disk although the engine does not need them: those an Iceberg snapshot names. */
  keep(tableName: string, paths: ReadonlySet<string>, options: Keeping = {}): void {
    this.parts.garbage.keep(tableName, paths, options)
    // Within a commit that drops a table the commit collects.
    if (options.isDropped !== true) this.collectSoon()
  }

  get pinnedVersions(): number {
    return this.parts.garbage.pinnedVersions
  }

  /** Closes every file. Reads must have ended. */
  async close(): Promise<void> {
    this.parts.garbage.stop()
    await this.parts.mutex.run(async () => {
      const closings = await Promise.allSettled([...this.open.values()].map(({ reader }) => reader.close()))
      this.open.clear()
      for (const closing of closings) if (closing.status === 'rejected') throw closing.reason
    })
  }

  private async commitDurably(edit: EditSource): Promise<DatabaseState> {
    try {
      return await this.parts.manifest.commit(edit)
    } catch (error) {
      const code = (error as Partial<MeruError>).code
      // A full disk is met before the file gets its name, and a refused edit before anything is written.
      if (code !== 'DISK_FULL' && code !== 'INVALID') this.outcomeUnknown = true
      throw error
    }
  }

  private collectSoon(): void {
    void this.parts.mutex.run(() => this.collectGarbage()).catch(() => undefined)
  }

  private openFile(id: string): OpenFile {
    const file = this.open.get(id)
    if (file === undefined) throw new TypeError(`SST ${id} of the current version is not open`)
    return file
  }

  private async collectGarbage(): Promise<void> {
    if (this.parts.garbage.isEmpty) return
    await this.parts.garbage.collect(this.fs, async (path) => {
      const id = path.slice(path.lastIndexOf('/') + 1).replace(/\.parquet$/, '')
      const file = this.open.get(id)
      if (file === undefined) return
      this.open.delete(id)
      await file.reader.close()
    })
  }
}

/** By schema id: how files of earlier schemas are read. Undefined if there is none of these. */
function projectionsOf(table: TableState): ReadonlyMap<number, SchemaProjection | undefined> | undefined {
  const older = new Set(table.files.map((file) => file.schemaId))
  older.delete(table.schemaId)
  if (older.size === 0) return undefined
  const current = currentSchema(table)
  return new Map([...older].map((id) => [id, projectionBetween(schemaById(table, id), current)]))
}

import type { PageCacheStats } from '@meru/sst'
import { checkOpen, type Counters, type Engine } from './engine.ts'
import type { Stall } from './stall.ts'
import type { TableStore } from './table-store.ts'

export interface LevelStats {
  readonly level: number
  readonly files: number
  readonly bytes: number
  readonly rows: number
  readonly deadRows: number
}

export interface TableStats {
  readonly name: string
  readonly levels: readonly LevelStats[]
  readonly files: number
  readonly bytes: number
  /** Rows in SSTs that are not dead. */
  readonly liveRows: number
  readonly deadRows: number
  readonly memtables: { readonly entries: number; readonly bytes: number; readonly sealed: number }
  /** Whether writers are slowed or stopped now. */
  readonly stall: Stall['kind']
  /** Bytes that compactions have to work on until nothing is due, and how many run. */
  readonly compactions: { readonly pendingBytes: number; readonly running: number }
}

export interface DatabaseStats {
  readonly path: string
  readonly tables: readonly TableStats[]
  readonly visibleSeqno: number
  readonly durableSeqno: number
  readonly manifestId: number
  readonly epoch: number
  readonly pinnedVersions: number
  /** Transactions and conditional writes under way, and the flushed memtables kept for them alone. */
  readonly conflictHistory: { readonly holders: number; readonly bytes: number }
  readonly pageCache: PageCacheStats
  readonly counters: Readonly<Counters>
}

export function tableStats(engine: Engine, table: TableStore): TableStats {
  const levels = new Map<
    number,
    { level: number; files: number; bytes: number; rows: number; deadRows: number }
  >()
  for (const { file, dead } of table.version.files) {
    const level = levels.get(file.level) ?? { level: file.level, files: 0, bytes: 0, rows: 0, deadRows: 0 }
    level.files++
    level.bytes += file.bytes
    level.rows += file.rows
    level.deadRows += dead.cardinality
    levels.set(file.level, level)
  }
  const all = [...levels.values()].toSorted((a, b) => a.level - b.level)
  const { memtables } = table.view(engine.writes.visibleSeqno)
  return {
    name: table.name,
    levels: all,
    files: sum(all, (level) => level.files),
    bytes: sum(all, (level) => level.bytes),
    liveRows: table.version.liveRows,
    deadRows: sum(all, (level) => level.deadRows),
    memtables: {
      entries: sum(memtables, (memtable) => memtable.entries),
      bytes: sum(memtables, (memtable) => memtable.bytesUsed),
      sealed: table.sealed.length,
    },
    stall: engine.background.stallOf(table).kind,
    compactions: {
      pendingBytes: engine.background.stalls.pendingOf(table),
      running: table.order.claims.all.length,
    },
  }
}

export function databaseStats(engine: Engine): DatabaseStats {
  checkOpen(engine)
  const { versions, writes } = engine
  return {
    path: engine.path,
    tables: [...engine.tables.values()].map((table) => tableStats(engine, table)),
    visibleSeqno: writes.visibleSeqno,
    durableSeqno: writes.durableSeqno,
    manifestId: versions.current.manifestId,
    epoch: versions.current.epoch,
    pinnedVersions: versions.pinnedVersions,
    conflictHistory: { holders: engine.history.holders, bytes: engine.history.bytes },
    pageCache: versions.cache.stats(),
    counters: { ...engine.counters },
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

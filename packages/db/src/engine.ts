import { MeruError } from '@meru/core'
import type { JobRunner } from '@meru/compaction'
import type { Environment } from '@meru/fs'
import type { Background } from './background.ts'
import type { CommitHistory } from './commit-history.ts'
import type { EngineEvent } from './events.ts'
import type { Publisher } from './publisher.ts'
import type { Settings } from './settings.ts'
import type { HeldCounters } from './stall-gauge.ts'
import type { TableStore } from './table-store.ts'
import type { Tasks } from './tasks.ts'
import type { TurnShare } from './turn-share.ts'
import type { VersionStore } from './version-store.ts'
import type { WritePath } from './write-path.ts'

/** The parts of an open database, put together by `open`. Tables and the database are thin faces of it. */
export interface Engine {
  readonly path: string
  readonly env: Environment
  readonly settings: Settings
  readonly versions: VersionStore
  readonly writes: WritePath
  readonly history: CommitHistory
  /** By table id. */
  readonly tables: Map<number, TableStore>
  readonly background: Background
  readonly publisher: Publisher
  readonly runner: JobRunner
  readonly counters: Counters
  /** Shared by all reads that can wait. */
  readonly turns: TurnShare
  /** Loads, and other work that closing calls off. */
  readonly tasks: Tasks
  readonly onEvent: (event: EngineEvent) => void
  readonly isReadOnly: boolean
  /** Of this writer: a higher one means that another has taken over. */
  readonly epoch: number
  status: 'open' | 'closing' | 'closed'
}

/** What happened since the database was opened. */
export interface Counters extends HeldCounters {
  flushes: number
  flushedRows: number
  flushedBytes: number
  compactions: number
  compactedBytes: number
  /** How often writers of a table began to be slowed or stopped. */
  stalls: number
  /** Transactions that were committed. */
  transactions: number
  /** Commits of transactions that another write came before. */
  conflicts: number
}

/** Throws `CLOSED` unless the database is open, `INVALID` if it is open for reading only. */
export function checkWritable(engine: Engine): void {
  checkOpen(engine)
  if (engine.isReadOnly) {
    const advice = 'open it without readOnly'
    throw new MeruError('INVALID', `database ${engine.path} is open for reading only; ${advice}`)
  }
}

/** Throws `CLOSED` unless the database is open. */
export function checkOpen(engine: Engine): void {
  if (engine.status !== 'open')
    throw new MeruError('CLOSED', `database ${engine.path} is closed; open it again`)
}

import { MeruError } from '@meru/core'
import type { Environment } from '@meru/fs'
import type { IcebergExport } from '@meru/iceberg'
import type { EngineEvent } from './events.ts'
import type { Settings } from './settings.ts'
import type { TableStore } from './table-store.ts'

/** After a failure the table is published again this much later, if nothing else asks for it before. */
const RETRY_MS = 1000

export interface PublisherParts {
  readonly env: Environment
  readonly every: Settings['publish']['every']
  /** `undefined` if the table is gone. */
  readonly publish: (table: TableStore, signal: AbortSignal) => Promise<IcebergExport | undefined>
  readonly onEvent: (event: EngineEvent) => void
}

interface Turn {
  /** Ends with the publication that runs; absent while none does. */
  running: Promise<void> | undefined
  /** Takes back the one that is planned. */
  cancel: (() => void) | undefined
  /** Files came or went since the last one began. */
  isStale: boolean
}

/**
 * Keeps the in-place Iceberg tables current, off the write path: nobody waits for it, and a table that
 * changes while it is being published is published once more, however often it changed.
 */
export class Publisher {
  readonly #parts: PublisherParts
  readonly #turns: Map<TableStore, Turn> = new Map()
  readonly #closing: AbortController = new AbortController()

  constructor(parts: PublisherParts) {
    this.#parts = parts
  }

  /** Hears of everything that the engine does. */
  follow(event: EngineEvent, tables: Iterable<TableStore>): void {
    if (this.#parts.every === 'never') return
    const changed = changedTable(event)
    if (changed === undefined) return
    for (const table of tables) if (table.name === changed) this.#changed(table)
  }

  #changed(table: TableStore): void {
    const { every } = this.#parts
    if (every === 'never' || this.#closing.signal.aborted) return
    const turn = this.#turnOf(table)
    turn.isStale = true
    if (turn.running === undefined && turn.cancel === undefined)
      this.#plan(table, every === 'flush' ? 0 : every)
  }

  /** Publishes what is not published yet, and ends. Failures are told as events, as always. */
  async stop(): Promise<void> {
    for (const [table, turn] of this.#turns) {
      turn.cancel?.()
      turn.cancel = undefined
      await turn.running
      if (turn.isStale) await this.#run(table)
    }
    this.#closing.abort()
    for (const turn of this.#turns.values()) turn.cancel?.()
  }

  #turnOf(table: TableStore): Turn {
    const known = this.#turns.get(table)
    if (known !== undefined) return known
    const made: Turn = { running: undefined, cancel: undefined, isStale: false }
    this.#turns.set(table, made)
    return made
  }

  #plan(table: TableStore, milliseconds: number): void {
    const turn = this.#turnOf(table)
    turn.cancel = this.#parts.env.after(milliseconds, () => {
      turn.cancel = undefined
      turn.running = this.#run(table).finally(() => {
        turn.running = undefined
        const { every } = this.#parts
        if (!turn.isStale || turn.cancel !== undefined || this.#closing.signal.aborted) return
        this.#plan(table, every === 'flush' || every === 'never' ? 0 : every)
      })
    })
  }

  async #run(table: TableStore): Promise<void> {
    const { env, publish, onEvent } = this.#parts
    const turn = this.#turnOf(table)
    turn.isStale = false
    const begun = env.elapsed()
    try {
      const report = await publish(table, this.#closing.signal)
      if (report === undefined || report.unchanged) return
      onEvent({ kind: 'publication', table: table.name, milliseconds: env.elapsed() - begun, report })
    } catch (error) {
      if (this.#closing.signal.aborted) return
      const failure = error instanceof Error ? error : new Error(String(error))
      onEvent({ kind: 'publicationError', table: table.name, error: failure })
      // What cannot pass by itself is tried again when the table changes.
      if (!mayPass(failure)) return
      turn.isStale = true
      if (turn.cancel === undefined) this.#plan(table, RETRY_MS)
    }
  }
}

/** A publisher, and a sink of events that it hears of too. */
export function followEvents(
  tables: ReadonlyMap<number, TableStore>,
  parts: PublisherParts,
): { publisher: Publisher; onEvent: (event: EngineEvent) => void } {
  const publisher = new Publisher(parts)
  const onEvent = (event: EngineEvent): void => {
    parts.onEvent(event)
    publisher.follow(event, tables.values())
  }
  return { publisher, onEvent }
}

/** The table that has other files since. */
function changedTable(event: EngineEvent): string | undefined {
  if (event.kind === 'flush' || event.kind === 'ingest') return event.table
  return event.kind === 'compaction' ? event.report.table : undefined
}

function mayPass(failure: Error): boolean {
  return failure instanceof MeruError && ['DISK_FULL', 'IO', 'CONFLICT'].includes(failure.code)
}

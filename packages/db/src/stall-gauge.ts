import { pendingBytes } from '@meru/compaction'
import type { TableVersion } from '@meru/view'
import type { EngineEvent } from './events.ts'
import type { Settings } from './settings.ts'
import { decideStall, type Stall } from './stall.ts'
import type { TableStore } from './table-store.ts'

/** Writes that were held back, and for how long altogether. */
export interface HeldCounters {
  heldWrites: number
  heldMilliseconds: number
}

/** Measures whether writers of tables are held back, and tells when that changes. */
export class StallGauge {
  private readonly parts: {
    readonly settings: Settings
    readonly onEvent: (event: EngineEvent) => void
    readonly counters: HeldCounters
  }
  /** What was computed for a version, which every write asks for. */
  private readonly pending: WeakMap<TableVersion, number> = new WeakMap()
  /** What was told last; nothing of tables that go on. */
  private readonly told: Map<TableStore, Stall['kind']> = new Map()

  constructor(parts: StallGauge['parts']) {
    this.parts = parts
  }

  /** Bytes that compactions of the table have to work on until nothing is due. */
  pendingOf({ version }: TableStore): number {
    let bytes = this.pending.get(version)
    if (bytes === undefined) {
      const files = version.files.map((live) => live.file)
      bytes = pendingBytes(files, this.parts.settings)
      this.pending.set(version, bytes)
    }
    return bytes
  }

  of(table: TableStore): Stall {
    const { settings } = this.parts
    const active = table.activeMemtable
    return decideStall(
      {
        sealedMemtables: table.sealed.length,
        activeShare: active.entries === 0 ? 0 : active.bytesUsed / settings.memtableBytesMax,
        l0Files: settings.autoCompaction ? table.version.level0.length : 0,
        pendingBytes: settings.autoCompaction ? this.pendingOf(table) : 0,
      },
      settings,
    )
  }

  /** Measures, and tells if it is not as it was told last. */
  note(table: TableStore): Stall {
    const stall = this.of(table)
    if (stall.kind === (this.told.get(table) ?? 'none')) return stall
    if (stall.kind === 'none') this.told.delete(table)
    else this.told.set(table, stall.kind)
    const reason = stall.kind === 'none' ? '' : stall.reason
    this.parts.onEvent({ kind: 'stall', table: table.name, state: stall.kind, reason })
    return stall
  }

  /** A write was held back for so long. */
  held(milliseconds: number): void {
    this.parts.counters.heldWrites++
    this.parts.counters.heldMilliseconds += milliseconds
  }
}

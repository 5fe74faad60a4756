import type { Environment, FileSystem } from '@meru/fs'
import { filesDropped, Pins, type DatabaseState, type Pin } from '@meru/manifest'

/** How long files stay for readers outside that may know them. */
export interface Grace {
  readonly graceMs: number
  readonly env: Pick<Environment, 'elapsed' | 'after'>
  /** Called when files may go whose time has come. */
  readonly onDue: () => void
}

/** On whose behalf files stay. */
export interface Keeping {
  /** An Iceberg table elsewhere; without it the one in the table's own directory. */
  readonly target?: string
  /** The table is gone, and so is whatever stayed for it, here and elsewhere. */
  readonly isDropped?: boolean
}

/**
 * Which files may go: those that neither the current version nor a pinned one names. A file that an Iceberg snapshot
 * named stays a while longer, for readers outside that still read that snapshot.
 */
export class Garbage {
  private readonly pins: Pins
  /** Paths that left the current version and are still on disk. */
  private dropped: string[] = []
  /** By table: paths that stay on disk although no version names them. */
  private readonly kept: Map<string, ReadonlySet<string>> = new Map()
  private readonly grace: Grace
  /** By path: when the grace ends of files that nobody here needs any more. */
  private readonly graced: Map<string, number> = new Map()
  private cancel: () => void = () => undefined

  constructor(current: DatabaseState, grace: Grace) {
    this.pins = new Pins(current)
    this.grace = grace
  }

  /** Makes the next version current. */
  install(before: DatabaseState, after: DatabaseState): void {
    if (before === after) return
    this.pins.install(after)
    this.dropped.push(...filesDropped(before, after))
  }

  pin(state: DatabaseState): Pin {
    return this.pins.pin(state)
  }

  /**
   * Replaces what must stay for a table, such as files that an Iceberg snapshot names. What stayed for
   * that reason alone is dropped, after the grace; a table that is gone has none.
   */
  keep(tableName: string, paths: ReadonlySet<string>, options: Keeping = {}): void {
    const holder = options.target === undefined ? tableName : `${tableName}/${options.target}`
    const before = [...(this.kept.get(holder) ?? [])]
    this.kept.set(holder, paths)
    if (options.isDropped === true) before.push(...this.takeTargets(tableName))
    const released = before.filter((path) => !paths.has(path))
    this.dropped.push(...this.pins.obsolete(released, new Set()))
    const { graceMs, env } = this.grace
    if (graceMs === 0 || options.isDropped === true) return
    for (const path of released) this.graced.set(path, env.elapsed() + graceMs)
  }

  /** Waits for no grace any more. What is left is swept at the next open. */
  stop(): void {
    this.cancel()
  }

  get pinnedVersions(): number {
    return this.pins.pinned
  }

  get isEmpty(): boolean {
    return this.dropped.length === 0
  }

  /**
   * Lets go of every file that nobody reads any more: `close` ends our own use of it, then it is removed
   * unless it must stay. What cannot be removed is found again by the sweep at the next open.
   */
  async collect(fs: FileSystem, close: (path: string) => Promise<void>): Promise<void> {
    const obsolete = new Set(this.pins.obsolete(this.dropped, new Set()))
    this.dropped = this.dropped.filter((path) => !obsolete.has(path))
    const kept = new Set([...this.kept.values()].flatMap((paths) => [...paths]))
    for (const path of obsolete) {
      await close(path).catch(() => undefined)
      if (kept.has(path)) continue
      if (this.isGraced(path)) this.dropped.push(path)
      else await fs.remove(path).catch(() => undefined)
    }
    this.plan()
  }

  /** What targets of a table held. */
  private takeTargets(tableName: string): string[] {
    const held: string[] = []
    for (const [holder, paths] of this.kept) {
      if (!holder.startsWith(`${tableName}/`)) continue
      held.push(...paths)
      this.kept.delete(holder)
    }
    return held
  }

  private isGraced(path: string): boolean {
    const end = this.graced.get(path)
    if (end !== undefined && end > this.grace.env.elapsed()) return true
    this.graced.delete(path)
    return false
  }

  /** Looks again when the first grace ends. */
  private plan(): void {
    this.cancel()
    const now = this.grace.env.elapsed()
    for (const [path, end] of this.graced)
      if (end <= now && !this.dropped.includes(path)) this.graced.delete(path)
    if (this.graced.size === 0) return
    const first = Math.min(...this.graced.values())
    this.cancel = this.grace.env.after(Math.max(1, first - now), this.grace.onDue)
  }
}

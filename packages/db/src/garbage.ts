import type { FileSystem } from '@meru/fs'
import { filesDropped, Pins, type DatabaseState, type Pin } from '@meru/manifest'

/** Which files may go: those that neither the current version nor a pinned one names. */
export class Garbage {
  private readonly pins: Pins
  /** Paths that left the current version and are still on disk. */
  private dropped: string[] = []
  /** By table: paths that stay on disk although no version names them. */
  private readonly kept: Map<string, ReadonlySet<string>> = new Map()

  constructor(current: DatabaseState) {
    this.pins = new Pins(current)
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
   * that reason alone is dropped.
   */
  keep(tableName: string, paths: ReadonlySet<string>): void {
    const before = [...(this.kept.get(tableName) ?? [])]
    this.kept.set(tableName, paths)
    const released = before.filter((path) => !paths.has(path))
    this.dropped.push(...this.pins.obsolete(released, new Set()))
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
      if (!kept.has(path)) await fs.remove(path).catch(() => undefined)
    }
  }
}

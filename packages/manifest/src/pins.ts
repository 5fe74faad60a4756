import { addFilePaths, type DatabaseState, type TableState } from './state.ts'

/** A hold on one version: none of its files may go until it is released. */
export interface Pin {
  readonly state: DatabaseState
  /** Ends the hold. Calling it again does nothing. */
  release(): void
  [Symbol.dispose](): void
}

/**
 * Which versions are still read. A file may go only when neither the current version nor a pinned one
 * names it; time plays no part. In memory only: pins end with the process.
 */
export class Pins {
  #current: DatabaseState
  readonly #counts: Map<DatabaseState, number> = new Map()

  constructor(current: DatabaseState) {
    this.#current = current
  }

  /** Makes a version the current one. To be called for every commit, in commit order. */
  install(state: DatabaseState): void {
    if (state === this.#current) return
    if (state.manifestId <= this.#current.manifestId) {
      throw new TypeError(`version ${state.manifestId} cannot follow version ${this.#current.manifestId}`)
    }
    this.#current = state
  }

  /** Holds the files of a version, which must be current or pinned already. */
  pin(state: DatabaseState): Pin {
    const count = this.#counts.get(state) ?? 0
    if (count === 0 && state !== this.#current) {
      throw new TypeError(`version ${state.manifestId} is neither current nor pinned; its files may be gone`)
    }
    this.#counts.set(state, count + 1)
    let held = true
    const release = (): void => {
      if (!held) return
      held = false
      this.#unpin(state)
    }
    return { state, release, [Symbol.dispose]: release }
  }

  #unpin(state: DatabaseState): void {
    const count = this.#counts.get(state) ?? 0
    if (count > 1) this.#counts.set(state, count - 1)
    else this.#counts.delete(state)
  }

  /** How many versions are pinned. */
  get pinned(): number {
    return this.#counts.size
  }

  /**
   * Of these paths, the ones that neither the current version nor a pinned one names, and that are not
   * in `keep` (files that an Iceberg snapshot still refers to).
   */
  obsolete(paths: Iterable<string>, keep: ReadonlySet<string>): string[] {
    const named = new Set<string>()
    const seen = new Set<TableState>()
    for (const state of [this.#current, ...this.#counts.keys()]) {
      for (const table of state.tables.values()) {
        if (seen.has(table)) continue
        seen.add(table)
        addFilePaths(table, named)
      }
    }
    return [...new Set(paths)].filter((path) => !named.has(path) && !keep.has(path))
  }
}

/** The paths that `before` names and `after` does not: what a commit made removable, once unpinned. */
export function filesDropped(before: DatabaseState, after: DatabaseState): string[] {
  // Paths hold the table's name, so tables that both share cannot matter to the others.
  const remaining = new Set<string>()
  for (const [id, table] of after.tables) {
    if (before.tables.get(id) !== table) addFilePaths(table, remaining)
  }
  const dropped = new Set<string>()
  for (const [id, table] of before.tables) {
    if (after.tables.get(id) !== table) addFilePaths(table, dropped)
  }
  return [...dropped].filter((path) => !remaining.has(path))
}

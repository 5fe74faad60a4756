import type { MemoryFile } from './memory-file.ts'

export type MemoryNode = MemoryFile | MemoryDirectory

/** One name before and after a change; `undefined` where there is none. */
export interface NameChange {
  readonly name: string
  readonly before: MemoryNode | undefined
  readonly after: MemoryNode | undefined
}

/** The names in a directory, and which of their changes are not yet durable. */
export class MemoryDirectory {
  readonly #names: Map<string, MemoryNode>
  /** Changes that are not durable, oldest first. The names of one change go together. */
  #changes: (readonly NameChange[])[] = []
  /** What the disk holds without `#changes`, where that is not what undoing them would give. */
  #disk: Map<string, MemoryNode> | undefined
  /** How many changes left `#changes`. */
  #settled = 0

  constructor(names: Map<string, MemoryNode> = new Map()) {
    this.#names = names
  }

  get names(): ReadonlyMap<string, MemoryNode> {
    return this.#names
  }

  /** Gives names to nodes, or takes them away, in one step. */
  change(...after: (readonly [name: string, node: MemoryNode | undefined])[]): void {
    const changes = after.map(([name, node]) => ({ name, before: this.#names.get(name), after: node }))
    this.#changes.push(changes)
    apply(this.#names, changes)
  }

  /** Stands for all changes made so far. */
  mark(): number {
    return this.#settled + this.#changes.length
  }

  /** Makes the changes durable that were made up to a mark. */
  sync(mark: number): void {
    if (mark <= this.#settled) return
    const synced = this.#changes.splice(0, mark - this.#settled)
    this.#settled = mark
    if (this.#disk !== undefined) for (const changes of synced) apply(this.#disk, changes)
  }

  /** What a failed sync may do: the changes stay visible, and never reach the disk. */
  lose(): void {
    this.#disk = this.survivors(() => false)
    this.#settled = this.mark()
    this.#changes = []
  }

  /** The names that a crash leaves, if each change survives where `survives` says so. */
  survivors(survives: () => boolean): Map<string, MemoryNode> {
    const names = new Map(this.#disk ?? this.#names)
    if (this.#disk === undefined) {
      for (const changes of this.#changes.toReversed()) {
        for (const { name, before } of changes) place(names, name, before)
      }
    }
    for (const changes of this.#changes) if (survives()) apply(names, changes)
    return names
  }
}

function apply(names: Map<string, MemoryNode>, changes: readonly NameChange[]): void {
  for (const { name, after } of changes) place(names, name, after)
}

function place(names: Map<string, MemoryNode>, name: string, node: MemoryNode | undefined): void {
  if (node === undefined) names.delete(name)
  else names.set(name, node)
}

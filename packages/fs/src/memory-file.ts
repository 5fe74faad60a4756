/** What a disk writes whole or not at all, in bytes. */
export const SECTOR_BYTES = 512

const EMPTY: Uint8Array = new Uint8Array(0)

/** One change of a file that is not yet durable, with what it takes to undo it. */
interface Change {
  readonly start: number
  readonly end: number
  /** What was there from `start` on; the rest up to `end` was past the end of the file. */
  readonly before: Uint8Array
  readonly lengthBefore: number
}

/**
 * What a crash leaves of a file: how many of its changes each sector has seen, and its length. A sector
 * never sees a later change without the earlier ones, because a disk is given whole sectors.
 */
export interface Survival {
  changesIn(sector: number): number
  readonly length: number
}

/**
 * The bytes of a file, and which of its changes are not yet durable. Changes are kept as an undo log, so
 * that writing and syncing cost no more than the bytes written.
 *
 * Invariant: bytes of `bytes` past `length` are zero, except in a buffer that is wholly shared.
 */
export class MemoryFile {
  length: number
  #bytes: Uint8Array
  /** Bytes below this position belong to another image too, and are copied before they change. */
  #sharedBelow = 0
  #changes: Change[] = []
  /** What the disk holds without `#changes`, where that is not what undoing them would give. */
  #disk: Uint8Array | undefined
  /** How many changes left `#changes`. */
  #settled = 0

  constructor(bytes: Uint8Array = EMPTY, length: number = bytes.length) {
    this.#bytes = bytes
    this.length = length
    this.#sharedBelow = Infinity
  }

  /** Changes that are not yet durable, oldest first. */
  get changes(): readonly { readonly start: number; readonly end: number }[] {
    return this.#changes
  }

  /** The bytes as they are now. Not a copy. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  read(into: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(into.length, this.length - offset))
    if (count > 0) into.set(this.#bytes.subarray(offset, offset + count))
    return count
  }

  write(bytes: Uint8Array, offset: number): void {
    if (bytes.length === 0) return
    const end = offset + bytes.length
    const before = offset < this.length ? this.#bytes.slice(offset, Math.min(end, this.length)) : EMPTY
    this.#changes.push({ start: offset, end, before, lengthBefore: this.length })
    if (end > this.#bytes.length || offset < this.#sharedBelow) this.#move(end)
    this.#bytes.set(bytes, offset)
    this.length = Math.max(this.length, end)
  }

  /** Empties the file. */
  truncate(): void {
    if (this.length === 0) return
    this.#changes.push({ start: 0, end: this.length, before: this.view(), lengthBefore: this.length })
    this.#bytes = EMPTY
    this.length = 0
  }

  /** Stands for all changes made so far. */
  mark(): number {
    return this.#settled + this.#changes.length
  }

  /** Makes the changes durable that were made up to a mark. */
  sync(mark: number): void {
    const count = mark - this.#settled
    if (count <= 0) return
    if (this.#disk !== undefined) {
      this.#disk = this.#after({ changesIn: () => count, length: this.lengthAfter(count) })
    }
    this.#changes.splice(0, count)
    this.#settled = mark
  }

  /** What a failed sync may do: the changes read back as written, and never reach the disk. */
  lose(): void {
    this.#disk = this.#after({ changesIn: () => 0, length: this.lengthAfter(0) })
    this.#settled = this.mark()
    this.#changes = []
  }

  /** The length after the oldest `count` changes. */
  lengthAfter(count: number): number {
    if (count === 0 && this.#disk !== undefined) return this.#disk.length
    return count < this.#changes.length ? this.#changes[count].lengthBefore : this.length
  }

  /** A durable file with the bytes that survive. This file goes on unchanged. */
  image(survival: Survival): MemoryFile {
    const isCut =
      this.#disk === undefined &&
      survival.length <= this.lengthAfter(0) &&
      this.#changes.every((change) => change.before.length === 0)
    if (!isCut && (this.#changes.length > 0 || this.#disk !== undefined)) {
      return new MemoryFile(this.#after(survival))
    }
    this.#sharedBelow = Math.max(this.#sharedBelow, this.length)
    return new MemoryFile(this.#bytes, Math.min(survival.length, this.length))
  }

  #after(survival: Survival): Uint8Array {
    const changes = this.#changes
    const bytes = new Uint8Array(changes.reduce((most, { end }) => Math.max(most, end), this.length))
    bytes.set(this.view())
    for (let i = changes.length - 1; i >= 0; i--) {
      forEachSector(changes[i], (sector, from, to) => {
        if (survival.changesIn(sector) > i) return
        const known = Math.min(to, changes[i].start + changes[i].before.length)
        bytes.fill(0, Math.max(from, known), to)
        if (known > from) {
          bytes.set(changes[i].before.subarray(from - changes[i].start, known - changes[i].start), from)
        }
      })
    }
    return this.#disk === undefined
      ? resized(bytes, survival.length)
      : this.#laidOver(resized(this.#disk, survival.length), bytes, survival)
  }

  /** The disk's bytes with those sectors that surviving changes have touched. */
  #laidOver(disk: Uint8Array, bytes: Uint8Array, survival: Survival): Uint8Array {
    this.#changes.forEach((change, i) => {
      forEachSector(change, (sector) => {
        const from = sector * SECTOR_BYTES
        const to = Math.min(from + SECTOR_BYTES, disk.length)
        if (survival.changesIn(sector) > i && from < to) disk.set(bytes.subarray(from, to), from)
      })
    })
    return disk
  }

  #move(end: number): void {
    const capacity =
      end > this.#bytes.length ? Math.max(end, 2 * this.length, SECTOR_BYTES) : this.#bytes.length
    const bytes = new Uint8Array(capacity)
    bytes.set(this.view())
    this.#bytes = bytes
    this.#sharedBelow = 0
  }
}

/** Calls back for each sector that a range touches, with the part of the range inside it. */
export function forEachSector(
  range: { readonly start: number; readonly end: number },
  call: (sector: number, from: number, to: number) => void,
): void {
  for (let from = range.start; from < range.end;) {
    const sector = Math.floor(from / SECTOR_BYTES)
    const to = Math.min((sector + 1) * SECTOR_BYTES, range.end)
    call(sector, from, to)
    from = to
  }
}

/** A copy, cut or filled up with zeros. */
function resized(bytes: Uint8Array, length: number): Uint8Array {
  const copy = new Uint8Array(length)
  copy.set(bytes.subarray(0, length))
  return copy
}

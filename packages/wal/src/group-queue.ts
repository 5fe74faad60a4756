import { ByteWriter, type MeruError } from '@meru/core'

/** One promise for all that wait for the same thing. */
class Outcome {
  readonly promise: Promise<void>
  resolve!: () => void
  reject!: (error: MeruError) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }
}

/** Records that are written with one call and made durable with one sync. */
export class Group {
  readonly segment: number
  /** Offset of the group's first byte in its segment. */
  readonly start: number
  readonly out: ByteWriter
  #written: Outcome | undefined
  #synced: Outcome | undefined
  #isWritten = false

  constructor(segment: number, start: number, out: ByteWriter) {
    this.segment = segment
    this.start = start
    this.out = out
  }

  get end(): number {
    return this.start + this.out.length
  }

  get isAwaited(): boolean {
    return this.#written !== undefined || this.#synced !== undefined
  }

  /** Whether it is to be synced. Once it is written, it is too late to ask for that. */
  get isSyncAwaited(): boolean {
    return this.#synced !== undefined
  }

  get canSync(): boolean {
    return this.isSyncAwaited || !this.#isWritten
  }

  /** Resolves when the operating system has the bytes. */
  whenWritten(): Promise<void> {
    if (this.#isWritten) return Promise.resolve()
    this.#written ??= new Outcome()
    return this.#written.promise
  }

  /** Resolves when the bytes are durable. Requires `canSync`. */
  whenSynced(): Promise<void> {
    this.#synced ??= new Outcome()
    return this.#synced.promise
  }

  tellWritten(): void {
    this.#isWritten = true
    this.#written?.resolve()
  }

  tellSynced(): void {
    this.#synced?.resolve()
  }

  reject(error: MeruError): void {
    this.#written?.reject(error)
    this.#synced?.reject(error)
  }
}

// A buffer that one large group has grown is not worth keeping.
const SPARE_BYTES_MAX = 4 * 1024 * 1024
const SPARES_MAX = 2

/**
 * Groups in the order of the log: the one being written, then those that wait. Records go to the last
 * that waits; there is more than one only where a new segment has to start.
 *
 * A group is never parted: it fails whole, so that nobody is refused a record that stays in the log.
 */
export class GroupQueue {
  inFlight: Group | undefined
  readonly #waiting: Group[] = []
  readonly #spares: ByteWriter[] = []
  #dropped: MeruError | undefined

  /** The group that takes records, if one has begun. */
  get open(): Group | undefined {
    return this.#waiting.at(-1)
  }

  /** Whether there is nothing to write and nothing to tell. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.inFlight === undefined && this.#dropped === undefined
  }

  /** Whether a group waits that somebody waits for. */
  get isAwaited(): boolean {
    return this.#waiting.some((group) => group.isAwaited)
  }

  begin(segment: number, start: number): Group {
    const group = new Group(segment, start, this.#spares.pop() ?? new ByteWriter())
    this.#waiting.push(group)
    return group
  }

  /** Puts the oldest waiting group in flight. */
  launch(): Group | undefined {
    this.inFlight = this.#waiting.shift()
    return this.inFlight
  }

  /** Ends the flight of a group whose outcome is told. */
  land(): void {
    const out = this.inFlight?.out
    this.inFlight = undefined
    if (out === undefined || out.bytes.length > SPARE_BYTES_MAX || this.#spares.length >= SPARES_MAX) return
    out.clear()
    this.#spares.push(out)
  }

  /**
   * Forgets the group in flight and all that wait, and tells those who wait for them. Records that
   * nobody waits for yet are remembered: see `takeDropped`.
   */
  drop(error: MeruError): void {
    let isUntold = false
    const groups = this.inFlight === undefined ? this.#waiting : [this.inFlight, ...this.#waiting]
    for (const group of groups) {
      group.reject(error)
      isUntold = !group.isAwaited && (isUntold || group.out.length > 0)
    }
    this.#waiting.length = 0
    if (isUntold) this.#dropped = error
  }

  /** Why records were dropped that nobody had waited for, once. */
  takeDropped(): MeruError | undefined {
    const dropped = this.#dropped
    this.#dropped = undefined
    return dropped
  }
}

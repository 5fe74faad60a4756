import { ByteWriter, compareBytes, KIND_PUT, MeruError, type RowCodec, type SstMeta } from '@meru/core'
import type { JobRunner, RunTask } from '@meru/compaction'
import { Memtable } from '@meru/memtable'
import { layoutFor } from '@meru/sst'

/** Files of one run, and whether they may stay as they are. */
export interface Run {
  readonly files: readonly SstMeta[]
  /** Written as files of a deep level are; others only wait to be merged. */
  readonly isFinal: boolean
}

export interface RunSettings {
  readonly runner: JobRunner
  /** What is the same for every run. */
  readonly task: Omit<RunTask, 'memtable' | 'seqno' | 'layout'>
  /** The layout of files that stay. */
  readonly layout: RunTask['layout']
  /** A run is written when its rows take this much memory. */
  readonly runBytes: number
  /** Runs that are written at the same time. */
  readonly runsInFlight: number
  readonly signal: AbortSignal
}

/** Runs that only wait to be merged are written as fast as can be. */
const WAITING_LAYOUT = layoutFor(1, { compression: 'none', dictionary: false })

/**
 * Collects rows in memory, and has a run of them written, sorted by key, whenever they fill it. While one is written
 * the next is filled.
 */
export class RunCollector {
  rows = 0
  /** Encoded bytes of the rows. */
  bytes = 0
  readonly #codec: RowCodec
  readonly #settings: RunSettings
  readonly #scratch: ByteWriter = new ByteWriter(1024)
  #memtable: Memtable
  readonly #state: {
    /** Every key so far was above the one before. */
    isAscending: boolean
    lastKey: Uint8Array
    lastLength: number
    readonly writing: Set<Promise<void>>
    /** By place in the input; what is not written yet is absent. */
    readonly runs: (Run | undefined)[]
    failure: Error | undefined
  } = {
    isAscending: true,
    lastKey: new Uint8Array(64),
    lastLength: -1,
    writing: new Set(),
    runs: [],
    failure: undefined,
  }

  constructor(codec: RowCodec, settings: RunSettings) {
    this.#codec = codec
    this.#settings = settings
    this.#memtable = new Memtable({ bytesMax: settings.runBytes })
  }

  /**
   * Adds a row. False if there is no room: nothing has changed; await `makeRoom` and add it again. A row that does not
   * fit the schema throws `INVALID`, naming its number, from 1.
   */
  add(row: unknown): boolean {
    const scratch = this.#scratch
    scratch.clear()
    let keyLength: number
    try {
      keyLength = this.#codec.encodeRow(row, scratch)
    } catch (error) {
      if (!(error instanceof MeruError)) throw error
      throw new MeruError(error.code, `row ${this.rows + 1} of the input: ${error.message}`, { cause: error })
    }
    const { bytes, length } = scratch
    const place = this.rows + 1
    if (!this.#memtable.apply(bytes, 0, keyLength, keyLength, length, place, KIND_PUT)) return false
    this.rows = place
    this.bytes += length
    if (this.#state.isAscending) this.#follow(bytes, keyLength)
    return true
  }

  /** Sends the full run on its way, and waits until there is memory for the next. Throws if a run failed. */
  async makeRoom(): Promise<void> {
    const { runsInFlight, runBytes } = this.#settings
    this.#send({ isFinal: this.#state.isAscending })
    this.#memtable = new Memtable({ bytesMax: runBytes })
    while (this.#state.writing.size >= runsInFlight) await Promise.race(this.#state.writing)
    if (this.#state.failure !== undefined) throw this.#state.failure
  }

  /** Writes what is left. The runs in the order of the input; nobody may add rows any more. */
  async finish(): Promise<Run[]> {
    const isOnly = this.#state.runs.length === 0
    if (this.#memtable.entries > 0) this.#send({ isFinal: isOnly || this.#state.isAscending })
    await Promise.all(this.#state.writing)
    if (this.#state.failure !== undefined) throw this.#state.failure
    return this.#state.runs.filter((run) => run !== undefined)
  }

  /** Waits for the runs that are on their way. The files of all runs that were written, for removal. */
  async abandon(): Promise<SstMeta[]> {
    await Promise.all(this.#state.writing)
    return this.#state.runs.flatMap((run) => run?.files ?? [])
  }

  #send({ isFinal }: { isFinal: boolean }): void {
    const { runner, task, layout, signal } = this.#settings
    const memtable = this.#memtable
    memtable.seal()
    const state = this.#state
    const index = state.runs.push(undefined) - 1
    const done = runner
      .writeRun({ ...task, memtable, seqno: 0, layout: isFinal ? layout : WAITING_LAYOUT }, { signal })
      .then((files) => void (state.runs[index] = { files, isFinal }))
      .catch((error: unknown) => void (state.failure ??= asError(error)))
      .finally(() => state.writing.delete(done))
    state.writing.add(done)
  }

  #follow(bytes: Uint8Array, keyLength: number): void {
    const state = this.#state
    if (compareBytes(bytes, 0, keyLength, state.lastKey, 0, Math.max(0, state.lastLength)) <= 0) {
      if (state.lastLength >= 0) state.isAscending = false
    }
    if (keyLength > state.lastKey.length) state.lastKey = new Uint8Array(2 * keyLength)
    for (let i = 0; i < keyLength; i++) state.lastKey[i] = bytes[i]
    state.lastLength = keyLength
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

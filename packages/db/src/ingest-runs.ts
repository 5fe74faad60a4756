import { ByteWriter, compareBytes, KIND_PUT, MeruError, type RowCodec, type SstMeta } from '@meru/core'
import type { JobRunner, RunTask } from '@meru/compaction'
import { Memtable } from '@meru/memtable'
import { layoutFor } from '@meru/sst'
import { PartQueue } from './part-queue.ts'

/** Files of one run, and whether they may stay as they are. */
export interface Run {
  readonly files: readonly SstMeta[]
  /** Written as files of a deep level are; others only wait to be merged. */
  readonly isFinal: boolean
}

export interface RunSettings {
  readonly runner: JobRunner
  /** What is the same for every run. */
  readonly task: Omit<RunTask, 'parts' | 'seqno' | 'layout'>
  /** The layout of files that stay. */
  readonly layout: RunTask['layout']
  /** A run ends when its rows take this much memory. */
  readonly runBytes: number
  /** Runs that are written at the same time. */
  readonly runsInFlight: number
  readonly signal: AbortSignal
  /** Calls a task after so many milliseconds. */
  readonly after: (milliseconds: number, task: () => void) => void
}

/** Runs that only wait to be merged are written as fast as can be. */
const WAITING_LAYOUT = layoutFor(1, { compression: 'none', dictionary: false })

/**
 * While keys ascend, rows are handed on when they take this much memory: little enough that reading rows and writing
 * files go on side by side, that what was handed on is still in the processor's cache, and that parts on their way weigh
 * little beside what the thread holds.
 */
const PART_BYTES = 1_000_000
/** So long a run waits for its next part, in milliseconds. */
const IDLE_MS = 250
/** The least parts of a full run. */
const PARTS_MIN = 4

/** A run that is being written. Its runs before it may be, too. */
interface OpenRun {
  readonly parts: PartQueue
  bytes: number
}

interface RunState {
  /** Every key so far was above the one before. */
  isAscending: boolean
  /** The source once gave nothing for a while. */
  isSlow: boolean
  lastKey: Uint8Array
  lastLength: number
  /** The run that the next part belongs to, while keys ascend. */
  open: OpenRun | undefined
  /** Memtables that were handed on and are not written yet. */
  unwritten: number
  readonly writing: Set<Promise<void>>
  /** By place in the input; what is not written yet is absent. */
  readonly runs: (Run | undefined)[]
  failure: Error | undefined
  /** Called when a part was written or a run has ended. */
  wake: () => void
}

/**
 * Collects rows in memory and has them written, sorted by key, as runs. While keys ascend a run is handed on in parts;
 * once they do not, whole, when it fills its memory. While some are written the next are collected.
 */
export class RunCollector {
  rows = 0
  /** Encoded bytes of the rows. */
  bytes = 0
  readonly #codec: RowCodec
  readonly #settings: RunSettings
  readonly #scratch: ByteWriter = new ByteWriter(1024)
  #memtable: Memtable
  readonly #state: RunState = {
    isAscending: true,
    isSlow: false,
    lastKey: new Uint8Array(64),
    lastLength: -1,
    open: undefined,
    unwritten: 0,
    writing: new Set(),
    runs: [],
    failure: undefined,
    wake: () => undefined,
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
    const isPart = this.#inParts && this.#memtable.entries > 0
    if (isPart && this.#memtable.bytesUsed >= partBytesOf(this.#settings)) return false
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

  /** Hands on what was collected, and waits until there is memory for more. Throws if a run failed. */
  async makeRoom(): Promise<void> {
    const { runsInFlight, runBytes } = this.#settings
    const state = this.#state
    this.#handOn({ isLast: false })
    this.#memtable = new Memtable({ bytesMax: runBytes })
    // Of ascending runs each is written by one thread: those of the other threads have to wait in memory.
    const ahead = 1 + Math.ceil(runBytes / partBytesOf(this.#settings)) * (runsInFlight - 1)
    const unwrittenMax = this.#inParts ? 1 + ahead : runsInFlight
    while (state.unwritten >= unwrittenMax && state.failure === undefined) {
      await new Promise<void>((resolve) => void (state.wake = resolve))
    }
    if (state.failure !== undefined) throw state.failure
  }

  /** Writes what is left. The runs in the order of the input; nobody may add rows any more. */
  async finish(): Promise<Run[]> {
    const state = this.#state
    if (this.#memtable.entries > 0) this.#handOn({ isLast: true })
    this.#endRun()
    await Promise.all(state.writing)
    if (state.failure !== undefined) throw state.failure
    return state.runs.filter((run) => run !== undefined)
  }

  /** Waits for the runs that are on their way. The files of all runs that were written, for removal. */
  async abandon(): Promise<SstMeta[]> {
    this.#endRun()
    await Promise.all(this.#state.writing)
    return this.#state.runs.flatMap((run) => run?.files ?? [])
  }

  #handOn({ isLast }: { isLast: boolean }): void {
    const state = this.#state
    const memtable = this.#memtable
    memtable.seal()
    if (!this.#inParts) this.#endRun()
    // The only run of all stays as it is, in whatever order its rows came.
    const isFinal = state.isAscending || (isLast && state.runs.length === 0)
    const run = (state.open ??= this.#begin({ isFinal }))
    run.bytes += memtable.bytesUsed
    state.unwritten++
    run.parts.push(memtable)
    if (!this.#inParts || run.bytes >= this.#settings.runBytes) this.#endRun()
  }

  /** Whether what is collected goes to its run in parts. */
  get #inParts(): boolean {
    return this.#state.isAscending && !this.#state.isSlow
  }

  /**
   * A run keeps a thread from other work, that of compactions too: it does not wait for a source that has nothing to
   * give, which may itself wait for them. Runs of such a source are handed on whole from then on.
   */
  #endIfIdle(): void {
    const state = this.#state
    const run = state.open
    const bytes = run?.bytes
    this.#settings.after(IDLE_MS, () => {
      if (run === undefined || state.open !== run || run.bytes !== bytes) return
      state.isSlow = true
      this.#endRun()
    })
  }

  #endRun(): void {
    this.#state.open?.parts.end()
    this.#state.open = undefined
  }

  #begin({ isFinal }: { isFinal: boolean }): OpenRun {
    const { runner, task, layout, signal } = this.#settings
    const state = this.#state
    const parts = new PartQueue(() => {
      state.unwritten--
      state.wake()
      if (state.unwritten === 0) this.#endIfIdle()
    })
    const index = state.runs.push(undefined) - 1
    const done = runner
      .writeRun({ ...task, parts, seqno: 0, layout: isFinal ? layout : WAITING_LAYOUT }, { signal })
      .then((files) => void (state.runs[index] = { files, isFinal }))
      .catch((error: unknown) => void (state.failure ??= asError(error)))
      .finally(() => {
        state.writing.delete(done)
        state.wake()
      })
    state.writing.add(done)
    return { parts, bytes: 0 }
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

/** While keys ascend, a memtable is handed on at this size. */
function partBytesOf({ runBytes }: RunSettings): number {
  return Math.min(PART_BYTES, Math.ceil(runBytes / PARTS_MIN))
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

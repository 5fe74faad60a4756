import { setTimeout } from 'node:timers/promises'
import type { Lane } from './lanes.ts'
import { Latency, timed } from './latency.ts'
import { identityOf, type Moment, type Recorder, type Tables } from './recorder.ts'

const WINDOW_ROWS_MAX = 256
/** Reads that never wait would leave no time of the one thread to the writers. */
const PAUSE_MS = 2

/** A read that gave something else than what was written. */
export class WrongAnswer extends Error {
  override readonly name: string = 'WrongAnswer'
}

/** Reads while others write, and compares every answer with what it must be. */
export class Reader {
  readonly gets: Latency = new Latency()
  readonly scans: Latency = new Latency()
  /** Rows that were compared. */
  rows = 0
  readonly #tables: Tables
  readonly #recorder: Recorder
  readonly #lanes: readonly Lane[]

  constructor(tables: Tables, recorder: Recorder, lanes: readonly Lane[]) {
    this.#tables = tables
    this.#recorder = recorder
    this.#lanes = lanes
  }

  /** Reads until the signal says stop. Throws `WrongAnswer` at the first wrong one. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (let i = 0; i < 20 && !signal.aborted; i++) {
        await this.#getProcess()
        await this.#getSample()
      }
      await this.#scanLane()
      await setTimeout(PAUSE_MS)
    }
  }

  /** All rows of a moment, against the model of that moment. */
  async checkMoment({ snapshot, model }: Moment): Promise<void> {
    const rows = await timed(this.scans, () => this.#tables.processes.scan({ snapshot }).toArray())
    if (rows.length !== model.size) {
      throw new WrongAnswer(`a snapshot of processes has ${rows.length} rows instead of ${model.size}`)
    }
    for (const row of rows) expectRow(model.get(identityOf(row)), row)
    this.rows += rows.length
  }

  /**
   * A process as it is now. Ticks go on meanwhile, so the row may be newer than the one known before; it may be gone
   * only if a tick found that the process had ended.
   */
  async #getProcess(): Promise<void> {
    const before = pick(this.#recorder.rows)
    if (before === undefined) return
    const { pid, started } = before
    const row = await timed(this.gets, () => this.#tables.processes.get({ pid, started }))
    this.rows++
    if (row === undefined) {
      await this.#recorder.settled()
      if (this.#recorder.model.has(identityOf(before))) throw new WrongAnswer(`process ${pid} is missing`)
    } else if (row.tick < before.tick) {
      throw new WrongAnswer(`process ${pid} is of tick ${row.tick}, but tick ${before.tick} was acknowledged`)
    }
  }

  async #getSample(): Promise<void> {
    const wanted = pick(pick(this.#lanes)?.written ?? [])
    if (wanted === undefined) return
    const { metric, subject, taken_at } = wanted
    const row = await timed(this.gets, () => this.#tables.samples.get({ metric, subject, taken_at }))
    this.rows++
    expectRow(wanted, row)
  }

  /** Some neighbouring samples of one lane: all of them, in order, and nothing between them. */
  async #scanLane(): Promise<void> {
    const lane = pick(this.#lanes)
    if (lane === undefined || lane.written.length === 0) return
    const from = Math.floor(Math.random() * lane.written.length)
    const wanted = lane.written.slice(from, from + WINDOW_ROWS_MAX)
    const { metric, subject } = lane
    const range = {
      gte: { metric, subject, taken_at: wanted[0].taken_at },
      lte: { metric, subject, taken_at: wanted[wanted.length - 1].taken_at },
    }
    const rows = await timed(this.scans, () => this.#tables.samples.scan(range).toArray())
    if (rows.length !== wanted.length) {
      throw new WrongAnswer(`a range of ${metric} has ${rows.length} rows instead of ${wanted.length}`)
    }
    wanted.forEach((row, index) => expectRow(row, rows[index]))
    this.rows += rows.length
  }
}

function pick<T>(items: readonly T[]): T | undefined {
  return items[Math.floor(Math.random() * items.length)]
}

function expectRow(wanted: object | undefined, row: object | undefined): void {
  if (wanted !== undefined && row !== undefined && isEqual(wanted, row)) return
  throw new WrongAnswer(`${show(row)} was read instead of ${show(wanted)}`)
}

function isEqual(a: object, b: object): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => plain(a, name) === plain(b, name))
}

function plain(row: object, name: string): unknown {
  const value: unknown = Reflect.get(row, name)
  return value instanceof Date ? value.getTime() : value
}

function show(row: object | undefined): string {
  if (row === undefined) return 'nothing'
  return Object.keys(row)
    .map((name) => `${name}=${String(plain(row, name))}`)
    .join(' ')
}
